-- Who works or worked where: one record a person. Workplaces by size of staff, workers by hash.
CREATE TABLE workplace AS
WITH summed AS (
  SELECT id, established_on, least(cancelled_on, revoked_on) AS closes_on, staff, sum(staff) OVER (ORDER BY id) AS upto
  FROM firm
  WHERE NOT is_new AND coalesce(least(cancelled_on, revoked_on), DATE '2099-01-01') > first_day()
)
SELECT id, established_on, closes_on, unnest(range(CAST(upto - staff AS BIGINT), CAST(upto AS BIGINT))) AS seat FROM summed;

CREATE TABLE job AS
WITH labour AS (
  SELECT
    id, born, died, death_known, left_on,
    CASE
      WHEN year BETWEEN if(sex = 1, 1967, 1972) AND 2006 AND chance('works', id) < CASE
        WHEN year > 2003 THEN 0.35 WHEN year > 1998 THEN 0.62 WHEN year > 1980 THEN 0.76 WHEN year > 1974 THEN 0.66 ELSE 0.5 END
        THEN if(chance('stopped', id) < 0.06, 'stopped', 'works')
      WHEN year BETWEEN 1946 AND if(sex = 1, 1966, 1971) AND chance('retired', id) < 0.28 THEN 'retired'
      WHEN year BETWEEN 1975 AND 2005 AND chance('hired', id) < in_period(0.02) THEN 'hired'
    END AS state,
    coming_day('job', id) AS event_on, pick('job event', id, 1000) AS event
  FROM person
  WHERE crowd IN ('resident', 'migrant') OR (crowd = 'dead' AND died > first_day() - 400)
), numbered AS (
  SELECT *, row_number() OVER (ORDER BY roll('worker', id), id) - 1 AS place, count(*) OVER () AS workers FROM labour WHERE state IS NOT NULL
), seated AS (
  SELECT *, place * (SELECT count(*) FROM workplace) // workers AS seat FROM numbered
), placed AS (
  SELECT seated.*, workplace.id AS firm, established_on, closes_on,
    CASE
      WHEN state = 'hired' THEN event_on
      WHEN state = 'retired' THEN greatest(established_on, least(birthday(born, 50) - CAST(pick('job began', seated.id, 5000) AS INTEGER), first_day() - 800))
      ELSE day_of('job began', seated.id, greatest(established_on, birthday(born, 18), first_day() - 400 - CAST(pick('tenure', seated.id, 6000) AS INTEGER)), least(coalesce(left_on, died, first_day()), first_day()) - 35) END AS started_on
  FROM seated JOIN workplace USING (seat)
), switched AS (
  SELECT *, if(state = 'works' AND event < in_period(9) AND died IS NULL AND left_on IS NULL, lead(firm) OVER (ORDER BY place), NULL) AS next_firm
  FROM placed
)
SELECT
  id, firm, started_on, state,
  if(next_firm <> firm AND closes_on IS NULL, next_firm, NULL) AS next_firm,
  if(next_firm <> firm AND closes_on IS NULL, event_on, NULL) AS switched_on,
  CASE
    WHEN state = 'retired' THEN greatest(started_on + 30, least(day_of('pension', id, birthday(born, if(year(born) < 1972, 60, 55)), birthday(born, 60)), first_day() - 5))
    WHEN state = 'stopped' THEN day_of('stopped', id, started_on + 20, first_day() - 2)
    WHEN state = 'hired' THEN NULL
    ELSE least(died, left_on, closes_on, if(event > 999 - in_period(8), event_on, NULL)) END AS ended_on,
  CASE
    WHEN state IN ('retired', 'stopped') THEN NULL
    WHEN died IS NOT NULL THEN death_known + 5 + CAST(pick('job end known', id, 25) AS INTEGER)
    ELSE least(left_on, closes_on, if(event > 999 - in_period(8), event_on, NULL)) + 1 + CAST(pick('job end known', id, 4) AS INTEGER)
  END AS end_known,
  CAST(pick('wage', id, 1000) AS INTEGER) AS dice
FROM switched
WHERE coalesce(least(died, left_on, closes_on) > started_on, true)
  AND (state IN ('works', 'hired') OR died IS NULL OR died > first_day());
