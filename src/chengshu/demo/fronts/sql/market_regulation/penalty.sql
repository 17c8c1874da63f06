WITH fined AS (
  SELECT
    firm_now.*, nth, firm_now.id * 4 + nth AS case_id, pick('act', firm_now.id * 4 + nth, 12) AS act,
    if(chance('new case', firm_now.id * 4 + nth) < in_period(0.03), coming_day('decided', firm_now.id * 4 + nth),
      day_of('decided', firm_now.id * 4 + nth, greatest(established_on + 60, first_day() - 1800), first_day() - 1)) AS decided_on
  FROM firm_now, range(0, 4) AS cases (nth)
  WHERE established_on < first_day() - 90 AND chance('fined', firm_now.id) < 0.07 AND nth < 1 + pick('cases', firm_now.id, 3) * pick('many cases', firm_now.id, 2)
    AND (cancelled_on IS NULL OR cancelled_on > first_day() - 30)
), decided AS (
  SELECT *, decided_on + 1 + CAST(pick('published', case_id, 6) AS INTEGER) AS published_on,
    ['销售超过保质期的食品', '未明码标价', '发布违法广告', '未按规定公示年度报告', '销售不合格产品', '虚假宣传', '无证经营', '商标侵权', '计量器具未经检定', '未建立进货查验制度', '特种设备未经检验投入使用', '擅自改变登记事项'][1 + act] AS wrong,
    ['《中华人民共和国食品安全法》第一百二十四条', '《中华人民共和国价格法》第四十二条', '《中华人民共和国广告法》第五十五条', '《企业信息公示暂行条例》第十八条', '《中华人民共和国产品质量法》第四十九条', '《中华人民共和国反不正当竞争法》第二十条', '《无证无照经营查处办法》第十三条', '《中华人民共和国商标法》第六十条', '《中华人民共和国计量法》第二十五条', '《中华人民共和国食品安全法》第一百二十六条', '《中华人民共和国特种设备安全法》第八十四条', '《中华人民共和国市场主体登记管理条例》第四十六条'][1 + act] AS basis,
    ['罚款', '警告', '罚款', '警告', '没收', '罚款', '停业', '罚款', '警告', '警告', '罚款', '罚款'][1 + act] AS penalty
  FROM fined
)
SELECT
  case_id AS _id, '临市监处罚〔' || year(decided_on) || '〕' || lpad(CAST(case_id AS VARCHAR), 7, '0') || '号' AS cf_wsh,
  uscc AS xdr_shxym, decided.name AS xdr_mc, person.name AS fr, wrong AS wfxw, basis AS cf_yj,
  if(pick('grave', case_id, 200) = 0, '吊销', penalty) AS cf_lb,
  if(penalty IN ('罚款', '没收'), CAST(round(exp(7 + 1.5 * bell('fine', case_id)) / 100) / 100 AS DECIMAL(12, 6)), NULL) AS nr_fk,
  strftime(decided_on, '%Y/%m/%d') AS jdrq, strftime(published_on, '%Y/%m/%d') AS gsrq, strftime(birthday(published_on, if(penalty = '停业', 3, 1)), '%Y/%m/%d') AS gsjzq
FROM decided JOIN person ON person.id = leader
WHERE comes(published_on)
ORDER BY published_on, case_id
