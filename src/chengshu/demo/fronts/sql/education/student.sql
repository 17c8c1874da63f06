WITH graded AS (
  SELECT *, 2020 - year - if(month(born) >= 9, 1, 0) AS level
  FROM person WHERE year BETWEEN 2007 AND 2019 AND crowd IN ('resident', 'migrant', 'comer')
), placed AS (
  SELECT
    graded.*, community.*, graded.id AS pupil, graded.name AS pupil_name,
    CASE WHEN level <= 6 THEN 2 WHEN level <= 9 THEN 3 ELSE 4 END AS stage
  FROM graded
  JOIN home_now ON home_now.household = if(known(changed_known), household1, household0)
  JOIN address ON address.id = home_now.home
  JOIN community ON community.id = community
  WHERE level BETWEEN 1 AND 12 AND (level <= 9 OR chance('high school', graded.id) < 0.62)
    AND NOT known(left_on) AND NOT known(death_known) AND registered_on <= getvariable('today')
)
SELECT
  pupil AS _id, row_number() OVER (ORDER BY roll('serial ' || getvariable('day'), pupil), pupil) AS "序号",
  placed.citizen_id AS "身份证件号", pupil_name AS "姓名", sex_of(placed.sex) AS "性别",
  CASE stage
    WHEN 2 THEN '临江市' || district || replace(street, '街道', '') || if(right(code, 3) = '001', '中心小学', '第' || CAST(right(code, 3) AS INTEGER) || '小学')
    WHEN 3 THEN '临江市' || district || replace(street, '街道', '') || '初级中学'
    ELSE '临江市' || short || '第' || (1 + pick('high school', pupil, greatest(1, getvariable('streets')))) || '高级中学' END AS "学校名称",
  stage || division || CASE stage
    WHEN 2 THEN lpad(CAST((CAST(right(street_code, 2) AS INTEGER) * 16 + CAST(right(code, 3) AS INTEGER)) % 1000 AS VARCHAR), 3, '0')
    WHEN 3 THEN '0' || right(street_code, 2)
    ELSE lpad(CAST(1 + pick('high school', pupil, greatest(1, getvariable('streets'))) AS VARCHAR), 3, '0') END AS "学校标识码",
  ['一年级', '二年级', '三年级', '四年级', '五年级', '六年级', '初一', '初二', '初三', '高一', '高二', '高三'][level] AS "年级",
  1 + pick('class', pupil, 6) AS "班号", (2026 - CASE stage WHEN 2 THEN level WHEN 3 THEN level - 6 ELSE level - 9 END) || '09' AS "入学年月",
  guardian.citizen_id AS "监护人证件号", guardian.phone AS "监护人电话"
FROM placed
LEFT JOIN person AS guardian ON guardian.id = if(chance('guardian', pupil) < 0.3 AND placed.father IS NOT NULL, placed.father, placed.mother)
ORDER BY "学校标识码", level, "班号", pupil
