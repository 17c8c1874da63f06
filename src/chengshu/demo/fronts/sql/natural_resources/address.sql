SELECT
  address.id AS _id, community.code || lpad(CAST(address.id % 10000000 AS VARCHAR), 7, '0') AS "标准地址编码", division AS "行政区划", community.code AS "社区编码",
  road AS "道路", house_no || '号' AS "门牌", address AS "地址全称", lon AS "经度", lat AS "纬度", cell.code AS "单元网格编码"
FROM address JOIN community ON community.id = address.community JOIN cell ON cell.id = address.cell
ORDER BY address.id
