-- Variables of a delivery: today, its business day, and day, its number.
CREATE MACRO comes(known_on) AS if(getvariable('day') = 0, known_on <= getvariable('today'), coalesce(known_on = getvariable('today'), false));
CREATE MACRO month_of(text_of_month) AS strptime(text_of_month || '01', '%Y%m%d')::DATE;
CREATE MACRO sex_of(sex) AS if(sex = 1, '男', '女');
CREATE MACRO slashed(day) AS year(day) || '/' || month(day) || '/' || dayofmonth(day);
CREATE MACRO in_words(day) AS year(day) || '年' || month(day) || '月' || dayofmonth(day) || '日';
CREATE MACRO in_words_padded(day) AS strftime(day, '%Y年%m月%d日');

-- Where each household lives on the business day, and the name and leader of each enterprise.
CREATE VIEW home_now AS
SELECT household.id AS household, if(known(moved_known), next_home, home) AS home FROM household;
CREATE VIEW firm_now AS
SELECT
  firm.*, if(changes = 'legal' AND known(changed_known), next_owner, owner) AS leader,
  NOT is_closed(cancelled_on, revoked_on) AND established_on <= getvariable('today') AS is_active
FROM firm;
CREATE VIEW job_now AS
SELECT
  id, if(known(switched_on + 2), next_firm, firm) AS firm, if(known(switched_on + 2), switched_on, started_on) AS started_on,
  CASE
    WHEN state = 'retired' THEN '退休'
    WHEN state = 'stopped' OR known(end_known) THEN '停保'
    ELSE '在保' END AS status,
  if(state IN ('retired', 'stopped') OR known(end_known), ended_on, NULL) AS ended_on,
  state, switched_on + 2 AS switch_known, end_known, if(state = 'hired', started_on + 2, NULL) AS hire_known, dice
FROM job
WHERE state <> 'hired' OR known(started_on + 2);
CREATE MACRO wage_of(sales, dice) AS 4500 + CAST(floor((sales * 40 + 1500) * (dice / 1000) ** 3) AS BIGINT) // 10 * 10;
