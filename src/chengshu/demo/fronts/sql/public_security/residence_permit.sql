WITH holder AS (
  SELECT person.id, name, citizen_id, phone, came, household0 AS household, moved_known, crowd,
    if(known(moved_known), next_home, home) AS home
  FROM person JOIN household ON household.id = household0
  WHERE (is_migrant AND year <= 2010) OR (crowd = 'comer' AND chance('had a permit', person.id) < 0.4)
), issue AS (
  SELECT *, 'now' AS which, id * 2 + 1 AS permit,
    if(crowd = 'newcomer', came + 2 + CAST(pick('permit', id, 10) AS INTEGER), greatest(came, first_day() - 364 + CAST(pick('permit', id, 364) AS INTEGER))) AS issued_on
  FROM holder WHERE crowd <> 'comer'
  UNION ALL
  SELECT *, 'before', id * 2, first_day() - 380 - CAST(pick('permit before', id, 320) AS INTEGER)
  FROM holder WHERE crowd = 'comer' OR (came < first_day() - 800 AND chance('earlier permit', id) < 0.15)
), renewed AS (
  SELECT *, birthday(issued_on, 1) - 1 AS expires_on,
    if(which = 'now' AND chance('renews', id) < 0.8, birthday(issued_on, 1) - 5 - CAST(pick('renewal', id, 20) AS INTEGER), NULL) AS renewed_on
  FROM issue
)
SELECT
  permit AS _id, 'JZ330200' || lpad(CAST(permit AS VARCHAR), 10, '0') AS "JZZBH", citizen_id AS "GMSFHM", renewed.name AS "XM", phone AS "LXDH",
  division AS "XZQH", code AS "SQDM", address || flat_of(renewed.home, household) AS "JZDZ",
  strftime(issued_on, '%Y%m%d') AS "QFRQ",
  strftime(if(known(renewed_on), birthday(expires_on, 1), expires_on), '%Y%m%d') AS "YXQZ",
  time_on(greatest(issued_on, if(known(renewed_on), renewed_on, NULL), if(which = 'now' AND known(moved_known), moved_known, NULL)), 'permit updated', permit) AS "GXSJ"
FROM renewed
JOIN address ON address.id = if(which = 'now', renewed.home, CAST(pick('permit home', renewed.id, getvariable('addresses')) AS INTEGER))
JOIN community ON community.id = community
WHERE issued_on <= getvariable('today')
  AND (getvariable('day') = 0 OR getvariable('today') IN (issued_on, renewed_on) OR (which = 'now' AND moved_known = getvariable('today')))
ORDER BY permit
