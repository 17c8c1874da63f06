-- Who runs each enterprise, and since when; legal representatives change in the demo where firm says so.
CREATE TABLE office AS
WITH place AS (
  SELECT id AS firm, position, nth, id * 8 + position * 2 + nth - 3 AS roll_id, established_on, cancelled_on, revoked_on
  FROM firm, (VALUES (2, 1), (2, 2), (3, 1), (4, 1)) AS positions (position, nth)
  WHERE NOT is_shop AND chance('office', id * 8 + position * 2 + nth - 3) < CASE position WHEN 2 THEN if(weight > 60, 0.9, 0.25) WHEN 3 THEN 0.85 ELSE 0.5 END
), held AS (
  SELECT
    firm, CAST(position AS VARCHAR) AS position, pick('officer', roll_id, getvariable('owners')) AS place,
    established_on AS started_on,
    CASE WHEN established_on > first_day() - 400 THEN NULL
      WHEN pick('officer leaves', roll_id, 1000) < 80 THEN day_of('officer left', roll_id, established_on + 300, first_day() - 5)
      WHEN pick('officer leaves', roll_id, 1000) > 999 - in_period(6) THEN coming_day('officer left', roll_id) END AS ended_on
  FROM place
)
SELECT row_number() OVER (ORDER BY firm, position, person, started_on) AS id, *
FROM (
  (SELECT DISTINCT ON (firm, position, owner.id) firm, position, owner.id AS person, greatest(started_on, birthday(born, 20)) AS started_on,
    if(ended_on > greatest(started_on, birthday(born, 20)), ended_on, NULL) AS ended_on
  FROM held JOIN owner USING (place) JOIN person ON person.id = owner.id
  WHERE birthday(born, 20) < first_day()
  ORDER BY firm, position, owner.id, started_on, ended_on)
  UNION ALL
  SELECT id, '1', owner, established_on, if(changes = 'legal' AND next_owner <> owner AND NOT is_new, changed_known, NULL) FROM firm
  UNION ALL
  SELECT id, '1', next_owner, changed_known, NULL FROM firm WHERE changes = 'legal' AND next_owner <> owner AND NOT is_new
);

-- Who holds each company: people, and other companies, in chains; a few hold each other.
CREATE TABLE holding AS
WITH part AS (
  SELECT
    firm.id AS firm, nth, type, capital, established_on, owner, firm.id * 4 + nth AS roll_id,
    20 + pick('share', firm.id * 4 + nth, 80) AS weight
  FROM firm, range(0, 4) AS parts (nth)
  WHERE NOT is_shop AND nth < if(type IN ('1151', '1153', '4540'), 1, 2 + pick('holders', firm.id, 3) * pick('more holders', firm.id, 2) )
), company AS (
  SELECT id, row_number() OVER (ORDER BY roll('holds', id), id) - 1 AS place
  FROM firm WHERE NOT is_shop AND NOT is_new AND cancelled_on IS NULL AND revoked_on IS NULL AND type IN ('1130', '1190', '1223', '1140', '1151')
), mutual AS (
  SELECT one.id AS firm, other.id AS holder
  FROM company AS one JOIN company AS other ON other.place = if(one.place % 2 = 0, one.place + 1, one.place - 1)
  WHERE one.place % 400 < 2
), shared AS (
  SELECT
    *, 100 * weight // sum(weight) OVER (PARTITION BY firm) * 1.00 AS floor_ratio,
    type = '1153' OR nth > 0 AND chance('corporate', roll_id) < if(capital >= 1000, 0.25, 0.06) AS is_corporate
  FROM part
), chosen AS (
  SELECT
    shared.*, coalesce(if(nth = 1, mutual.holder, NULL), if(is_corporate, company.id, NULL)) AS company,
    if(nth = 0, owner, owner_of.id) AS person
  FROM shared
  LEFT JOIN mutual ON mutual.firm = shared.firm
  LEFT JOIN company ON company.place = CAST(floor((SELECT count(*) FROM company) * chance('which company', roll_id) ** 2) AS BIGINT)
  LEFT JOIN owner AS owner_of ON owner_of.place = pick('holder', roll_id, getvariable('owners'))
)
SELECT
  roll_id AS id, firm, if(company <> firm, company, NULL) AS company, person, capital,
  CAST(floor_ratio + if(nth = 0, 100 - sum(floor_ratio) OVER (PARTITION BY firm), 0) AS DECIMAL(5, 2)) AS ratio
FROM chosen;
