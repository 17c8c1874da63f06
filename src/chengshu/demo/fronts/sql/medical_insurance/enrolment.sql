WITH insured AS (
  SELECT
    person.id, citizen_id, person.name, born, came, registered_on, firm, started_on, dice,
    coalesce(status IN ('在保', '退休'), false) AS is_worker, status = '在保' AS is_payer,
    known(death_known + 12) AS is_ended, known(left_on + 20) AS is_away
  FROM person LEFT JOIN job_now ON job_now.id = person.id
  WHERE registered_on <= getvariable('today') AND (death_known IS NULL OR death_known + 120 > getvariable('today'))
    AND crowd <> 'gone' AND chance('insured', person.id) < if(is_migrant, if(status IS NULL, 0, 0.6), 0.82)
)
SELECT
  insured.id AS _id, row_number() OVER (ORDER BY roll('serial ' || getvariable('day'), insured.id), insured.id) AS "序号",
  citizen_id AS "证件号码", insured.name AS "姓名", if(is_worker, '职工', '居民') AS "险种", if(is_payer, uscc, NULL) AS "单位代码",
  strftime(if(is_worker, started_on, least(day_of('enrolled', insured.id, greatest(born + 28, DATE '2007-07-01'), DATE '2026-01-01'), getvariable('today'))), '%Y%m%d') AS "参保时间",
  CASE WHEN is_ended THEN '终止' WHEN is_away OR chance('paused', insured.id) < 0.012 THEN '暂停' ELSE '正常' END AS "参保状态",
  if(is_payer, wage_of(sales, dice), NULL) AS "月缴费基数"
FROM insured LEFT JOIN firm ON firm.id = firm
ORDER BY "序号"
