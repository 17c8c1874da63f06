-- A grid whose vertices are shared and shaken: cells, communities and districts are blocks of it, so
-- they fill the city and never overlap. streets, quarters: so many along each side of a district, of
-- a street; a community is 3 by 3 cells.
CREATE MACRO side() AS getvariable('streets') * getvariable('quarters') * 3;
CREATE TABLE vertex AS
SELECT
  i, j,
  round(122.8 + 0.8 * (i + if(i IN (0, 5 * side()), 0, shake_x)) / (5 * side()), 6) AS lon,
  round(29.6 + 0.6 * (j + if(j IN (0, 2 * side()), 0, shake_y)) / (2 * side()), 6) AS lat
FROM (
  SELECT
    i, j,
    0.4 * chance('vertex x', i * 100000 + j) - 0.2 AS shake_x,
    0.4 * chance('vertex y', i * 100000 + j) - 0.2 AS shake_y
  FROM range(0, 5 * side() + 1) AS columns (i), range(0, 2 * side() + 1) AS lines (j)
);

CREATE TABLE community AS
WITH place AS (
  SELECT
    x, y, district.*,
    (y // q % s) * s + x // q % s + 1 AS street_no,
    (y % q) * q + x % q + 1 AS quarter_no
  FROM (SELECT getvariable('streets') AS s, getvariable('quarters') AS q),
    range(0, 5 * s * q) AS columns (x), range(0, 2 * s * q) AS lines (y)
  JOIN district ON district.place = x // (s * q) + 5 * (y // (s * q))
), numbered AS (
  SELECT
    *,
    row_number() OVER (ORDER BY place, street_no, quarter_no) - 1 AS id,
    place * getvariable('streets') ** 2 + street_no - 1 AS street,
    (street_no - 1) * getvariable('quarters') ** 2 + quarter_no - 1 AS quarter
  FROM place
)
SELECT
  CAST(id AS INTEGER) AS id, x, y, place, code AS division, name AS district, short,
  code || (900 + street_no) AS street_code,
  code || (900 + street_no) || lpad(CAST(quarter_no AS VARCHAR), 3, '0') AS code,
  substr('望听临云锦长青书晴归明文清翠梅松兰海潮江', 1 + CAST(street % 20 AS INTEGER), 1)
    || substr('江潮港帆绣堤石院川雁湖桥溪竹山林苑塘', 1 + CAST((street // 20 + street) % 18 AS INTEGER), 1)
    || '街道' AS street,
  substr('和新东西南北安福康乐平永兴华金银玉宝红绿春秋白凤龙鹤泰丰祥瑞广大中上下前双高天学', 1 + CAST((quarter + place * 7) % 40 AS INTEGER), 1)
    || substr('园苑里庄桥村湾塘浦渡岸堤峰岭坊巷门庙亭台阁楼井泉溪洲汀墩埠岗坡谷原畈畴田场港口头', 1 + CAST((quarter // 40 + quarter) % 40 AS INTEGER), 1)
    || '社区' AS name,
  CAST(share * 1000 * exp(0.5 * bell('community', id)) AS BIGINT) AS weight
FROM numbered;

CREATE TABLE cell AS
SELECT
  community.id * 9 + nth AS id, community.id AS community,
  community.code || lpad(CAST(nth + 1 AS VARCHAR), 3, '0') AS code,
  x * 3 + nth % 3 AS i, y * 3 + nth // 3 AS j,
  weight * (20 + pick('cell', community.id * 9 + nth, 80)) AS weight
FROM community, range(0, 9) AS cells (nth);

-- The corners of each block, in order round it, and closed.
CREATE TABLE corner AS
WITH walk AS (
  SELECT
    n, spot,
    CASE WHEN spot < n THEN spot WHEN spot < 2 * n THEN n WHEN spot < 3 * n THEN 3 * n - spot ELSE 0 END AS di,
    CASE WHEN spot < n THEN 0 WHEN spot < 2 * n THEN spot - n WHEN spot < 3 * n THEN n ELSE 4 * n - spot END AS dj
  FROM (VALUES (1), (3)) AS sizes (n), LATERAL (SELECT unnest(range(0, 4 * n + 1)) AS spot)
), block AS (
  SELECT 'cell' AS kind, 1 AS n, id, i, j FROM cell
  UNION ALL
  SELECT 'community', 3, id, x * 3, y * 3 FROM community
)
SELECT kind, id, spot, lon, lat
FROM block JOIN walk USING (n) JOIN vertex ON vertex.i = block.i + di AND vertex.j = block.j + dj;

-- Areas by Gauss's rule over the lengths of a degree there (GRS 80, to a metre); centres in the middle,
-- from whole numbers: sums of fractions hang on the order in which threads add them.
CREATE TABLE outline AS
WITH centre AS (
  SELECT kind, id, avg(CAST(round(1e6 * lon) AS BIGINT)) / 1e6 AS lon, avg(CAST(round(1e6 * lat) AS BIGINT)) / 1e6 AS lat
  FROM (SELECT DISTINCT kind, id, lon, lat FROM corner) GROUP BY ALL
), step AS (
  SELECT
    kind, id, spot, lon, lat, lead(lon) OVER round AS next_lon, lead(lat) OVER round AS next_lat
  FROM corner WINDOW round AS (PARTITION BY kind, id ORDER BY spot)
), whole AS (
  SELECT
    kind, id, sum((lon * next_lat - next_lon * lat) / 2 ORDER BY spot) AS area,
    'POLYGON((' || string_agg(printf('%.6f %.6f', lon, lat), ', ' ORDER BY spot) || '))' AS outline
  FROM step GROUP BY ALL
)
SELECT
  kind, id, outline, CAST(centre.lon AS DECIMAL(9, 6)) AS lon, CAST(centre.lat AS DECIMAL(9, 6)) AS lat,
  CAST(area * (111412.84 * cos(radians(centre.lat)) - 93.5 * cos(3 * radians(centre.lat)))
    * (111132.95 - 559.85 * cos(2 * radians(centre.lat))) AS DECIMAL(14, 1)) AS area
FROM whole JOIN centre USING (kind, id);

-- Four roads a community; no two of a district have one name.
CREATE TABLE road AS
SELECT
  community.id * 4 + nth AS id,
  substr('滨望云江海潮月星松柏梅兰桂竹荷柳枫杨榆桃文武德仁义礼信和平安康宁长永新建兴盛昌隆', 1 + CAST(n % 40 AS INTEGER), 1)
    || substr('山水河湖溪桥亭台塘浦港湾洲岛岭峰原野林园苑门城街南北东西春夏秋晖光霞风雨雪明阳华', 1 + CAST((n // 40 + n) % 40 AS INTEGER), 1)
    || ['路', '街', '巷', '大道'][1 + CAST(n // 1600 % 4 AS INTEGER)] AS name
FROM community, range(0, 4) AS roads (nth),
  LATERAL (SELECT (community.id * 4 + nth) % (getvariable('streets') ** 2 * getvariable('quarters') ** 2 * 4)
    + place * 13 AS n);

CREATE TABLE address AS
WITH share AS (
  SELECT
    cell.id AS cell, community, i, j, getvariable('addresses') AS n, sum(weight) OVER () AS whole,
    sum(weight) OVER (ORDER BY cell.id) AS upto, weight
  FROM cell
), spot AS (
  SELECT
    cell, community, i, j,
    unnest(range(CAST(n * (upto - weight) // whole AS BIGINT), CAST(n * upto // whole AS BIGINT))) AS id
  FROM share
), housed AS (
  SELECT
    *, row_number() OVER (PARTITION BY road ORDER BY id) AS house_no,
    0.05 + 0.9 * chance('address u', id) AS u, 0.05 + 0.9 * chance('address v', id) AS v
  FROM (SELECT *, community * 4 + pick('road', id, 4) AS road FROM spot)
)
SELECT
  CAST(housed.id AS INTEGER) AS id, CAST(cell AS INTEGER) AS cell, CAST(community AS INTEGER) AS community,
  road.name AS road, CAST(house_no AS INTEGER) AS house_no,
  '临江市' || district || road.name || house_no || '号' AS address,
  CAST((1 - u) * (1 - v) * sw.lon + u * (1 - v) * se.lon + u * v * ne.lon + (1 - u) * v * nw.lon AS DECIMAL(9, 6)) AS lon,
  CAST((1 - u) * (1 - v) * sw.lat + u * (1 - v) * se.lat + u * v * ne.lat + (1 - u) * v * nw.lat AS DECIMAL(9, 6)) AS lat
FROM housed
JOIN community ON community.id = community
JOIN road ON road.id = road
JOIN vertex AS sw ON sw.i = housed.i AND sw.j = housed.j
JOIN vertex AS se ON se.i = housed.i + 1 AND se.j = housed.j
JOIN vertex AS ne ON ne.i = housed.i + 1 AND ne.j = housed.j + 1
JOIN vertex AS nw ON nw.i = housed.i AND nw.j = housed.j + 1
ORDER BY housed.id;
