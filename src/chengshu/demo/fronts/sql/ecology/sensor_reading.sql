-- A day's curve by the hour (traffic twice, ozone in the afternoon), a day's weather, a sensor's own level.
SELECT
  (sensor.id * 8 + nth) * 100000 + getvariable('day') * 24 + hour AS _id, code AS "设备编号", pollutant AS "监测因子",
  CAST(getvariable('today') AS TIMESTAMP) + to_minutes(CAST(hour * 60 + pick('minute', sensor.id, 60) AS BIGINT)) AS "监测时间",
  CAST(usual * exp(0.25 * bell('level', sensor.id) + 0.15 * bell('reading' || getvariable('day'), sensor.id * 200 + nth * 24 + hour))
    * (1 + 0.3 * bell('weather', getvariable('day') * 8 + nth) / 2)
    * curve[1 + hour // 6] AS DECIMAL(12, 3)) AS "数值"
FROM sensor
JOIN (VALUES
  ('空气', 1, 'PM2.5', 32.0, [1.05, 1.2, 0.85, 1.1]), ('空气', 2, 'O3', 88.0, [0.5, 0.8, 1.5, 1.0]),
  ('水质', 3, 'COD', 16.0, [0.9, 1.05, 1.1, 1.0]), ('水质', 4, '氨氮', 0.8, [0.95, 1.1, 1.0, 1.0]),
  ('噪声', 5, '分贝', 56.0, [0.8, 1.05, 1.1, 1.0]),
  ('污染源', 6, 'SO2', 28.0, [0.8, 1.1, 1.15, 0.95]), ('污染源', 7, 'NOx', 62.0, [0.85, 1.1, 1.1, 0.95])
) AS pollutants (kind, nth, pollutant, usual, curve) USING (kind),
  (VALUES (0), (6), (12), (18)) AS hours (hour)
WHERE NOT (is_out AND known(out_on)) AND installed_on <= getvariable('today')
ORDER BY hour, sensor.id, nth
