"""What the base store and the themes must hold, in SQL over the raw files alone.

Nothing of the platform is used: DuckDB reads the files, and what they mean is written here a second
time.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

FILES = {
    "baoding": "companies/baoding_1978_2004_pseudonymised.csv",
    "ningbo": "companies/ningbo_1980_2004_pseudonymised.csv",
    "licence": "companies/licences_extracted_from_scope_hebei_zhejiang.csv",
    "breakfaith": "companies/bdci2017/8breakfaith.csv",
    "sued": "companies/bdci2017/7lawsuit.csv",
    "invest": "companies/bdci2017/4invest.csv",
}
QUALIFICATION = "companies/bdci2017/10qualification.csv"

MONTH = (
    "make_date(regexp_extract({0}, '^[0-9]+')::INT, "
    "regexp_extract({0}, '^[0-9]+[^0-9]+([0-9]+)', 1)::INT, 1)"
)
VIEWS = f"""
CREATE VIEW types AS FROM (VALUES
  ('私营独资企业', '0540'), ('有限责任公司', '1100'), ('股份有限公司', '1200'),
  ('国有企业', '3100'), ('集体所有制', '3200'), ('集体企业', '3200'),
  ('股份合作制', '3400'), ('联营企业', '3500'),
  ('集体事业单位营业', '4120'), ('集体分支机构(非法人)', '4320'),
  ('集体分支机构（非法人）', '4320'), ('股份合作制分支机构', '4340'),
  ('股份合作企业分支机构', '4340'), ('集体经营单位(非法人)', '4420'),
  ('集体企业经营单位(非法人)', '4420'), ('合伙企业', '4530'), ('普通合伙', '4531'),
  ('个人独资企业', '4540'), ('个体工商户', '9500'), ('个体', '9500')) AS t(企业类型, type);
CREATE VIEW cities AS SELECT name, prefix || '00' AS code FROM (VALUES
  ('石家庄', 1301), ('唐山', 1302), ('秦皇岛', 1303), ('邯郸', 1304), ('邢台', 1305),
  ('保定', 1306), ('张家口', 1307), ('承德', 1308), ('沧州', 1309), ('廊坊', 1310), ('衡水', 1311),
  ('杭州', 3301), ('宁波', 3302), ('温州', 3303), ('嘉兴', 3304), ('湖州', 3305), ('绍兴', 3306),
  ('金华', 3307), ('衢州', 3308), ('舟山', 3309), ('台州', 3310), ('丽水', 3311))
  AS c(name, prefix);
CREATE TABLE register AS
  SELECT DISTINCT register, upper(统一社会信用代码) AS uscc, 企业名称 AS name,
    注册日期::DATE AS born, type,
    CASE WHEN regexp_full_match(注册资金,
        '[0-9,.]+(\\(万(元人民币|元)?\\)|万(元人民币|人民币元?)?)')
      THEN (replace(regexp_extract(注册资金, '[0-9,.]+'), ',', '')::DECIMAL(24,10) * 10000)
        ::DECIMAL(18,2) END AS capital,
    CASE 所在省份 WHEN '河北' THEN '130000' ELSE '330000' END AS province, code AS city,
    nullif(经营范围, 'N/A') IS NOT NULL AS has_scope,
    nullif(注册地址, 'N/A') IS NOT NULL AS has_seat,
    法人代表 <> 'N/A' AND NOT regexp_matches(法人代表, '[0-9]') AS has_person
  FROM (SELECT '1' AS register, * FROM baoding
    UNION ALL BY NAME SELECT '2' AS register, * FROM ningbo)
  LEFT JOIN types USING (企业类型) LEFT JOIN cities ON name = 地区
  WHERE 所在省份 IN ('河北', '浙江');
CREATE TABLE permit AS
  SELECT 统一社会信用代码 AS uscc, 企业名称 AS name, 许可证名称 AS kind,
    try_cast(有效期止 AS DATE) AS until,
    CASE 省份 WHEN '河北' THEN '130000' ELSE '330000' END AS province, code AS city
  FROM licence LEFT JOIN cities ON name = 地区;
