WITH listed AS (
  SELECT *, day_of('listed', id, greatest(established_on + 200, first_day() - 1500), first_day() + 28) AS listed_on
  FROM firm_now WHERE NOT is_new AND established_on < first_day() - 300 AND chance('dishonest', id) < if(revoked_on IS NULL, 0.006, 0.12)
), removed AS (
  SELECT *, if(chance('performs', id) < 0.3, day_of('removed', id, listed_on + 30, listed_on + 700), NULL) AS removed_on FROM listed
)
SELECT
  removed.id AS _id, '（' || year(listed_on) || '）浙02' || right(removed.division, 2) || '执' || (100 + removed.id % 9000) || CAST(removed.id // 9000 AS VARCHAR) || '号' AS "案号",
  uscc AS "信用代码", removed.name AS "名称", person.name AS "法定代表人", '临江市' || district.name || '人民法院' AS "执行法院",
  word_of('支付货款 支付劳动报酬 返还借款本金及利息 支付工程款 赔偿损失 支付租金', 'duty', removed.id) || CAST(10000 + 100 * pick('owed', removed.id, 20000) AS VARCHAR) || '元' AS "生效法律文书确定的义务",
  if(removed_on IS NULL AND chance('some', removed.id) < 0.8, '全部未履行', '部分未履行') AS "履行情况",
  in_words_padded(listed_on) AS "发布时间", in_words_padded(if(known(removed_on), removed_on, NULL)) AS "屏蔽时间"
FROM removed JOIN person ON person.id = leader JOIN district ON district.code = removed.division
WHERE listed_on <= getvariable('today')
ORDER BY listed_on, removed.id
