-- Instruments: half measure air, the rest water, noise and the outlets of enterprises that pollute.
CREATE TABLE sensor AS
WITH polluter AS (
  SELECT row_number() OVER (ORDER BY roll('watched', id), id) - 1 AS place, count(*) OVER () AS n, uscc, home
  FROM firm WHERE polluting = 1 AND NOT is_new AND cancelled_on IS NULL AND revoked_on IS NULL
), placed AS (
  SELECT id, ['空气', '空气', '空气', '空气', '水质', '水质', '噪声', '噪声', '污染源', '污染源'][1 + id % 10] AS kind, pick('sensor home', id, getvariable('addresses')) AS spot
  FROM range(0, getvariable('sensors')) AS sensors (id)
)
SELECT
  placed.id, kind, 'LJ' || CASE kind WHEN '空气' THEN 'KQ' WHEN '水质' THEN 'SZ' WHEN '噪声' THEN 'ZS' ELSE 'WR' END || lpad(CAST(placed.id AS VARCHAR), 6, '0') AS code,
  lon, lat, cell.code AS cell, uscc, DATE '2018-01-01' + CAST(pick('installed', placed.id, 2800) AS INTEGER) AS installed_on,
  chance('out', placed.id) < 0.03 AS is_out, coming_day('out', placed.id) AS out_on
FROM placed
LEFT JOIN polluter ON polluter.place = if(kind = '污染源', placed.id // 10 % (SELECT coalesce(max(n), 1) FROM polluter), NULL)
JOIN address ON address.id = coalesce(polluter.home, spot)
JOIN cell ON cell.id = address.cell
ORDER BY placed.id;

-- What people call 12345 about; the category's code and name are of the city's own.
CREATE TABLE topic AS
SELECT
  slot, code AS category, handler, content,
  CASE kind WHEN '投诉' THEN ' 市民反映： 您好， 来电人反映， 我要投诉， 反映一个问题，' WHEN '咨询' THEN ' 您好，请问 想咨询一下， 咨询： 请问'
    ELSE ' 您好， 市民来电： 我想说，' END AS opening,
  CASE kind WHEN '投诉' THEN '。 ，请尽快处理。 ，希望有关部门核实处理。 ，要求给个答复。 ，多次向社区反映没有解决。 ，影响正常生活，请帮忙解决。 ，之前来电过一次，仍未处理。'
    WHEN '咨询' THEN '？ ？请告知具体流程。 ？请工作人员回电。 ？窗口说法不一致，请核实。' ELSE '。 ，谢谢。 ，请转达。' END AS ending
FROM subject;

-- Who called, about what and which shop nearby, and when it was dealt with.
CREATE TABLE shop AS
SELECT
  division, id, CAST(division AS BIGINT) * 10000000 + row_number() OVER (PARTITION BY division ORDER BY id) - 1 AS key
FROM firm WHERE NOT is_new AND cancelled_on IS NULL AND revoked_on IS NULL AND (is_shop OR industry > '5200');

CREATE TABLE call AS
WITH asked AS (
  SELECT id, first_day() - 29 + CAST((id - 1) // getvariable('requests') AS INTEGER) AS called_on
  FROM range(1, CAST((30 + getvariable('days')) * getvariable('requests') + 1 AS BIGINT)) AS requests (id)
), placed AS (
  SELECT asked.* EXCLUDE (place), person.id AS caller, home, division
  FROM (SELECT *, pick('caller', id, getvariable('owners')) AS place FROM asked) AS asked
  JOIN owner USING (place)
  JOIN person ON person.id = owner.id
  JOIN household ON household.id = household0
  JOIN address ON address.id = home
  JOIN community ON community.id = community
), counted AS (
  SELECT division, count(*) AS n FROM shop GROUP BY ALL
), keyed AS (
  SELECT placed.*, CAST(division AS BIGINT) * 10000000 + pick('shop', id, n) AS key FROM placed JOIN counted USING (division)
)
SELECT
  keyed.id, called_on, called_on + 1 AS taken_on, called_on + 2 + CAST(pick('days', keyed.id, 9) AS INTEGER) AS closed_on,
  if(pick('daytime', keyed.id, 10) < 8, 28800 + pick('second', keyed.id, 36000), 64800 + pick('second', keyed.id, 21000)) AS second,
  caller, home, shop.id AS shop, pick('topic', keyed.id, (SELECT count(*) FROM topic)) AS topic
FROM keyed JOIN shop USING (key)
ORDER BY keyed.id;
