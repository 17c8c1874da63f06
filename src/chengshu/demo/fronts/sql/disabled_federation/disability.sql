WITH holder AS (
  SELECT
    *, [1, 1, 2, 2, 3, 4, 4, 4, 4, 5, 6, 7][1 + pick('disability', id, 12)] AS kind, [1, 2, 2, 3, 3, 4, 4, 4][1 + pick('level', id, 8)] AS level
  FROM person
  WHERE crowd = 'resident' AND chance('disabled', id) < CASE WHEN year > 2008 THEN 0.006 WHEN year > 1985 THEN 0.011 WHEN year > 1965 THEN 0.022 ELSE 0.045 END
    AND NOT known(death_known + 25) AND NOT known(left_on + 15)
)
SELECT
  holder.id AS _id, holder.citizen_id || kind || level AS "残疾人证号", holder.citizen_id AS "身份证号", holder.name AS "姓名", kind AS "残疾类别", level AS "残疾等级",
  day_of('disabled', holder.id, greatest(holder.born + 900, DATE '2009-01-01'), first_day() - 20) AS "发证日期",
  if(holder.year > 2008 OR kind IN (5, 6), coalesce(mother.name, father.name), NULL) AS "监护人"
FROM holder
LEFT JOIN person AS mother ON mother.id = holder.mother AND mother.died IS NULL
LEFT JOIN person AS father ON father.id = holder.father AND father.died IS NULL
WHERE holder.born < first_day() - 950
ORDER BY holder.id
