WITH trade AS (
  SELECT
    *,
    CASE
      WHEN industry IN ('6210', '6220', '5212', '5223', '1371', '1361', '1411', '5122') THEN '食品经营'
      WHEN industry IN ('6110', '6121', '8051', '9019') THEN '公共卫生'
      WHEN industry IN ('5431', '5821', '5262', '8111') THEN '道路运输'
      WHEN industry IN ('8423', '5251') THEN '医疗机构'
      WHEN industry IN ('2614', '2641', '5164', '3360') THEN '危化品'
      WHEN industry IN ('7111', '5920', '2319') THEN '特种行业' END AS kind
  FROM firm_now
), given AS (
  SELECT *, id * 2 + nth AS licence,
    CASE
      WHEN nth = 1 THEN birthday(greatest(established_on, DATE '2016-01-01'), 0) + 30 + CAST(pick('licence', id, 200) AS INTEGER)
      WHEN is_new OR established_on > first_day() - 30 THEN established_on + 2 + CAST(pick('licence', id, 15) AS INTEGER)
      WHEN chance('renewed licence', id) < in_period(0.017) THEN coming_day('licence', id)
      ELSE day_of('licence', id, greatest(established_on + 2, first_day() - 1700), first_day() - 1) END AS decided_on
  FROM trade, range(0, 2) AS licences (nth)
  WHERE kind IS NOT NULL AND chance('licensed', id) < 0.94 AND (nth = 0 OR established_on < first_day() - 2600)
), valid AS (
  SELECT *, birthday(decided_on, 5) - 1 AS until, decided_on + 1 + CAST(pick('published', licence, 5) AS INTEGER) AS published_on FROM given
  WHERE cancelled_on IS NULL OR decided_on < cancelled_on
)
SELECT
  licence AS _id, 'XK' || division || year(decided_on) || lpad(CAST(licence AS VARCHAR), 8, '0') AS "许可文书号", uscc AS "统一社会信用代码", name AS "行政相对人", kind AS "许可类别",
  CASE kind WHEN '食品经营' THEN '临江市市场监督管理局' WHEN '公共卫生' THEN '临江市卫生健康委员会' WHEN '医疗机构' THEN '临江市卫生健康委员会'
    WHEN '道路运输' THEN '临江市交通运输局' WHEN '危化品' THEN '临江市应急管理局' ELSE '临江市公安局' END AS "许可机关",
  in_words(decided_on) AS "许可决定日期", in_words(decided_on) AS "有效期自", in_words(until) AS "有效期至", in_words(published_on) AS "公示日期",
  CASE WHEN is_closed(cancelled_on, NULL) THEN '注销' WHEN is_closed(NULL, revoked_on) THEN '撤销' ELSE '有效' END AS "状态"
FROM valid
WHERE comes(published_on)
ORDER BY published_on, licence
