WITH record AS (
  SELECT *, if(state = 'stopped' AND chance('purged', id) < in_period(0.02), coming_day('purged', id), NULL) AS purged_on FROM job_now
)
SELECT
  record.id AS _id,
  CASE WHEN getvariable('day') = 0 OR hire_known = getvariable('today') THEN 'I' WHEN purged_on = getvariable('today') THEN 'D' ELSE 'U' END AS "操作",
  '3302' || lpad(CAST(record.id AS VARCHAR), 8, '0') AS "个人编号", citizen_id AS "身份证号", person.name AS "姓名",
  uscc AS "单位信用代码", firm.name AS "单位名称", if(status = '在保', wage_of(sales, dice), NULL) AS "缴费基数（元）",
  slashed(started_on) AS "参保日期", slashed(ended_on) AS "停保日期", status AS "状态"
FROM record JOIN person ON person.id = record.id JOIN firm ON firm.id = record.firm
WHERE getvariable('day') = 0 OR getvariable('today') IN (switch_known, end_known, hire_known, purged_on)
ORDER BY record.id
