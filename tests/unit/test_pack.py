"""Declarations are read strictly, and errors say where, what, and what is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from chengshu.catalog import load_pack
from chengshu.catalog.lint import lint_pack
from chengshu.catalog.model import Resource
from chengshu.catalog.yaml import parse_model
from chengshu.engine.duckdb import DuckDBEngine
from chengshu.kernel.errors import DeclarationError
from tests.conftest import make_lake

MARRIAGE = """\
name: marriage
label: 婚姻登记信息
owner: civil_affairs
sharing: unconditional
update: daily
key: [no]
fields:
  - {name: no, label: 证号, type: text}
  - {name: party, label: 甲, type: citizen_id, grade: 3}
  - {name: since, label: 起, type: date}
  - {name: until, label: 止, type: date}
rules:
  - {name: in_order, where_bad: until < since, effect: warn}
source: {kind: file, path: "*.csv"}
"""


SELF = "civil_affairs/marriage"


@pytest.mark.parametrize("value", ["NO", "010101", "1e3", "2024-01-01", "0x1F", "12:30:45", "~"])
def test_yaml_never_guesses_what_a_code_means(value: str):
    text = MARRIAGE.replace("label: 婚姻登记信息", f"label: {value}")

    assert parse_model(Resource, text, "marriage.yaml").label == value


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("owner: civil", "owner: x\nowner: civil", ":4: 'owner' is given twice"),
        ("sharing: un", "shareing: un", ":4: shareing: not a known key. Known: back, condition, "),
        ("grade: 3", "grade: 9", ":9: fields.1.grade: Input should be less than or equal to 4"),
        ("grade: 3", "garde: 3", ":9: fields.1.garde: not a known key. Known: area, codes, "),
        ("unconditional", "none", "sharing 'none' must name its legal_basis"),
        ("unconditional", "maybe", ":4: sharing: Input should be 'unconditional', 'conditional'"),
        ("key: [no]", "key: [nope]", "key names undeclared fields: nope"),
        ("key: [no]", "", "identity 'key' has a key"),
        ("name: since", "name: no", "two fields share the name: no"),
        ("name: since", "name: _since", ":10: fields.2.name: String should match pattern"),
        ("effect: warn", "effect: scold", ":13: rules.0.effect: Input should be 'block'"),
        ("effect: warn", "unique: [no]", ":13: rules.0: a unique rule has no where_bad"),
        ("kind: file", "kind: floppy", ":14: source: Input tag 'floppy' found using 'kind'"),
        ("label: 婚姻登记信息", "label: [", "not YAML"),
        ("label: 婚姻登记信息", "label: ' '", ":2: label: is blank"),
        ("sharing: un", "legal_basis: ' '\nsharing: un", ":4: legal_basis: is blank"),
        ("source:", "rows: {min: 10, max: 5}\nsource:", ":14: rows: no number of rows is at"),
        ('"*.csv"', '"*.csv", skip: -1', ":14: source.file.skip: Input should be greater"),
        ('"*.csv"', '"*.csv", encoding: klingon', ":14: source.file.encoding: unknown encoding"),
        ('"*.csv"', '"*.csv", delimiter: abc', ":14: source.file.delimiter: String should match"),
        ('"*.csv"', '"*.csv", quote: "\'\'"', ":14: source.file.quote: String should match"),
        (
            '"*.csv"',
            r'"*.csv", as_of: "(\\d+)-(\\d+)"',
            "as_of: needs one group (20240131) or three",
        ),
        (
            '"*.csv"',
            '"*.csv", pth: x',
            "source.file.pth: not a known key. Known: as_of, batch, delimiter, encoding, format, "
            "header, kind, members, mode, operation, path, quote, sheet, skip, zero.",
        ),
        (
            "name: in_order",
            "name: required",
            ":13: rules.0.name: 'required' is the name of",
        ),
        ("name: in_order", "name: date", ":13: rules.0.name: 'date' is the name of a check"),
        (
            'kind: file, path: "*.csv"',
            "kind: sqlite, path: x, table: t, hot: y",
            "source.sqlite.hot: not a known key. Known: batch, kind, mode, operation, overlap",
        ),
    ],
)
def test_a_mistake_names_its_line_and_what_is_known(old: str, new: str, message: str):
    with pytest.raises(DeclarationError) as caught:
        parse_model(Resource, MARRIAGE.replace(old, new), "marriage.yaml")

    assert f"marriage.yaml{message}" in str(caught.value) or message in str(caught.value)
    assert str(caught.value).startswith("marriage.yaml")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "resources" / "civil_affairs").mkdir(parents=True)
    (tmp_path / "city.yaml").write_text("name: t\nlabel: 测试市\ndivision: 330200\n", "utf-8")
    departments = "departments:\n  civil_affairs: {label: 民政局}\n"
    (tmp_path / "departments.yaml").write_text(departments, "utf-8")
    (tmp_path / "elements.yaml").write_text(
        "elements:\n  person: {type: citizen_id, label: 公民身份号码, grade: 4}\n", "utf-8"
    )
    write(tmp_path, MARRIAGE)
    return tmp_path


def write(root: Path, text: str, name: str = "marriage") -> None:
    (root / "resources" / "civil_affairs" / f"{name}.yaml").write_text(text, "utf-8")


def problems(root: Path, tmp_path: Path) -> list[str]:
    engine = DuckDBEngine(make_lake(tmp_path / "lake"))
    try:
        return [str(problem) for problem in lint_pack(load_pack(root), [engine])]
    finally:
        engine.close()


def test_a_sound_pack_has_no_problems(root: Path, tmp_path: Path):
    assert problems(root, tmp_path) == []


def test_an_element_gives_label_type_and_grade_and_the_field_may_differ(root: Path):
    field = "{name: party, element: person, grade: 3}"
    write(root, MARRIAGE.replace("{name: party, label: 甲, type: citizen_id, grade: 3}", field))

    spec = load_pack(root).get("marriage").field("party")

    assert (spec.type, spec.label, spec.grade) == ("citizen_id", "公民身份号码", 3)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("type: date}", "type: dates}", "field 'since': no value type 'dates'. Known: address,"),
        ("until < since", "until < sinse", "unknown field 'sinse'. Known: as_of, no, party,"),
        ("until < since", "md5(no) = 'x'", "rule 'in_order': 'MD5(no)' may not stand in a rule"),
        ("until < since", "no IN (SELECT 1)", "may not stand in a rule. Known: abs,"),
        (
            "until < since",
            "no + until < 1",
            "rule 'in_order': does not run on duckdb: Binder Error",
        ),
        ("until < since", "until <", "not an expression: 'until <'"),
        ("grade: 3", "element: persom", "either a type or an element"),
        ("where_bad: until < since", "reference: a/b, fields: [no], to: [x]", "unknown resource"),
        (
            "label: 婚姻登记信息",
            "label: x\nsecret: true",
            "a state secret 涉密 may not be declared",
        ),
        ("until < since", "no", "rule 'in_order': where_bad is a value; expected what is true or"),
        ("until < since", "'days_between(since, until)'", "where_bad is a value"),
        ("until < since", "CASE WHEN no = 'x' THEN 1 END", "where_bad is a value"),
        (
            "where_bad: until < since",
            f"reference: {SELF}, fields: [since], to: [no]",
            f"'since' (date) cannot be compared with 'no' of {SELF} (text): they are kept as DATE",
        ),
        (
            "where_bad: until < since",
            f"agrees: {SELF}, fields: [no], to: [no], value: {{until: no}}, field: until",
            "'until' (date) cannot be compared with 'no'",
        ),
        ("label: 止", "label: 起", "fields 'since' and 'until' would both take the column '起'"),
        ("label: 止", "label: 止, column: since", "would both take the column 'since'"),
        ("name: marriage", "name: wedding", "name 'wedding' is not the file name"),
        ("owner: civil_affairs", "owner: taxes", "owner 'taxes' is not the folder name"),
    ],
)
def test_lint_finds_what_one_file_cannot_say(
    root: Path, tmp_path: Path, old: str, new: str, message: str
):
    write(root, MARRIAGE.replace(old, new))

    (found,) = problems(root, tmp_path)[:1]

    assert found.startswith("resources/civil_affairs/marriage.yaml")
    assert message in found


@pytest.mark.parametrize(
    "condition",
    [
        "NOT until < since", "(until < since OR no IS NULL) AND TRUE", "starts_with(no, 'x')",
        "CASE WHEN no = 'x' THEN until < since ELSE FALSE END", "coalesce(until < since, TRUE)",
        "no IN ('x')", "no LIKE 'x'", "contains(no, 'x')", "until BETWEEN since AND as_of",
    ],
)  # fmt: skip
def test_what_is_true_or_false_is_a_rule(root: Path, tmp_path: Path, condition: str):
    write(root, MARRIAGE.replace("until < since", f'"{condition}"'))

    assert problems(root, tmp_path) == []


@pytest.mark.parametrize(
    "name",
    [
        "resources/marriage.yaml", "resources/civil_affairs/more/marriage.yaml",
        "resources/civil_affairs/marriage.yml", "resources/civil_affairs/notes.txt",
        "codes/sex.tsv", "codes/more/sex.csv", "element.yaml", "city.yml",
    ],
)  # fmt: skip
def test_a_file_that_is_never_read_is_told(root: Path, tmp_path: Path, name: str):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(MARRIAGE, "utf-8")
    (root / "resources" / "civil_affairs" / ".marriage.yaml.swp").write_text("x", "utf-8")

    (found,) = problems(root, tmp_path)

    assert found.startswith(f"{name}: this file is never read; a pack has city.yaml")


def test_a_broken_file_is_told_once(root: Path, tmp_path: Path):
    rule = "rules: [{name: known, reference: civil_affairs/marriage, fields: [no], to: [no]}]\n"
    other = MARRIAGE.replace("name: marriage", "name: divorce").replace("rules:\n", rule)
    write(
        root,
        other.replace("  - {name: in_order, where_bad: until < since, effect: warn}\n", ""),
        "divorce",
    )
    write(root, MARRIAGE.replace("grade: 3", "grade: 9"))

    (found,) = problems(root, tmp_path)

    assert found.startswith("resources/civil_affairs/marriage.yaml:9")


@pytest.mark.parametrize(
    ("old", "new", "is_same"),
    [
        ("label: 起", "label: 开始, column: 起, grade: 3", True),
        ("name: in_order,", "name: in_order, label: 顺序,", True),
        ("label: 婚姻登记信息", "label: 婚姻\ndescription: 全部", True),
        ("update: daily", "update: weekly", True),
        ('"*.csv"', '"marriage_*.csv", as_of: (....)-(..)-(..)', True),
        ("label: 起, type: date", "label: 起, type: datetime", False),
        ("label: 起", "label: 起, missing: [无]", False),
        ("label: 起", "label: 起, compared: false", False),
        ("label: 起", "label: 起, required: true", False),
        ("until < since", "until <= since", False),
        ("effect: warn", "effect: block", False),
        ("key: [no]", "key: [no, party]", False),
    ],
)
def test_only_what_decides_about_rows_makes_another_version(
    root: Path, old: str, new: str, is_same: bool
):
    before = load_pack(root)
    write(root, MARRIAGE.replace(old, new))
    after = load_pack(root)

    assert not after.problems
    versions = [pack.version_of(pack.get("marriage")) for pack in (before, after)]
    assert (versions[0] == versions[1]) is is_same


def test_one_name_has_one_meaning(root: Path, tmp_path: Path):
    other = MARRIAGE.replace("name: marriage", "name: divorce").replace("type: text", "type: uscc")
    write(root, other, "divorce")

    (found,) = problems(root, tmp_path)

    assert "field 'no' is text here and uscc in civil_affairs/divorce" in found


def test_an_unknown_owner_and_division_are_found(root: Path, tmp_path: Path):
    (root / "departments.yaml").write_text("departments: {}\n", "utf-8")
    (root / "city.yaml").write_text("name: t\nlabel: 市\ndivision: 999999\n", "utf-8")

    found = problems(root, tmp_path)

    assert any("owner 'civil_affairs' is not in departments.yaml" in line for line in found)
    assert any("division '999999' is unknown" in line for line in found)


def test_a_city_has_code_sets_of_its_own(root: Path):
    (root / "codes").mkdir()
    (root / "codes" / "sex.csv").write_text("code,name,aliases\n1,男,男性 M\n2,女,\n", "utf-8")
    coded = "{name: party, label: 甲, type: code, codes: sex}"
    write(root, MARRIAGE.replace("{name: party, label: 甲, type: citizen_id, grade: 3}", coded))

    pack = load_pack(root)
    kind = pack.type_of(pack.get("marriage").field("party"))

    assert [kind.read(text).canonical for text in ("1", "男性", "M", "3")] == ["1", "1", "1", None]