CREATE TABLE dishonest AS SELECT DISTINCT EID, TYPECODE, {MONTH.format("FBDATE")} AS published,
  {MONTH.format("SXENDDATE")} AS lifted FROM breakfaith;
CREATE TABLE lawsuit AS SELECT DISTINCT EID, TYPECODE, {MONTH.format("LAWDATE")} AS sued_on,
  LAWAMOUNT::BIGINT AS amount FROM sued;
CREATE TABLE skill AS SELECT EID, ADDTYPE AS kind, {MONTH.format("EXPIRYDATE")} AS until
  FROM qualification;
CREATE TABLE holding AS SELECT EID, BTEID, IFHOME AS home, BTBL::DECIMAL(9,4) AS ratio,
  BTYEAR::INT AS begun, coalesce(BTENDYEAR::INT >= 1949, FALSE) AS ended FROM invest;
CREATE TABLE controller AS SELECT DISTINCT BTEID, EID, ratio FROM holding
  WHERE NOT ended AND ratio > 0.5;
"""
# Pack → what its entities are: key, values, and a sign for each attribute that says whose it is.
ENTITIES = {
    "registers": """
SELECT uscc, born, type, capital, province, city, kind, until,
  o || mine || if(type IS NULL, '-', o) || if(capital IS NULL, '-', o) || if(has_scope, mine, '-')
    || o || if(city IS NULL, '-', if(rcity IS NULL, '2', o)) || if(has_seat, mine, '-')
    || if(has_person, mine, '-') || if(kind IS NULL, '-', '0') || if(until IS NULL, '-', '0')
FROM (SELECT * EXCLUDE (name, province, city), r.city AS rcity,
    coalesce(r.province, p.province) AS province,
    coalesce(r.city, p.city) AS city,
    CASE register WHEN '1' THEN '1' WHEN '2' THEN '0' ELSE '2' END AS o,
    if(register IS NULL, '-', o) AS mine
  FROM register AS r FULL JOIN permit AS p USING (uscc))""",
    "records": """
WITH every AS (SELECT EID AS id FROM holding UNION SELECT BTEID FROM holding UNION
    SELECT EID FROM dishonest UNION SELECT EID FROM lawsuit UNION SELECT EID FROM skill),
  one AS (SELECT BTEID AS id, min(home) AS home FROM holding GROUP BY ALL
    HAVING count(DISTINCT home) = 1),
  control AS (SELECT BTEID AS id, min(EID) AS of, min(ratio) AS ratio FROM controller GROUP BY ALL
    HAVING count(*) = 1),
  published AS (SELECT EID AS id, max(published) AS day FROM dishonest GROUP BY ALL),
  suit AS (SELECT EID AS id, max(sued_on) AS day FROM lawsuit GROUP BY ALL),
  skilled AS (SELECT EID AS id, max(until) AS day FROM skill GROUP BY ALL)
SELECT id, if(id IN (SELECT EID FROM holding UNION SELECT BTEID FROM holding), id, NULL), home, of,
  ratio, published.day, suit.day, skilled.day
FROM every LEFT JOIN one USING (id) LEFT JOIN control USING (id) LEFT JOIN published USING (id)
  LEFT JOIN suit USING (id) LEFT JOIN skilled USING (id)""",
}
# The same of what the platform holds. Where rows of one source contradict each other it takes one
# of them, and which it is cannot be said from outside: `TORN` has those.
OURS = {
    "registers": """
SELECT uscc, registered_on, enterprise_type, registered_capital, province, city, permit_kind,
  permit_until, _by FROM entities""",
    "records": """
SELECT company_id, investment_id, if(company_id IN (FROM torn_home), NULL, is_local),
  if(company_id IN (FROM torn_control), NULL, controlled_by),
  if(company_id IN (FROM torn_control), NULL, control_ratio), dishonest_on, sued_on, qualified_until
