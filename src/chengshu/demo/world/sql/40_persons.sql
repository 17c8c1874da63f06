-- Surnames in ten thousand slots, by their shares.
CREATE TABLE surname_slot AS
WITH summed AS (
  SELECT surname, share, sum(share) OVER () AS whole, sum(share) OVER (ORDER BY share DESC, surname) AS upto FROM surname
)
SELECT surname, unnest(range(CAST(10000 * (upto - share) // whole AS BIGINT), CAST(10000 * upto // whole AS BIGINT))) AS slot
FROM summed;

-- A man's number is odd. GB 11643 gives a day a thousand numbers; those of one day are shuffled.
CREATE TABLE person AS
WITH numbered AS (
  SELECT
    soul.*, coalesce(line, soul.id) AS line, mother, father,
    province || '0000' || strftime(born, '%Y%m%d') AS front,
    row_number() OVER (PARTITION BY province, born, soul.sex ORDER BY soul.id) AS place
  FROM soul LEFT JOIN parent USING (id) LEFT JOIN lineage USING (id)
), coded AS (
  SELECT *, front || lpad(CAST(2 * ((place * 197 + pick('number', CAST(born - DATE '1900-01-01' AS INTEGER), 499)) % 499) + sex AS VARCHAR), 3, '0') AS body
  FROM numbered
)
SELECT
  coded.id, crowd, is_migrant, coded.sex, year, born, died, left_on, came, mother, father,
  body || citizen_check(body) AS citizen_id,
  surname || if(pick('single name', coded.id, 100) < single, '', char_of(first, 'name', coded.id)) || char_of(last, 'last name', coded.id) AS name,
  if(pick('ethnicity', line, 1000) < 968, '01', word_of('15 03 06 05 08 13 11 02 10 14 16 12 22 09', 'which ethnicity', line)) AS ethnicity,
  if(year < 2014, mobile(coded.id), NULL) AS phone,
  dwelling.household AS household0, dwelling.relation AS relation0,
  resettled.household AS household1, resettled.relation AS relation1,
  CASE
    WHEN came IS NOT NULL THEN came
    WHEN substr(body, 1, 2) = '33' AND chance('registered', coded.id) < 0.9 THEN born + 2 + CAST(pick('registered', coded.id, 24) AS INTEGER)
    ELSE day_of('registered', coded.id, born + 30, least(coalesce(died, left_on, first_day()), first_day()) - 40)
  END AS registered_on,
  died + 2 + CAST(pick('death known', coded.id, 18) AS INTEGER) AS death_known,
  coalesce(died + 2 + CAST(pick('death known', coded.id, 18) AS INTEGER), left_on + 1 + CAST(pick('leaving known', coded.id, 9) AS INTEGER)) AS cancelled_known,
  changed_on + 1 + CAST(pick('change known', coded.id, 5) AS INTEGER) AS changed_known,
  if(chance('new phone', coded.id) < in_period(0.002), coming_day('new phone', coded.id), NULL) AS phone_known
FROM coded
JOIN surname_slot ON slot = pick('surname', line, 10000)
JOIN given_name ON given_name.sex = coded.sex AND since = CASE
  WHEN year < 1940 THEN 1920 WHEN year < 1960 THEN 1940 ELSE year // 10 * 10 END
JOIN dwelling ON dwelling.id = coded.id
LEFT JOIN resettled ON resettled.id = coded.id
ORDER BY coded.id;

-- Everybody who is in the city, of age, and stays through the demo: from them come owners and officers.
CREATE TABLE owner AS
SELECT row_number() OVER (ORDER BY roll('owner', id), id) - 1 AS place, id
FROM person
WHERE crowd IN ('resident', 'migrant') AND died IS NULL AND left_on IS NULL AND year BETWEEN 1956 AND 2003;
SET VARIABLE owners = (SELECT count(*) FROM owner);

-- Where a person lives as a register knows it on the business day.
CREATE MACRO known(day_known) AS coalesce(day_known <= getvariable('today'), false);
-- The flat: villages have none.
CREATE MACRO flat_of(home, household) AS
  if(pick('is estate', home, 10) < 3, '',
    word_of('江畔花园 望潮苑 云栖里 长风小区 锦帆公寓 明月新村 书香府 听涛阁 海棠苑 金色家园 翠湖名邸 丽景湾 阳光城 桃源居 和润园 万象里', 'estate', home)
    || (1 + pick('building', household, 30)) || '幢' || CAST((1 + pick('floor', household, 24)) * 100 + 1 + pick('door', household, 4) AS VARCHAR) || '室');
