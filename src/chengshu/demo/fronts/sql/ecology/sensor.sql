SELECT
  sensor.id AS _id, code AS "设备编号", kind AS "类型",
  CASE kind WHEN '空气' THEN word_of('AQM-300 AQM-500', 'model', sensor.id) WHEN '水质' THEN word_of('WQ-21 WQ-40', 'model', sensor.id) WHEN '噪声' THEN 'NS-6' ELSE word_of('CEMS-2000 CEMS-3', 'model', sensor.id) END AS "型号",
  lon AS "经度", lat AS "纬度", cell AS "单元网格编码", uscc AS "排污单位", installed_on AS "安装日期", if(is_out AND known(out_on), '停用', '在用') AS "状态"
FROM sensor
ORDER BY sensor.id
