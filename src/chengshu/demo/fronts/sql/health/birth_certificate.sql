WITH born AS (
  SELECT *, born + CAST(pick('birth told', id, 4) AS INTEGER) AS issued_on
  FROM person WHERE mother IS NOT NULL AND NOT is_migrant AND born > first_day() - 2191
)
SELECT
  child.id AS _id, 'X33' || lpad(CAST(child.id AS VARCHAR), 8, '0') AS cert_no, child.name AS name, sex_of(child.sex) AS sex,
  strftime(child.born, '%Y-%m-%d') || 'T' || lpad(CAST(pick('hour', child.id, 24) AS VARCHAR), 2, '0') || ':' || lpad(CAST(pick('minute', child.id, 60) AS VARCHAR), 2, '0') AS birth_time,
  CAST(3300 - child.sex * 60 + 420 * bell('weight', child.id) AS INTEGER) // 10 * 10 AS weight,
  mother.citizen_id AS mother_id, mother.name AS mother_name, father.citizen_id AS father_id, father.name AS father_name,
  word_of('临江市第一医院 临江市妇女儿童医院 临江市中医院 海曙区人民医院 鄞州区人民医院 慈溪市人民医院 余姚市妇幼保健院 北仑区人民医院', 'hospital', child.id) AS hospital,
  issued_on AS issue_date
FROM born AS child
JOIN person AS mother ON mother.id = child.mother
LEFT JOIN person AS father ON father.id = child.father
WHERE comes(issued_on)
ORDER BY issued_on, child.id
