SELECT
  community.id AS _id, code AS "社区编码", name AS "社区名称", street_code AS "街道编码", street AS "街道名称", division AS "行政区划",
  area AS "面积", lon AS "中心经度", lat AS "中心纬度", outline AS "范围"
FROM community JOIN outline ON kind = 'community' AND outline.id = community.id
ORDER BY community.id
