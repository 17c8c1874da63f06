-- Industries in ten thousand slots for companies and for shops.
CREATE TABLE industry_slot AS
WITH summed AS (
  SELECT is_shop, code, n, sum(n) OVER (PARTITION BY is_shop) AS whole, sum(n) OVER (PARTITION BY is_shop ORDER BY code) AS upto
  FROM (SELECT false AS is_shop, code, companies AS n FROM industry UNION ALL SELECT true, code, shops FROM industry)
)
SELECT is_shop, code, unnest(range(CAST(10000 * (upto - n) // whole AS BIGINT), CAST(10000 * upto // whole AS BIGINT))) AS slot
FROM summed;

-- Those of day 0 and those to be founded. weight: how many would work there, by Pareto's law.
CREATE TABLE firm AS
WITH rolled AS (
  SELECT
    id, id >= getvariable('firms') AS is_new, chance('is shop', id) < 0.55 AS is_shop,
    CAST(floor(getvariable('owners') * chance('owner', id) ** 1.6) AS BIGINT) AS owner_place,
    pick('next owner', id, getvariable('owners')) AS next_place,
    CAST(pick('firm home', id, getvariable('addresses')) AS INTEGER) AS home,
    CAST(pick('next firm home', id, getvariable('addresses')) AS INTEGER) AS next_home,
    if(chance('firm changes', id) < in_period(0.012), coming_day('firm changes', id), NULL) AS changed_known,
    word_of('address address capital legal scope phone', 'what changes', id) AS changes,
    pick('status', id, 1000) AS fate
  FROM range(0, CAST(getvariable('firms') + ceil(getvariable('firms') * in_period(0.009)) AS BIGINT)) AS firms (id)
), owned AS (
  SELECT
    rolled.*, owner.id AS owner, next_owner.id AS next_owner,
    if(is_new, coming_day('founded', rolled.id),
      greatest(birthday(person.born, 20), DATE '1993-01-01', first_day() - 3 - CAST(-ln(1 - chance('founded', rolled.id)) * if(is_shop, 1500, 2700) AS INTEGER))) AS established_on
  FROM rolled
  JOIN owner ON owner.place = owner_place
  JOIN owner AS next_owner ON next_owner.place = next_place
  JOIN person ON person.id = owner.id
), dated AS (
  SELECT
    *,
    CASE
      WHEN is_new OR established_on > first_day() - 400 THEN NULL
      WHEN fate < if(is_shop, 120, 80) THEN day_of('closed', id, greatest(established_on + 200, DATE '2012-01-01'), first_day() - 3)
      WHEN fate > 999 - in_period(5) THEN coming_day('closed', id)
    END AS cancelled_on,
    CASE
      WHEN is_new OR established_on > first_day() - 400 THEN NULL
      WHEN fate BETWEEN 200 AND if(is_shop, 220, 240) THEN day_of('revoked', id, greatest(established_on + 200, DATE '2010-01-01'), first_day() - 3)
      WHEN fate BETWEEN 300 AND 299 + in_period(1) THEN coming_day('revoked', id)
    END AS revoked_on
  FROM owned
), placed AS (
  SELECT
    dated.*, industry.code AS industry, trade, shop, sales, kwh, polluting, scope, division, district, short,
    CASE WHEN dated.is_shop THEN 1 + CAST(floor(4 * chance('staff', dated.id) ** 3) AS BIGINT)
      ELSE CAST(ceil(greatest(staff * 0.14, 1) * (1 - chance('staff', dated.id)) ** -0.8) AS BIGINT) END AS weight,
    CASE WHEN dated.is_shop THEN 1 + pick('capital', dated.id, 20) ELSE greatest(3, capital * exp(0.9 * bell('capital', dated.id))) END AS wealth,
    row_number() OVER (PARTITION BY dated.is_shop, industry.code ORDER BY dated.id) - 1 AS nth,
    (nth * 1009 + CAST(industry.code AS BIGINT) * 17) % 2916 AS brand
  FROM dated
  JOIN industry_slot ON industry_slot.is_shop = dated.is_shop AND slot = pick('industry', dated.id, 10000)
  JOIN industry ON industry.code = industry_slot.code
  JOIN address ON address.id = home
  JOIN community ON community.id = community
), typed AS (
  SELECT
    *,
    CASE
      WHEN is_shop THEN '9500'
      WHEN industry < '0500' AND chance('type', id) < 0.5 THEN '9100'
      ELSE ['1130', '1130', '1130', '1130', '1130', '1130', '1130', '1130', '1130', '1151', '1151', '1151', '1151', '1151', '1151', '1190', '1190', '1153', '4540', if(chance('rare type', id) < 0.6, '4550', if(chance('rare type', id) < 0.85, '1223', '1140'))][1 + pick('type', id, 20)]
    END AS type,
    CAST(round(wealth / 10 ** floor(log10(wealth))) * 10 ** floor(log10(wealth)) AS BIGINT) AS capital,
    substr('恒瑞鼎盛宏远嘉和顺丰泰安信达博雅汇通金海晨光启明天元华兴隆昌利民凯旋佳美永康正大东方新世纪联创伟业德润百川立', 1 + CAST(brand // 54 AS INTEGER), 1)
      || substr('源茂祥益诚拓锦辰宇翔腾跃峰洲港帆森鑫晟悦尚品科邦尔斯特耀威龙虎马豪杰英才夏中地人平润邑衡澜屹朗禾昊霖沃颐谷阳', 1 + CAST((brand + brand // 54) % 54 AS INTEGER), 1)
      || substr('新盛达利来发旺美德安', CAST(nth // 2916 AS INTEGER), CAST(least(nth // 2916, 1) AS INTEGER)) AS brand_name,
    'YY' || substr('ABCDEFGHJKLMNPQRTUWXY', 1 + CAST(n // 210000 AS INTEGER), 1) || substr('ABCDEFGHJKLMNPQRTUWXY', 1 + CAST(n // 10000 % 21 AS INTEGER), 1) || lpad(CAST(n % 10000 AS VARCHAR), 4, '0') AS organisation
  FROM placed, LATERAL (SELECT (placed.id * 7919 + 104729) % 4410000 AS n)
), coded AS (
  SELECT *, CASE type WHEN '9500' THEN '92' WHEN '9100' THEN '93' ELSE '91' END || division || organisation || organisation_check(organisation) AS body
  FROM typed
)
SELECT
  coded.id, is_new, is_shop, type, industry, division, owner, next_owner, home, next_home, changed_known, if(changed_known IS NULL, NULL, changes) AS changes,
  established_on, cancelled_on, if(cancelled_on IS NULL, revoked_on, NULL) AS revoked_on, capital, weight, sales, kwh, polluting, scope,
  body || uscc_check(body) AS uscc,
  CASE
    WHEN type = '9500' AND chance('family shop', coded.id) < 0.35 THEN '临江市' || district || word_of('老 小 阿 大', 'family shop', coded.id) || substr(owner_name, 1, 1) || shop
    WHEN type = '9500' THEN '临江市' || district || brand_name || shop
    ELSE word_of('临江 临江 临江市 浙海 ' || short, 'seat', coded.id) || brand_name || trade || CASE type WHEN '4540' THEN '厂' WHEN '4550' THEN '合伙企业（普通合伙）' WHEN '9100' THEN '专业合作社' WHEN '1223' THEN '股份有限公司' ELSE '有限公司' END
  END AS name,
  if(is_shop, weight, greatest(1, CAST(round(weight * 0.28 * getvariable('size') / (SELECT sum(weight) FROM coded WHERE NOT is_shop AND cancelled_on IS NULL AND revoked_on IS NULL AND NOT is_new)) AS BIGINT))) AS staff,
  CAST(chance('firm noise', coded.id) * 1000 AS INTEGER) AS noise
FROM coded JOIN (SELECT id AS owner_id, name AS owner_name FROM person) ON owner_id = owner
ORDER BY coded.id;

CREATE MACRO is_closed(cancelled_on, revoked_on) AS known(cancelled_on) OR known(revoked_on);
CREATE MACRO room_of(home, firm) AS
  if(pick('firm floor', firm, 10) < 5, '', (1 + pick('firm floor', firm, 20)) || '层' || CAST(1 + pick('firm door', firm, 18) AS VARCHAR) || '室');
