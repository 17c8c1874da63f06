WITH changed AS (
  SELECT *, if(changes = 'address' AND known(changed_known), next_home, home) AS seat, known(changed_known) AS is_changed
  FROM firm_now
  WHERE established_on <= getvariable('today')
    AND (getvariable('day') = 0 OR getvariable('today') IN (established_on, changed_known, cancelled_on, revoked_on))
), valued AS (
  SELECT *, if(changes = 'capital' AND is_changed, capital * 2, capital) AS value FROM changed
)
SELECT
  valued.id AS _id, uscc AS "UNISCID", valued.name AS "ENTNAME", type AS "ENTTYPE", person.name AS "LEREP", citizen_id AS "LEREP_CERNO",
  CASE
    WHEN type = '9500' AND noise < 700 THEN NULL
    WHEN noise % 100 < 82 THEN value || '(万元人民币)' WHEN noise % 100 < 91 THEN value || '万元人民币'
    WHEN noise % 100 < 99 THEN value || '.000000' ELSE value || '(万美元)' END AS "REGCAP",
  established_on AS "ESTDATE", industry AS "INDUSTRYPHY", valued.division AS "REGORG", address || room_of(seat, valued.id) AS "DOM",
  scope || if(changes = 'scope' AND is_changed, '；货物进出口', '') || if(type = '9500', '', '（依法须经批准的项目，经相关部门批准后方可开展经营活动）') AS "OPSCOPE",
  CASE WHEN known(cancelled_on) THEN 3 WHEN known(revoked_on) THEN 2 ELSE 1 END AS "REGSTATE",
  if(known(cancelled_on), cancelled_on, NULL) AS "CANDATE", staff AS "EMPNUM",
  if(noise % 10 < 3 AND type <> '9500', '0574-9' || lpad(CAST(valued.id % 10000000 AS VARCHAR), 7, '0'), if(changes = 'phone' AND is_changed, mobile(leader + 50000000), mobile(leader))) AS "TEL",
  time_on(greatest(
    day_of('firm updated', valued.id, established_on, least(established_on + 1500, first_day() - 1)), established_on,
    if(known(cancelled_on), cancelled_on, NULL), if(known(revoked_on), revoked_on, NULL), if(is_changed, valued.changed_known, NULL)), 'firm updated', valued.id) AS "S_EXT_TIMESTAMP"
FROM valued
JOIN person ON person.id = leader
JOIN address ON address.id = seat
ORDER BY valued.id
