SELECT
  id AS _id, uscc || '001P' AS "XKZBH", uscc AS "TYSHXYDM", name AS "DWMC", valid_from AS "YXQQ",
  birthday(if(known(birthday(valid_from, 5) - 20), birthday(valid_from, 5), valid_from), 5) - 1 AS "YXQZ",
  CAST(0.2 + staff * kwh / 4000 * (0.5 + chance('limit', id)) * if(chance('limit changes', id) < in_period(0.01) AND known(coming_day('limit changes', id)), 0.8, 1) AS DECIMAL(12, 3)) AS "NXKPFL"
FROM (SELECT *, day_of('pollution permit', id, greatest(established_on + 20, first_day() - 1810), greatest(established_on + 200, first_day() - 10)) AS valid_from FROM firm_now WHERE polluting = 1)
WHERE is_active AND valid_from <= getvariable('today')
ORDER BY id
