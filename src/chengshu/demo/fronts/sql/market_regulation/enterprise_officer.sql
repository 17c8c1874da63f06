SELECT
  office.id AS _id, uscc, citizen_id AS cerno, person.name, position, started_on AS "from",
  if(known(ended_on), ended_on, NULL) AS "to"
FROM office JOIN firm ON firm.id = firm JOIN person ON person.id = person
WHERE started_on <= getvariable('today') AND (getvariable('day') = 0 OR getvariable('today') IN (started_on, ended_on))
ORDER BY office.id
