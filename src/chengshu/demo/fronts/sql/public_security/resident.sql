WITH changed AS (
  SELECT
    *, if(known(changed_known), household1, household0) AS household,
    if(known(changed_known), relation1, relation0) AS relation
  FROM person
  WHERE NOT is_migrant AND registered_on <= getvariable('today') AND (
    getvariable('day') = 0 OR getvariable('today') IN (registered_on, cancelled_known, changed_known, phone_known)
    OR household0 IN (SELECT id FROM household WHERE moved_known = getvariable('today'))
    OR household1 IN (SELECT id FROM household WHERE moved_known = getvariable('today')))
)
SELECT
  changed.id AS _id, citizen_id AS "GMSFHM", changed.name AS "XM", sex AS "XB", strftime(born, '%Y%m%d') AS "CSRQ", ethnicity AS "MZ",
  lpad(CAST(changed.household AS VARCHAR), 11, '0') AS "HH", relation AS "YHZGX", division AS "XZQH", code AS "SQDM",
  address || flat_of(home_now.home, changed.household) AS "XZZ",
  if(known(phone_known), mobile(changed.id + 50000000), phone) AS "LXDH", registered_on AS "DJRQ",
  if(known(cancelled_known), coalesce(died, left_on), NULL) AS "ZXRQ",
  if(known(cancelled_known), if(died IS NOT NULL, 1, 2), NULL) AS "ZXYY",
  time_on(greatest(
    day_of('updated', changed.id, registered_on, least(registered_on + 2000, first_day() - 1)), registered_on,
    if(known(cancelled_known), cancelled_known, NULL), if(known(changed_known), changed_known, NULL),
    if(known(phone_known), phone_known, NULL), if(known(moved_known), moved_known, NULL)), 'updated', changed.id) AS "GXSJ"
FROM changed
JOIN household ON household.id = changed.household
JOIN home_now ON home_now.household = changed.household
JOIN address ON address.id = home_now.home
JOIN community ON community.id = community
ORDER BY changed.id
