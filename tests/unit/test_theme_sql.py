"""SQL from people: what may stand in it, and how what may not is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from chengshu.catalog.select import columns_in, compile_aggregate, compile_select, value_of
from chengshu.catalog.theme import Theme
from chengshu.catalog.theme_sql import compile_theme, sample_parameters
from chengshu.catalog.yaml import parse_model
from chengshu.engine.duckdb_parser import DuckDBParser
from chengshu.kernel.errors import DeclarationError, InputError
from tests.unit.test_pack import problems, root  # noqa: F401 - root is a fixture

INPUTS = {"resident", "permit"}
VALUES = {"as_of": value_of("date", "2026-01-31")}
GOOD = [
    "SELECT id, age_at(born, $as_of) AS age, strftime(born, '%Y-%m') FROM resident",
    "WITH a AS (SELECT 1 AS x), b AS (SELECT x FROM a) SELECT x FROM b UNION ALL SELECT x FROM a",
    "SELECT r.id FROM Resident AS r LEFT JOIN permit AS p USING (id) WHERE p.id IS NULL",
    "SELECT id FROM resident WHERE EXISTS (SELECT 1 FROM permit WHERE permit.id = resident.id)",
    "SELECT id FROM permit QUALIFY ROW_NUMBER() OVER (PARTITION BY id ORDER BY day DESC) = 1",
    "SELECT CASE WHEN x < 1 THEN 'a' ELSE 'b' END AS band, COUNT(*) FROM resident GROUP BY ALL",
    "SELECT born - INTERVAL 1 DAY, x::DECIMAL(9,2), TRY_CAST(y AS INTEGER) FROM resident",
    "SELECT 1 AS one -- a comment; of its own",
]
ATTACKS = [
    # Files, by every door.
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_parquet('lake/data/**/*.parquet')",
    "SELECT * FROM '/etc/passwd'",
    'SELECT * FROM "/etc/passwd"',
    "SELECT * FROM glob('/etc/*')",
    "SELECT (SELECT content FROM read_text('/etc/passwd')) AS x FROM resident",
    "SELECT/**/*/**/FROM/* */read_text('/etc/passwd') -- resident",
    "COPY resident TO '/tmp/x.csv'",
    "COPY (SELECT 1) TO '/tmp/x.csv'",
    "EXPORT DATABASE '/tmp/x'",
    # Other relations.
    "SELECT * FROM enterprise",
    "SELECT * FROM lake.department.office__resident",
    "SELECT * FROM main.resident",
    'SELECT * FROM "information_schema"."tables"',
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_settings",
    "WITH a AS (SELECT * FROM duckdb_tables), duckdb_tables AS (SELECT 1) SELECT * FROM a",
    "SELECT (WITH z AS (SELECT 1 AS x) SELECT x FROM z) AS x FROM z",
    "SELECT * FROM query('SELECT * FROM enterprise')",
    "SELECT * FROM query_table('enterprise')",
    "SELECT * FROM resident AT (VERSION => 1)",
    # Statements.
    "",
    ";",
    "SELECT 1; SELECT 2",
    "SELECT * FROM resident; DROP TABLE resident",
    "ATTACH '/tmp/x.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET memory_limit = '1TB'",
    "RESET enable_external_access",
    "PRAGMA database_list",
    "CALL pragma_version()",
    "CREATE TABLE x AS SELECT 1",
    "DELETE FROM resident",
    "WITH a AS (DELETE FROM resident RETURNING *) SELECT * FROM a",
    "SELECT id INTO x FROM resident",
    "EXPLAIN SELECT 1",
    "DESCRIBE resident",
    "SUMMARIZE resident",
    "PIVOT resident ON id",
    "VALUES (1)",
    "USE lake",
    "BEGIN",
    # What need not end, or gives another answer the next time.
    "WITH RECURSIVE a AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM a) SELECT * FROM a",
    "SELECT * FROM range(1000000000000)",
    "SELECT unnest(generate_series(1, 1000000000))",
    "SELECT repeat('x', 1000000000)",
    "SELECT random()",
    "SELECT now()",
    "SELECT current_date",
    "SELECT uuid()",
    "SELECT any_value(id) FROM resident",
    "SELECT * FROM resident TABLESAMPLE 5%",
    "SELECT * FROM resident POSITIONAL JOIN permit",
    # What is not declared.
    "SELECT $other",
    "SELECT ?",
    "SELECT getenv('HOME')",
    "SELECT current_setting('temp_directory')",
    "SELECT nextval('x')",
    "SELECT * FROM resident NATURAL JOIN permit",
    "SELECT COLUMNS('.*') FROM resident",
    "SELECT a.b.c.d FROM resident AS a",
    "SELECT age_at(id) FROM resident",
    "SELECT id FROM resident FOR UPDATE",
    "SELECT " + "(" * 3000 + "1" + ")" * 3000,
    "SELECT '",
]


@pytest.mark.parametrize("text", GOOD)
def test_what_themes_need_passes_and_runs(text: str):
    columns = "1 AS id, DATE '2000-01-01' AS born, 1 AS x, '1' AS y, 1 AS day"
    engine = DuckDBParser()

    sql = compile_select(text, INPUTS, VALUES)

    given = f"WITH resident AS (SELECT {columns}), permit AS (SELECT {columns})"
    try:
        assert (
            engine.parses(f"EXISTS ({given} SELECT * FROM ({sql}) AS q)", {"c": "INTEGER"}) is None
        )
    finally:
        engine.close()


@pytest.mark.parametrize("text", ATTACKS)
def test_everything_else_is_refused(text: str):
    with pytest.raises(InputError):
        compile_select(text, INPUTS, VALUES)


def test_a_refusal_says_what_is_known():
    with pytest.raises(InputError, match=r"may not read 'enterprise'. Known: permit, resident."):
        compile_select("SELECT * FROM enterprise", INPUTS, VALUES)
    with pytest.raises(InputError, match=r"unknown parameter '\$day'. Known: \$as_of."):
        compile_select("SELECT $day", INPUTS, VALUES)
    with pytest.raises(InputError, match=r"unknown function 'now'. Known: abs, age_at, avg"):
        compile_select("SELECT now()", INPUTS, VALUES)


def test_a_parameter_is_a_value_and_never_sql():
    sql = compile_select("SELECT $v", (), {"v": value_of("text", "'; DROP TABLE x; --")})

    assert sql == "SELECT CAST('''; DROP TABLE x; --' AS TEXT)"


@pytest.mark.parametrize(
    "text",
    ["id", "(SELECT 1)", "COUNT(*) FROM resident", "COUNT(*), 1", "COUNT(*) AS n", "COUNT(*); --",
     "SUM((SELECT MAX(id) FROM resident))", "SUM(length(read_text('/etc/passwd')))"],
)  # fmt: skip
def test_a_measure_is_one_aggregate(text: str):
    with pytest.raises(InputError):
        compile_aggregate(text, {})


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("SELECT r.ID FROM resident AS r JOIN permit USING (no) WHERE x > 1", {"id", "no", "x"}),
        ("SELECT COUNT(*) AS n FROM resident", set()),
        ("SELECT r.*, 1 AS one FROM resident AS r", None),
        ("SELECT 1 AS one FROM (SELECT * FROM resident) AS r", None),
    ],
)
def test_only_the_columns_that_are_used_are_copied(text: str, columns: set[str] | None):
    assert columns_in(compile_select(text, INPUTS, VALUES)) == columns


THEME = """\
theme: count
label: 数
owner: civil_affairs
inputs: {marriage: civil_affairs/marriage}
parameters:
  day: {type: date, default: latest}
