-- Marital state by age and sex.
CREATE TABLE marital_at AS
SELECT ages.sex, ages.age, married, married + divorced AS divorced, married + divorced + widowed AS widowed
FROM (SELECT sex, age FROM (VALUES (1), (2)) AS sexes (sex), range(0, 120) AS ages (age)) AS ages
ASOF JOIN marital ON marital.sex = ages.sex AND ages.age >= marital.age;

CREATE TABLE adult AS
SELECT
  id, soul.sex, born, died, is_migrant,
  CASE WHEN dice < married THEN 'married' WHEN dice < divorced THEN 'divorced' WHEN dice < widowed THEN 'widowed' ELSE 'single' END AS state,
  CAST(born - DATE '1900-01-01' AS INTEGER) + CAST(900 * bell('mate', id) AS INTEGER) AS rank
FROM (SELECT *, pick('marital', id, 1000) AS dice FROM soul WHERE crowd IN ('resident', 'dead', 'migrant') AND year <= 2005) AS soul
JOIN marital_at ON marital_at.sex = soul.sex AND age = year(aged_on) - year;

-- Couples: of the sex that is more, some stay without; then the oldest with the oldest, more or less.
CREATE TABLE couple AS
WITH counted AS (
  SELECT is_migrant, sex, count(*) AS n FROM adult WHERE state = 'married' GROUP BY ALL
), kept AS (
  SELECT adult.*, row_number() OVER (PARTITION BY adult.is_migrant, adult.sex ORDER BY rank, id) AS place
  FROM adult
  JOIN counted AS own ON own.sex = adult.sex AND own.is_migrant = adult.is_migrant
  JOIN counted AS other ON other.sex = 3 - adult.sex AND other.is_migrant = adult.is_migrant
  WHERE state = 'married' AND chance('pair', id) < other.n / own.n
)
SELECT
  man.id AS man, woman.id AS woman, man.born AS man_born, woman.born AS woman_born,
  man.died AS man_died, woman.died AS woman_died
FROM kept AS man JOIN kept AS woman ON man.is_migrant = woman.is_migrant AND man.place = woman.place
WHERE man.sex = 1 AND woman.sex = 2;

-- Those who were married before: they are divorced, or live with somebody else by now.
CREATE TABLE parted AS
WITH former AS (
  SELECT *, row_number() OVER (PARTITION BY sex ORDER BY rank, id) AS place
  FROM adult
  WHERE NOT is_migrant AND (state = 'divorced' OR state = 'married' AND born < DATE '1995-01-01' AND chance('again', id) < 0.05)
)
SELECT man, woman, married_on, day_of('divorced', man * 2 + 1, married_on + 400, least(married_on + 6000, first_day() - 60)) AS ended_on
FROM (
  SELECT
    man.id AS man, woman.id AS woman,
    greatest(birthday(man.born, 22), birthday(woman.born, 20)) + CAST(pick('married', man.id * 2 + 1, 1800) AS INTEGER) AS married_on
  FROM former AS man JOIN former AS woman USING (place)
  WHERE man.sex = 1 AND woman.sex = 2
) WHERE married_on < first_day() - 600;
DELETE FROM parted USING couple WHERE parted.man = couple.man AND parted.woman = couple.woman;
DELETE FROM parted USING soul WHERE soul.id IN (man, woman) AND (soul.died < ended_on + 300);

-- Children to mothers: each woman may bear three, at ages of her own; those born in a year go to the
-- women whose turn it is, first children first.
CREATE TABLE parent AS
WITH mother AS (
  SELECT id, is_migrant, year(born) AS year, died, bell('first child', id) AS early, year(born) >= 1980 AS modern
  FROM adult WHERE sex = 2 AND state <> 'single'
), turn AS (
  SELECT
    id, is_migrant, child, died,
    year + CAST(greatest(20, least(38, round(if(modern, 27.2, 25) + 3.2 * early))) AS INTEGER)
      + CASE child WHEN 1 THEN 0 WHEN 2 THEN 2 + pick('second', id, 4) ELSE 4 + pick('second', id, 4) + pick('third', id, 4) END AS year
  FROM mother, (VALUES (1), (2), (3)) AS children (child)
), place AS (
  SELECT id AS mother, is_migrant, year, row_number() OVER (PARTITION BY is_migrant, year ORDER BY child + 1.1 * chance('turn', id * 3 + child), id) AS place
  FROM turn WHERE year >= 1965 AND (died IS NULL OR year(died) > year)
), child AS (
  SELECT id, is_migrant, year, row_number() OVER (PARTITION BY is_migrant, year ORDER BY roll('child', id), id) AS place
  FROM soul WHERE year >= 1965 AND crowd IN ('resident', 'newborn', 'dead', 'migrant')
), found AS (
  SELECT child.id, place.mother FROM child JOIN place USING (is_migrant, year, place)
)
SELECT
  found.id, found.mother,
  if(man.born < soul.born - 16 * 366 AND (man.died IS NULL OR man.died > soul.born), man.id, NULL) AS father
FROM found
JOIN soul ON soul.id = found.id
LEFT JOIN couple ON couple.woman = found.mother
LEFT JOIN parted ON parted.woman = found.mother
LEFT JOIN soul AS man ON man.id = coalesce(couple.man, parted.man);

-- Whoever has a couple's father gets his name, and that of his father's father.
CREATE TABLE lineage AS
SELECT parent.id, coalesce(third.father, second.father, parent.father) AS line
FROM parent
LEFT JOIN parent AS second ON second.id = parent.father
LEFT JOIN parent AS third ON third.id = second.father
WHERE parent.father IS NOT NULL;
