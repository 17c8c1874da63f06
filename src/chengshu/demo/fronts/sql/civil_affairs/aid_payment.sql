WITH recipient AS (
  SELECT *, pick('aid kind', id, 100) AS dice
  FROM person
  WHERE crowd IN ('resident', 'dead') AND chance('aid', id) < if(year < 1960, 0.07, 0.019) AND (left_on IS NULL OR left_on > first_day())
    AND (died IS NULL OR death_known > DATE '2026-01-01')
), paid AS (
  SELECT *, month_of(paid_month) AS month
  FROM recipient, (SELECT unnest(if(getvariable('day') = 0, ['202601', '202602', '202603'], ['202604'])) AS paid_month)
)
SELECT
  id * 1000000 + CAST(paid_month AS BIGINT) AS _id, citizen_id AS "领取人身份证号", name AS "领取人", paid_month AS "发放月份",
  CASE WHEN dice < 68 THEN '低保' WHEN dice < 80 THEN '特困' ELSE '临时' END AS "救助类别",
  CAST(CASE WHEN dice < 68 THEN 380 + pick('aid', id, 36) * 20 WHEN dice < 80 THEN 1480 ELSE 500 + pick('aid', id * 100 + month(month), 30) * 100 END AS DECIMAL(10, 2)) AS "金额（元）",
  bank_account(id) AS "银行账号"
FROM paid
WHERE (death_known IS NULL OR death_known + 5 > month) AND (dice < 80 OR chance('aid month', id * 100 + month(month)) < 0.3)
ORDER BY paid_month, roll('aid', id), id