FROM entities""",
}
TORN = """
CREATE VIEW torn_home AS SELECT BTEID FROM holding GROUP BY 1 HAVING count(DISTINCT home) > 1;
CREATE VIEW torn_control AS SELECT BTEID FROM controller GROUP BY 1 HAVING count(*) > 1;
"""
# What of those is not among what a source says.
UNSAID = """
FROM (SELECT company_id, is_local FROM entities WHERE company_id IN (FROM torn_home)
  EXCEPT SELECT BTEID, home FROM holding)
UNION ALL BY NAME
FROM (SELECT company_id, controlled_by, control_ratio FROM entities
  WHERE company_id IN (FROM torn_control) EXCEPT FROM controller)
"""
# Pack → how many values of another collector differ from those of the register.
DIFFERING = {
    "registers": """
SELECT count(*) FILTER (r.name <> p.name) + count(*) FILTER (r.province <> p.province)
  + count(*) FILTER (r.city <> p.city) FROM register AS r JOIN permit AS p USING (uscc)""",
    "records": "SELECT 0",
}
CELLS = {
    "births": """
SELECT register, year(born), uscc[3:8], type, count(*) FROM register GROUP BY ALL""",
    "capital": """
SELECT register, CASE WHEN capital IS NULL THEN '9' WHEN capital >= 1e8 THEN '5'
    WHEN capital >= 1e7 THEN '4' WHEN capital >= 1e6 THEN '3' WHEN capital >= 1e5 THEN '2' ELSE '1'
  END, type, count(*), sum(capital), max(capital) FROM register GROUP BY ALL""",
    "permits": """
SELECT coalesce(register, '9'), kind,
  if(until IS NULL, '9', if(until >= DATE '2026-01-01', '1', '3')),
  year(until), count(*) FROM permit LEFT JOIN register USING (uscc) GROUP BY ALL""",
    "standing": """
SELECT id IN (SELECT EID FROM dishonest), id IN (SELECT EID FROM lawsuit),
  id IN (SELECT EID FROM skill), id IN (SELECT BTEID FROM controller), count(*)
FROM (SELECT EID AS id FROM holding UNION SELECT BTEID FROM holding UNION
  SELECT EID FROM dishonest UNION SELECT EID FROM lawsuit UNION SELECT EID FROM skill)
GROUP BY ALL""",
    "dishonesty_cases": """
SELECT year(published), lifted IS NOT NULL, count(*), count(DISTINCT EID) FROM dishonest
GROUP BY ALL""",
    "lawsuits": """
SELECT year(sued_on), CASE WHEN amount IN (0, 1) THEN '9' WHEN amount >= 1e7 THEN '5'
    WHEN amount >= 1e6 THEN '4' WHEN amount >= 1e5 THEN '3' WHEN amount >= 1e4 THEN '2'
    ELSE '1' END,
  count(*), count(DISTINCT EID), sum(amount) FROM lawsuit GROUP BY ALL""",
    "qualifications": """
SELECT kind, year(until), until > DATE '2015-12-30', count(*), count(DISTINCT EID) FROM skill
GROUP BY ALL""",
    "investments": """
SELECT begun, home, ended, count(*), count(DISTINCT EID), count(DISTINCT BTEID),
  round(sum(ratio)::DOUBLE / count(*), 4)::DECIMAL(28,4) FROM holding GROUP BY ALL""",
    "ownership": """
SELECT CASE WHEN total <= 0.5 THEN '1' WHEN total < 1 THEN '2' WHEN total = 1 THEN '3' ELSE '4' END,
  count(*), sum(n), max(total)
FROM (SELECT count(*) AS n, sum(ratio) AS total FROM holding WHERE NOT ended GROUP BY BTEID)
GROUP BY ALL""",
}


def open_raw(data: Path, scratch: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection with the views over the raw files."""
    import duckdb

    con = duckdb.connect()
    # DuckDB reads GBK by an extension only.
    recoded = scratch / "qualification.csv"
    recoded.write_text((data / QUALIFICATION).read_text("gbk"), "utf-8")
    files = {name: data / path for name, path in FILES.items()} | {"qualification": recoded}
    for name, path in files.items():
        con.sql(f"CREATE VIEW {name} AS FROM read_csv('{path}', all_varchar = true, header = true)")
    con.execute(VIEWS + TORN)
    return con
