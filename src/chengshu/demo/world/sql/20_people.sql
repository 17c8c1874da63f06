-- Who there is: those in the register, those who died in the last six years or moved away, those who
-- will be born or come in the days of the demo, and those who came to work and hold a permit.
CREATE TABLE crowd AS
WITH sized (crowd, kind, n) AS (
  VALUES
  ('resident', 'living', getvariable('size')),
  ('dead', 'dying', getvariable('size') * 0.045),
  ('gone', 'moving', getvariable('size') * 0.01),
  ('newborn', 'born', getvariable('size') * in_period(0.00046)),
  ('comer', 'moving', getvariable('size') * in_period(0.0008)),
  ('migrant', 'moving', getvariable('size') * 0.13),
  ('newcomer', 'moving', getvariable('size') * in_period(0.003))
)
SELECT crowd, kind, CAST(ceil(n) AS BIGINT) AS n, CAST(sum(ceil(n)) OVER (ROWS UNBOUNDED PRECEDING) - ceil(n) AS BIGINT) AS before
FROM sized;

-- Deaths a year of those of one age: Gompertz, with women later.
CREATE MACRO hazard(age, sex) AS least(0.007 * exp(0.098 * (age - 60)) * if(sex = 1, 1.25, 0.75) + 0.0002, 0.6);
CREATE MACRO survival(age, sex) AS
  exp(-(0.007 / 0.098) * if(sex = 1, 1.25, 0.75) * (exp(0.098 * (age - 60)) - exp(-5.88)))
  * CASE WHEN age >= 64 THEN 0.74 WHEN age >= 56 THEN 0.88 ELSE 0.98 END;

-- Year of birth and sex in ten thousand slots for each kind, by how many were born and live.
CREATE TABLE age_slot AS
WITH cohort AS (
  SELECT year, sex, 2026 - year AS age, births * if(sex = 1, boys, 100) / (boys + 100) * if(year = 2026, 0.25, 1) AS births
  FROM birth, (VALUES (1), (2)) AS sexes (sex)
), weighed AS (
  SELECT
    kind, year, sex,
    CAST(1000 * births * CASE kind
      WHEN 'living' THEN survival(age, sex)
      WHEN 'dying' THEN survival(age - 3, sex) * hazard(age - 3, sex)
      WHEN 'moving' THEN if(sex = 1, 1.2, 1) * CASE
        WHEN age < 18 OR age > 70 THEN 0 WHEN age < 25 THEN 3 WHEN age < 35 THEN 4 WHEN age < 45 THEN 2.5
        WHEN age < 55 THEN 1.5 ELSE 0.3 END
      ELSE if(year = 2026, 1, 0) END AS BIGINT) AS weight
  FROM cohort, (VALUES ('living'), ('dying'), ('moving'), ('born')) AS kinds (kind)
), summed AS (
  SELECT
    *, sum(weight) OVER (PARTITION BY kind) AS whole,
    sum(weight) OVER (PARTITION BY kind ORDER BY year, sex) AS upto
  FROM weighed
)
SELECT
  kind, CAST(year AS INTEGER) AS year, sex,
  unnest(range(CAST(10000 * (upto - weight) // whole AS BIGINT), CAST(10000 * upto // whole AS BIGINT))) AS slot
FROM summed;

CREATE TABLE soul AS
WITH numbered AS (
  SELECT crowd, kind, before + unnest(range(1, n + 1)) AS id FROM crowd
), born AS (
  SELECT
    id, crowd, sex, year,
    CASE
      WHEN crowd = 'newborn' THEN coming_day('born', id)
      ELSE make_date(year, 1, 1) + CAST(pick('born', id, if(year = 2026, 90, 365)) AS INTEGER)
    END AS born
  FROM numbered JOIN age_slot ON age_slot.kind = numbered.kind AND slot = pick('cohort', id, 10000)
), fated AS (
  SELECT
    *,
    CASE
      WHEN crowd = 'dead' THEN day_of('died', id, greatest(born, first_day() - 2191), first_day())
      WHEN crowd = 'resident' AND chance('dies', id) < hazard(2026 - year, sex) * getvariable('days') / 365
        THEN coming_day('died', id)
    END AS died,
    CASE
      WHEN crowd = 'gone' THEN day_of('left', id, first_day() - 1000, first_day())
      WHEN crowd = 'resident' AND year < 2004 AND chance('leaves', id) < in_period(0.0008) THEN coming_day('left', id)
    END AS left_on,
    CASE
      WHEN crowd IN ('comer', 'newcomer') THEN coming_day('came', id)
      WHEN crowd = 'migrant' THEN day_of('came', id, greatest(birthday(born, 16), DATE '2015-01-01'), first_day() - 10)
    END AS came,
    CASE
      WHEN crowd IN ('migrant', 'newcomer') OR (crowd <> 'newborn' AND chance('from', id) < if(crowd = 'comer', 0.8, 0.05))
        THEN ['34', '36', '41', '42', '43', '52', '51', '53', '50', '32', '35', '61', '37', '45'][1 + CAST(floor(14 * chance('province', id) ** 2) AS INTEGER)]
      ELSE '33'
    END AS province
  FROM born
)
SELECT
  id, crowd, crowd IN ('migrant', 'newcomer') AS is_migrant, sex, year, born, died,
  if(died IS NULL OR died > left_on, left_on, NULL) AS left_on, came, province,
  least(coalesce(died, first_day()), first_day()) AS aged_on
FROM fated;
