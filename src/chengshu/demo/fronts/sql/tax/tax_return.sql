WITH quarter AS (
  SELECT unnest(if(getvariable('day') = 0, [DATE '2025-03-31', DATE '2025-06-30', DATE '2025-09-30', DATE '2025-12-31'], [DATE '2026-03-31'])) AS ends_on
), due AS (
  SELECT *, firm_now.id * 1000 + (year(ends_on) - 2020) * 10 + quarter(ends_on) AS turn
  FROM firm_now, quarter
  WHERE established_on < ends_on - 20 AND coalesce(least(cancelled_on, revoked_on), DATE '2099-01-01') > ends_on
    AND chance('files', firm_now.id) < if(is_shop, 0.22, 0.93)
), filed AS (
  SELECT *,
    ends_on + 1 + CAST(pick('filed', turn, 15) AS INTEGER) AS filed_on,
    CAST(staff * sales * 2500 * exp(0.5 * bell('sales', id) + 0.2 * bell('season', turn)) / if(is_shop, 2, 1) AS DECIMAL(14, 2)) AS sold
  FROM due
), taxed AS (
  SELECT *, CAST(sold * if(tax_kind = '增值税', if(is_shop OR sold < 300000, 0.01, 0.028), 0.006 + 0.01 * chance('margin', id)) AS DECIMAL(14, 2)) AS tax
  FROM filed, (VALUES (1, '增值税'), (2, '企业所得税')) AS kinds (kind, tax_kind)
  WHERE kind = 1 OR NOT is_shop
)
SELECT
  turn * 2 + kind AS _id, '330200' || strftime(ends_on, '%y%m') || lpad(CAST(id * 2 + kind AS VARCHAR), 9, '0') AS "SBXH", uscc AS "NSRSBH", name AS "NSRMC",
  strftime(ends_on, '%Y-%m') AS "SKSSQ", tax_kind AS "ZSXM", sold AS "XSE", tax AS "YNSE",
  CASE WHEN chance('in arrears', turn) < 0.03 THEN CAST(tax / 2 AS DECIMAL(14, 2)) ELSE tax END AS "SJSE", filed_on AS "SBRQ"
FROM taxed
WHERE getvariable('day') = 0 OR filed_on = getvariable('today')
ORDER BY filed_on, turn, kind
