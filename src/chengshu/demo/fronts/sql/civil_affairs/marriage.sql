SELECT
  wedding.id AS _id, 'J3302-' || year(married_on) || '-' || lpad(CAST(wedding.id AS VARCHAR), 7, '0') AS "登记证号",
  man.citizen_id AS "男方身份证号", man.name AS "男方姓名", woman.citizen_id AS "女方身份证号", woman.name AS "女方姓名",
  married_on AS "登记日期",
  if(end_kind = '离婚', known(ended_on), known(told_on)) AS _is_ended,
  if(_is_ended, ended_on, NULL) AS "解除日期", if(_is_ended, end_kind, NULL) AS "解除原因"
FROM (SELECT *, if(chance('death told', id) < 0.7, ended_on + 10 + CAST(pick('death told', id, 40) AS INTEGER), NULL) AS told_on FROM wedding) AS wedding
JOIN person AS man ON man.id = man
JOIN person AS woman ON woman.id = woman
WHERE married_on <= getvariable('today') AND NOT man.is_migrant AND (kind = 'new' OR chance('registered here', wedding.id) < 0.66)
ORDER BY married_on, wedding.id
