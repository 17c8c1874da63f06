-- Chance that is no chance: everything hangs on the seed, on what is asked, and on whose it is.
-- hash(what) is a constant, and one more hash over both mixes them: rolls of one id do not correlate.
CREATE MACRO roll(what, id) AS
  hash(xor(hash(what || '/' || getvariable('seed')), CAST(id AS UBIGINT)));
CREATE MACRO chance(what, id) AS CAST(roll(what, id) >> 11 AS DOUBLE) * 1.1102230246251565e-16;
CREATE MACRO pick(what, id, n) AS CAST(roll(what, id) % CAST(n AS UBIGINT) AS BIGINT);
-- The sum of three even chances, mean 0 and deviation 1: never further than 3.
CREATE MACRO bell(what, id) AS
  2 * (chance(what || '1', id) + chance(what || '2', id) + chance(what || '3', id) - 1.5);
CREATE MACRO char_of(chars, what, id) AS substr(chars, 1 + pick(what, id, length(chars)), 1);
CREATE MACRO word_of(words, what, id) AS
  string_split(words, ' ')[1 + pick(what, id, len(string_split(words, ' ')))];
-- A day from `since` to `until`, both included; `since` where they are the wrong way round.
CREATE MACRO day_of(what, id, since, until) AS
  CAST(since AS DATE) + CAST(pick(what, id, greatest(CAST(until AS DATE) - CAST(since AS DATE), 0) + 1) AS INTEGER);
CREATE MACRO birthday(born, years) AS
  CAST(CAST(born AS DATE) + to_years(CAST(years AS INTEGER)) AS DATE);
-- Business days: day 0, and the last one.
CREATE MACRO first_day() AS DATE '2026-03-31';
CREATE MACRO last_day() AS first_day() + CAST(getvariable('days') AS INTEGER);
-- A day of the deliveries after the first.
CREATE MACRO coming_day(what, id) AS
  first_day() + 1 + CAST(pick(what, id, getvariable('days')) AS INTEGER);
-- So many of `rate` a month in the days that are generated.
CREATE MACRO in_period(rate) AS rate * getvariable('days') / 30;
CREATE MACRO mobile(id) AS
  '160' || lpad(CAST((CAST(id AS BIGINT) * 48271 + 39916801) % 100000000 AS VARCHAR), 8, '0');
CREATE MACRO time_on(day, what, id) AS
  strftime(CAST(day AS TIMESTAMP) + to_seconds(30000 + pick(what, id, 30000)), '%Y-%m-%d %H:%M:%S');