tables:
  couples:
    label: 夫妻
    rows: {marriage: "SELECT no, since, since < $day AS old FROM marriage"}
    dimensions:
      old: {label: 早, type: boolean}
    measures:
      couples: {label: 数, sql: COUNT(*)}
tests:
  all: {label: 全, equal: [SELECT SUM(couples) FROM couples, SELECT COUNT(*) FROM marriage]}
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("owner:", "ownr:", ":3: ownr: not a known key"),
        ("default: latest", "default: never", ":6: parameters.day: Invalid isoformat string"),
        ("{marriage: \"SEL", '{divorce: "SEL', "counts what is no input: divorce"),
        ("couples: {label: 数", "old: {label: 数", "both a dimension and a measure: old"),
        ("  couples:\n    label", "  marriage:\n    label", "both an input and a table: marriage"),
        ("equal: [SELECT SUM(couples) FROM couples, ", "equal: [", "should have at least 2 items"),
        ("all: {", "all: {table: couples, ", "table and cells go together"),
        ("all: {", "all: {holds: SELECT TRUE, ", "give one of cells (with table), equal, holds"),
    ],
)  # fmt: skip
def test_a_wrong_theme_names_its_line(old: str, new: str, message: str):
    with pytest.raises(DeclarationError) as caught:
        parse_model(Theme, THEME.replace(old, new), "themes/count.yaml")

    assert str(caught.value).startswith("themes/count.yaml:")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("", "", None),
        ("owner: civil_affairs", "owner: nobody", ":3: owner 'nobody' is not in departments.yaml"),
        ("civil_affairs/marriage}", "civil_affairs/birth}", ":4: input 'marriage': no resource"),
        ("boolean}", "boolean, codes: nope}", ":12: unknown code set 'nope'"),
        ("FROM marriage\"", "FROM x\"", ":10: tables.couples.rows.marriage: may not read 'x'"),
        ("since <", "sins <", ':10: tables.couples.rows.marriage: Binder Error: Referenced column'),
        ("SELECT no, since", "SELECT since", ":10: tables.couples.rows.marriage: Binder Error"),
        ("COUNT(*)}", "SUM(nope)}", ":13: tables.couples.measures: Binder Error"),
        ("COUNT(*)}", "SUM(now())}", ":14: tables.couples.measures.couples: unknown function "),
        ("SELECT SUM(couples)", "SELECT SUM(x)", ":16: tests.all: Binder Error"),
        ("old: {label: 早, type: boolean}", "party: {label: 早}", ":12: dimension 'party' is"),
        ("theme: count", "theme: other", ": theme 'other' is not the file name"),
    ],
)  # fmt: skip
def test_a_theme_is_tried_before_it_is_used(
    request: pytest.FixtureRequest, tmp_path: Path, old: str, new: str, message: str | None
):
    pack = request.getfixturevalue("root")
    (pack / "themes").mkdir()
    (pack / "themes" / "count.yaml").write_text(THEME.replace(old, new) if old else THEME, "utf-8")

    found = problems(pack, tmp_path)

    if message is None:
        assert found == []
    else:
        assert any(f"themes/count.yaml{message}" in one for one in found), found


def test_what_decides_no_number_changes_no_version():
    theme = parse_model(Theme, THEME, "t.yaml")
    same = THEME.replace("label: 夫妻", "label: 对").replace("COUNT(*)}", "COUNT(*), unit: 对}")

    assert parse_model(Theme, same, "t.yaml").version == theme.version
    other = THEME.replace("COUNT(*)}", "COUNT(no)}")
    assert parse_model(Theme, other, "t.yaml").version != theme.version


def test_a_theme_whose_sql_was_never_checked_is_checked_when_it_runs():
    theme = parse_model(Theme, THEME.replace("COUNT(*)}", "SUM(now())}"), "t.yaml")

    with pytest.raises(DeclarationError, match=r"^themes/count.yaml: tables.couples.measures"):
        compile_theme(theme, sample_parameters(theme))
