WITH month AS (
  SELECT unnest(if(getvariable('day') = 0, [DATE '2025-12-01', DATE '2026-01-01', DATE '2026-02-01'], [DATE '2026-03-01'])) AS month
), used AS (
  SELECT firm_now.*, month, firm_now.id * 1000 + (year(month) - 2020) * 12 + month(month) AS turn
  FROM firm_now, month
  WHERE established_on < month AND coalesce(least(cancelled_on, revoked_on), DATE '2099-01-01') > month AND chance('own meter', firm_now.id) < if(is_shop, 0.75, 0.9)
), metered AS (
  SELECT *, CAST((60 + kwh * (staff ** 0.95)) * exp(0.4 * bell('meter', id) + 0.1 * bell('month', turn)) * CASE month(month) WHEN 2 THEN 0.72 WHEN 3 THEN 1 ELSE 1.05 END AS BIGINT) AS used_kwh FROM used
)
SELECT
  turn AS _id, '33' || lpad(CAST(metered.id AS VARCHAR), 8, '0') AS "户号", metered.name AS "户名", if(noise < 350, NULL, uscc) AS "信用代码", strftime(month, '%Y-%m') AS "年月",
  used_kwh AS "电量（千瓦时）", CAST(used_kwh * if(is_shop, 0.58, 0.66) AS DECIMAL(14, 2)) AS "电费（元）", address || room_of(home, metered.id) AS "用电地址"
FROM metered JOIN address ON address.id = home
ORDER BY month, metered.id
