SELECT
  holding.id AS _id, row_number() OVER (ORDER BY roll('serial ' || getvariable('day'), holding.id), holding.id) AS "XH",
  firm_now.uscc AS "UNISCID", coalesce(held.name, human.name) AS "INV", coalesce(held.uscc, human.citizen_id) AS "CERNO",
  if(company IS NULL, '自然人', '企业法人') AS "INVTYPE", CAST(if(firm_now.changes = 'capital' AND known(firm_now.changed_known), 2, 1) * holding.capital * ratio / 100 AS DECIMAL(14, 4)) AS "SUBCONAM", ratio AS "CONPROP"
FROM holding
JOIN firm_now ON firm_now.id = holding.firm
LEFT JOIN firm AS held ON held.id = company
LEFT JOIN person AS human ON human.id = if(company IS NULL, person, NULL)
WHERE is_active
ORDER BY "XH"
