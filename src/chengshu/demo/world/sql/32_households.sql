-- Who lives with whom on day 0 (those to come: on their first day). A household has the id of its head.
CREATE TABLE own AS
SELECT
  soul.id, coalesce(if(his.woman IS NOT NULL AND soul.died <= first_day(), his.woman, NULL), if(hers.man_died <= first_day(), NULL, hers.man), soul.id) AS own,
  his.woman IS NOT NULL OR hers.man IS NOT NULL AS is_coupled,
  coalesce(soul.died <= first_day() AND coalesce(his.woman_died, hers.man_died, if(his.woman IS NULL AND hers.man IS NULL, soul.died, NULL)) <= first_day(), false) AS is_empty
FROM soul
LEFT JOIN couple AS his ON his.man = soul.id
LEFT JOIN couple AS hers ON hers.woman = soul.id;

CREATE TABLE nucleus AS
WITH placed AS (
  SELECT
    own.id, soul.year, is_migrant, mother, own.own, mothers.own AS mothers_own,
    year(aged_on) - year < 18 AS is_minor,
    NOT mothers.is_empty AND NOT own.is_coupled
      AND chance('at home', own.id) < CASE
        WHEN year(aged_on) - year < 18 THEN 1 WHEN year >= 2003 THEN 0.95 WHEN year >= 1996 THEN 0.72 WHEN year >= 1980 THEN 0.5 ELSE 0.3 END AS is_at_home
  FROM own JOIN soul USING (id) LEFT JOIN parent ON parent.id = own.id LEFT JOIN own AS mothers ON mothers.id = mother
), ward AS (
  SELECT id, row_number() OVER (ORDER BY id) AS place FROM placed WHERE is_minor AND coalesce(NOT is_at_home, true)
), guardian AS (
  SELECT man, row_number() OVER (ORDER BY roll('guardian', man), man) AS place
  FROM couple WHERE man_died IS NULL AND woman_died IS NULL AND man_born BETWEEN DATE '1956-01-01' AND DATE '1986-01-01'
)
SELECT
  placed.id, placed.year, mother, placed.own,
  coalesce(guardian.man, if(is_at_home, mothers_own, placed.own)) AS nucleus,
  CASE WHEN guardian.man IS NOT NULL THEN 'ward' WHEN is_at_home THEN 'child' ELSE 'own' END AS part
FROM placed
LEFT JOIN ward ON ward.id = placed.id
LEFT JOIN guardian ON guardian.place = ward.place;

-- Some of the old live with one of their children.
CREATE TABLE joined AS
WITH elder AS (
  SELECT head.own AS elder, child.nucleus AS host, roll('host', child.id) AS dice
  FROM nucleus AS child
  JOIN nucleus AS head ON head.id = child.mother
  JOIN soul ON soul.id = child.nucleus AND soul.died IS NULL
  WHERE child.nucleus <> head.own AND child.part = 'own' AND child.year BETWEEN 1966 AND 2000
)
SELECT elder, arg_min(host, dice) AS host
FROM elder
WHERE elder IN (SELECT id FROM soul WHERE year <= 1963)
  AND chance('joins', elder) < if(elder IN (SELECT man FROM couple WHERE woman_died IS NULL), 0.36, 0.62)
GROUP BY elder;
DELETE FROM joined WHERE host IN (SELECT elder FROM joined);

CREATE MACRO moves_of(household) AS
  if(chance('moves', household) < in_period(0.005), coming_day('moves', household), NULL);

CREATE TABLE dwelling AS
SELECT
  nucleus.id, coalesce(host, nucleus.nucleus) AS household,
  CASE
    WHEN coalesce(host, nucleus.nucleus) = nucleus.id THEN '02'
    WHEN soul.died <= first_day() THEN if(soul.sex = 1, '02', '12')
    WHEN nucleus.part = 'child' AND host IS NULL THEN if(soul.sex = 1, '20', '30')
    WHEN nucleus.part = 'ward' THEN '97'
    WHEN host IS NULL THEN '12'
    WHEN nucleus.part = 'child' THEN '70'
    WHEN nucleus.id IN (heads.mother, heads.father) THEN if(soul.sex = 1, '51', '52')
    ELSE if(host_soul.sex = 1, if(soul.sex = 1, '55', '56'), if(soul.sex = 1, '53', '54'))
  END AS relation
FROM nucleus
JOIN soul USING (id)
LEFT JOIN joined ON elder = nucleus.nucleus
LEFT JOIN parent AS heads ON heads.id = host
LEFT JOIN soul AS host_soul ON host_soul.id = host;

-- In the days of the demo a bride moves to her husband, and a wife out of a marriage that ends.
CREATE TABLE resettled AS
SELECT woman AS id, married_on + 3 + CAST(pick('resettled', man, 8) AS INTEGER) AS changed_on, household, if(household = man, '12', '38') AS relation
FROM wedding JOIN dwelling ON dwelling.id = man WHERE kind = 'new'
UNION ALL
SELECT woman, ended_on + 3 + CAST(pick('resettled', man, 20) AS INTEGER), 10000000000 + woman, '02'
FROM wedding WHERE kind = 'current' AND end_kind = '离婚' AND ended_on > first_day();

CREATE TABLE household AS
SELECT
  id, moves_of(id) AS moves_on, moves_of(id) + 1 + CAST(pick('moves known', id, 6) AS INTEGER) AS moved_known,
  CAST(pick('home', id, getvariable('addresses')) AS INTEGER) AS home,
  CAST(pick('next home', id, getvariable('addresses')) AS INTEGER) AS next_home
FROM (SELECT household AS id FROM dwelling UNION SELECT household FROM resettled);
