SELECT cell.id AS _id, cell.code AS "网格编码", community.code AS "所属社区", area AS "面积", lon AS "中心经度", lat AS "中心纬度", outline AS "范围"
FROM cell JOIN community ON community.id = community JOIN outline ON outline.kind = 'cell' AND outline.id = cell.id
ORDER BY cell.id
