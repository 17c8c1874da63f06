"""The command line as people meet it: outputs, exit codes, and errors that say what to do."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest

from chengshu.catalog import load_pack
from chengshu.security.usage import list_uses
from tests.support.home import RESIDENT, STREET, TestHome, command, make_test_home, write

BALANCE = {
    "resource", "batch", "pulled", "accepted", "unchanged", "repeated", "refused", "lost", "closed",
}  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> TestHome:
    """A home after its first run; tests only look at it."""
    home = make_test_home(tmp_path_factory.mktemp("cli") / "home")
    home.deliver_all()
    lines = home.run()
    assert all(set(line) == BALANCE and line["closed"] for line in lines), lines
    counts = sorted((r["resource"], r["pulled"], r["accepted"], r["refused"]) for r in lines)
    assert counts == [
        ("office/resident", 5, 3, 2),
        ("office/street", 3, 3, 0),
        ("office/street", 4, 2, 2),
        ("office/visit", 4, 4, 0),
    ]
    return home


def uses(home: TestHome) -> list[dict[str, object]]:
    state = home.home.open_state()
    try:
        return list_uses(state)
    finally:
        state.close()


def test_init_makes_a_home_once_and_says_what_is_next(tmp_path: Path):
    first, second = (command("init", tmp_path / "new") for _ in range(2))

    assert (first.code, second.code) == (0, 0)
    assert "(not there yet)" in first.out
    assert f"chengshu --home {tmp_path / 'new'} check" in first.out
    assert (tmp_path / "new" / "config.toml").is_file()


def test_init_refuses_a_folder_that_holds_something_else(tmp_path: Path):
    write(tmp_path / "letter.txt", "mine")

    done = command("init", tmp_path)

    assert (done.code, done.out) == (1, "")
    assert "is not empty and not a home" in done.err


def test_pull_lands_and_run_refines_what_landed(tmp_path: Path):
    home = make_test_home(tmp_path / "home")
    home.deliver_all()

    pulled = home.call("pull", STREET, "--json")
    waiting = [line for line in home.call("status", "--json").lines if line["about"] == "waiting"]

    assert (pulled.code, pulled.lines) == (0, [
        {"resource": STREET, "batch": 1, "pulled": 4},
        {"resource": STREET, "batch": 2, "pulled": 3},
    ])  # fmt: skip
    assert [(w["batch"], w["rows"]) for w in waiting] == [(1, 4), (2, 3)]
    assert home.run(STREET) == [{"resource": STREET, "batch": None, "pulled": 0}]
    assert [b["accepted"] for b in home.balances(STREET)] == [2, 3]


def test_status_tells_of_stores_batches_rules_and_sources(home: TestHome):
    done = home.call("status", RESIDENT, "--all", "--json")

    about = {line["about"]: line for line in done.lines}
    assert done.code == 0
    assert set(about) == {"store", "batch", "rule"}
    assert (about["store"]["landing"], about["store"]["department"]) == (5, 3)
    rules = {(r.get("rule"), r.get("rows")) for r in done.lines if r["about"] == "rule"}
    assert rules == {("required", 1), ("street_known", 1), ("money", 1)}
    table = home.call("status").out
    assert "rows by store" in table
    assert "office/visit" in table


def test_show_masks_by_grade(home: TestHome):
    done = home.call("show", "resident", "--json")

    assert done.code == 0
    assert [(row["number"], row["person"]) for row in done.lines] == [
        ("1", "王**"), ("2", "李**"), ("5", "周**"),
    ]  # fmt: skip
    assert "王小明" not in home.call("show", RESIDENT, "--record", "1").text


def test_refused_rows_of_a_graded_resource_are_hidden_whole(home: TestHome):
    rows = home.call("show", RESIDENT, "--store", "management", "--json").lines

    assert [row["_why"] for row in rows] == ["street_known", "person required missing"]
    assert {row["person"] for row in rows} == {"＊＊＊", None}
    assert "赵小刚" not in str(rows)


@pytest.mark.parametrize("reason", [[], ["--reason", "  x "]])
def test_without_a_reason_nothing_is_shown_in_the_clear(home: TestHome, reason: list[str]):
    before = uses(home)

    done = home.call("show", RESIDENT, "--unmasked", *reason)

    assert (done.code, done.out) == (1, "")
    assert "needs a reason" in done.err
    assert uses(home) == before


def test_a_look_in_the_clear_is_recorded_with_name_and_reason(home: TestHome):
    done = home.call("show", RESIDENT, "--unmasked", "--reason", "case 2026-17", "--json")

    assert [row["person"] for row in done.lines] == ["王小明", "李小红", "周小云"]
    use = uses(home)[-1]
    assert (use["what"], use["reason"]) == (f"{RESIDENT} department", "case 2026-17")
    assert use["person"]
    assert isinstance(use["at"], datetime)


def test_one_batch_and_one_record(home: TestHome):
    batch = home.call("show", STREET, "--store", "landing", "--batch", "2", "--json").lines
    versions = home.call("show", STREET, "--record", "a", "--json").lines

    assert [row["code"] for row in batch] == ["a", "b", "d"]
    assert [(v["name"], v["_since"][:10], v["_until"]) for v in versions] == [
        ("甲街", "2026-01-01", "2026-02-01 00:00:00"),
        ("甲大街", "2026-02-01", None),
    ]


@pytest.mark.parametrize(
    "record", ["x' OR '1'='1", "a'; DROP TABLE lake.department.office__street; --", '"', "a\\"]
)
def test_a_record_id_is_never_read_as_sql(home: TestHome, record: str):
    done = home.call("show", STREET, "--record", record)

    assert (done.code, done.out) == (0, "no rows\n")
    assert len(home.current(STREET, "code")) == 3


def test_value_reads_values_from_a_pipe(home: TestHome):
    lines = home.call("value", "date", "--json", given="2026-01-02\n2026年1月2日\nnever\n\n").lines

    assert [line["verdict"] for line in lines] == ["ok", "corrected", "invalid", "ok"]
    assert [line["canonical"] for line in lines] == ["2026-01-02", "2026-01-02", None, None]
    plain = home.call("value", "money", "--param", "unit=wan", given="1.5\n")
    assert plain.out.split("\t")[:2] == ["ok", "15000.00"]


def test_read_says_in_one_object_what_a_file_holds(home: TestHome):
    done = home.call("read", home.front / "street_20260101.csv", "--json")

    (found,) = done.lines
    assert done.code == 0
    assert list(found) == ["encoding", "delimiter", "quote", "header", "rows", "findings"]
    assert (found["header"], found["rows"]) == (["code", "name", "opened"], 4)
    assert [(f["line"], f["code"]) for f in found["findings"]] == [(4, "ragged_short")]


def test_read_writes_a_clean_file(home: TestHome, tmp_path: Path):
    done = home.call("read", home.front / "visit_20260101.csv", "--to", tmp_path / "v.csv")

    assert done.code == 0, done
    assert "written to" in done.out
    again = home.call("read", tmp_path / "v.csv", "--json").lines[0]
    assert (again["rows"], again["header"][:2]) == (4, ["street", "day"])


def test_read_never_writes_over_what_it_reads(home: TestHome, tmp_path: Path):
    path = tmp_path / "v.csv"
    path.write_bytes("名称\r\n甲街\r\n".encode("gb18030"))
    before = path.read_bytes()
    (tmp_path / "link.csv").symlink_to(path)

    for to in (path, tmp_path / "link.csv"):
        done = home.call("read", path, "--to", to)
        assert (done.code, "this is the file that is read" in done.err) == (1, True), done

    assert path.read_bytes() == before


@pytest.mark.parametrize("command", ["run", "pull"])
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("type: date", "type: dat", "street.yaml:10: field 'opened': no value type 'dat'"),
        ("source:", "rules: [{name: r, where_bad: amont > 1}]\nsource:",
         "street.yaml:11: rule 'r': unknown field 'amont'"),
        ("source:", "rules: [{name: r, where_bad: opened + code > 1}]\nsource:",
         "street.yaml:11: rule 'r': does not run on duckdb"),
    ],
)  # fmt: skip
def test_a_wrong_declaration_is_told_before_anything_is_pulled(
    tmp_path: Path, command: str, old: str, new: str, message: str
):
    home = make_test_home(tmp_path / "home")
    home.deliver_all()
    home.mend("resources/office/street.yaml", old, new)

    # The other one's rule looks into this one; a third has nothing to do with it.
    for name in (STREET, RESIDENT):
        done = home.call(command, name)
        assert (done.code, message in done.err) == (2, True), done
    assert home.snapshot() == {}
    assert home.call("pull", "office/visit").code == 0


def test_a_secret_is_asked_for_and_never_shown(home: TestHome):
    done = home.call("secret", "front_password", given="sesame-7\n")

    assert done.code == 0, done
    assert "sesame-7" not in done.text
    assert home.home.open_secrets().get("front_password") == "sesame-7"
    assert b"sesame-7" not in (home.root / "state.sqlite").read_bytes()
    key = home.root / "keys" / "secrets.key"
    assert key.stat().st_mode & 0o777 == 0o600


REFUSED: dict[str, tuple[list[str], int, str]] = {
    "unknown resource": (["show", "streat"], 1, r"no resource 'streat'. Known: office/resident"),
    "unknown resource of run": (["run", "nope"], 1, r"no resource 'nope'. Known: "),
    "unknown store": (["show", "street", "--store", "attic"], 2, r"attic"),
    "unknown command": (["fly"], 2, r"fly"),
    "unknown type": (["value", "dat"], 1, r"no value type 'dat'. Known: .*date"),
    "unknown parameter": (["value", "date", "--param", "a=b"], 1, r"unknown parameter 'a'. Known"),
    "no parameter": (["value", "code"], 1, r"parameter 'codes' is missing"),
    "unknown code set": (["value", "code", "--param", "codes=zz"], 1, r"'zz'. Known: .*gb2261_1"),
    "wrong date": (["run", "--as-of", "soon"], 1, r"--as-of 'soon' is not an ISO date"),
    "time with zone": (["run", "--as-of", "2026-01-01T00:00+08:00"], 1, r"has a zone"),
    "no file": (["read", "/nowhere.csv"], 1, r"/nowhere.csv: there is no such file"),
    "no values": (["value", "date", "/nowhere.txt"], 1, r"/nowhere.txt: there is no such file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_says_why_and_what_is_known(home: TestHome, case: str):
    args, code, message = REFUSED[case]

    done = home.call(*args)

    assert (done.code, done.out) == (code, ""), done
    assert re.search(message, done.err), done.err


HOMES: dict[str, tuple[str | None, str]] = {
    "no home": (None, "is not a home. Make one with: chengshu init"),
    "not TOML": ("pack = [", "config.toml: not TOML"),
    "unknown setting": ('pack = "p"\nmemory = 3', "Known: pack (str), memory_mb (int from 100)"),
    "wrong kind": ('pack = "p"\nthreads = true', "wrong setting 'threads'"),
    "too little": ('pack = "p"\nmemory_mb = -5', "wrong setting 'memory_mb'"),
    "no pack named": ("threads = 1", "setting 'pack' is missing"),
    "missing pack": ('pack = "nowhere"', "city.yaml: there is no such file"),
}


@pytest.mark.parametrize("case", HOMES)
def test_a_wrong_home_is_said_so(tmp_path: Path, case: str):
    config, message = HOMES[case]
    if config is not None:
        write(tmp_path / "config.toml", config)

    done = command("--home", tmp_path, "status")

    assert done.code == (2 if case == "missing pack" else 1), done
    assert message in done.err, done


def test_a_field_that_was_declared_since_is_said_so(tmp_path: Path):
    home = make_test_home(tmp_path / "home")
    home.deliver_all()
    home.run(STREET)
    new = "fields:\n  - {name: size, label: 大小, type: text}"
    home.mend("resources/office/street.yaml", "fields:", new)

    done = home.call("show", STREET)

    assert (done.code, done.out) == (1, "")
    assert "size declared since the last run. Do: chengshu run" in done.err


def test_a_home_without_data_says_how_to_bring_it_in(tmp_path: Path):
    home = make_test_home(tmp_path / "home")

    for args in (["status"], ["show", "street"]):
        done = home.call(*args)
        assert done.code == 1
        assert "chengshu run" in done.err


F = "{name: f, label: f, type: text}"


def declaration(name: str, field: str = F, more: str = "") -> str:
    """Return a declaration whose fields stand on line 7 and ``more`` on line 9."""
    return (
        f"name: {name}\nlabel: x\nowner: office\nsharing: unconditional\nupdate: daily\n"
        f'key: [f]\nfields: [{field}]\nsource: {{kind: file, path: "../../front/*.csv"}}\n{more}'
    )


def broken_pack(root: Path) -> dict[str, tuple[int | None, str]]:
    """Write a pack with one fault a file; return file → line and what must be said of it."""
    write(root / "city.yaml", "name: x\nlabel: NO\ndivision: 330200\ntimezone: Mars/Base\n")
    write(root / "departments.yaml", "departments: {office: {label: NO}}\n")
    write(root / "elements.yaml", "elements:\n  known: {label: k, type: text}\n")
    said: dict[str, tuple[int | None, str]] = {"city.yaml": (4, "timezone")}

    def add(name: str, text: str | bytes, line: int | None, message: str) -> None:
        path = root / "resources" / "office" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        said[str(path.relative_to(root))] = (line, message)

    def ruled(name: str, rule: str, message: str) -> None:
        field = f"{{name: f, label: {name}, type: text}}"
        add(name, declaration(name, field, f"rules: [{{name: r, {rule}}}]\n"), 9, message)

    def fielded(name: str, field: str, line: int | None, message: str) -> None:
        add(name, declaration(name, field), line, message)

    text = declaration("misspelt").replace("label: x", "lable: x")
    add("misspelt", text, 2, "not a known key")
    add("broken", "name: [broken\nlabel: }", 2, "not YAML")
    add("endless", "name: &a [*a]\n", 1, "alias")
    laughs = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{b}: &{b} [*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a}]\n"
        for a, b in zip("abcdefghijk", "bcdefghijkl", strict=True)
    )
    add("laughs", laughs, None, "alias")
    add("deep", "name: " + "[" * 20_000, None, "not YAML")
    add("latin", "name: 街道".encode("gb18030"), None, "not UTF-8")
    add("twice", "name: twice\nname: twice\n", 2, "given twice")
    add("empty", "# nothing\n", None, "empty")
    add("sealed", declaration("sealed", more="secret: true\n"), 9, "涉密")
    add("guess", declaration("guess", more="secret: yes\n"), 9, "secret")
    add("other", declaration("another"), None, "is not the file name")
    fielded("own", "{name: _batch, label: x, type: text}", 7, "fields.0.name")
    fielded("helper", "{name: f__why, label: x, type: text}", 7, "fields.0.name")
    fielded(
        "clock",
        "{name: f, label: f, type: text}, {name: as_of, label: x, type: date}",
        None,
        "as_of",
    )
    fielded("mistyped", "{name: f, label: x, type: texts}", 7, "'texts'")
    fielded("parameter", "{name: f, label: x, type: text, unit: wan}", 7, "unit")
    fielded("banana", "{name: f, label: x, type: text, max_length: many}", 7, "many")
    fielded("element", "{name: f, element: unknown}", 7, "unknown element 'unknown'")
    fielded("codeless", "{name: f, label: x, type: code, codes: none_such}", 7, "none_such")
    ruled("subquery", "where_bad: f IN (SELECT f FROM y)", "may not stand in a rule")
    ruled("function", "where_bad: shell(f) = f", "unknown function 'shell'")
    ruled("reader", "where_bad: read_csv(f) = f", "may not stand in a rule")
    ruled("stranger", "where_bad: g = f", "unknown field")
    ruled("typeless", "where_bad: f + 1 + f > DATE '2020-01-01'", "does not run on duckdb")
    ruled("grammar", "where_bad: f = = f", "not an expression")
    ruled("pointer", "reference: office/nowhere, fields: [f], to: [f]", "'office/nowhere'")
    add("nobody", declaration("nobody", more="rules: [{name: r, unique: [zz]}]"), None, "zz")
    (root / "resources" / "office" / "folder.yaml").mkdir()
    write(root / "codes" / "bad.csv", "no,such,columns\n1,2,3\n")
    said["codes/bad.csv"] = (None, "")
    return said


def test_check_names_file_line_and_what_is_known_for_every_fault(tmp_path: Path):
    said = broken_pack(tmp_path / "pack")

    done = command("check", tmp_path / "pack", "--json")

    found = [(p["path"], p["line"], p["problem"], p["known"]) for p in done.lines]
    missed = [
        (path, line, message)
        for path, (line, message) in said.items()
        if not any(
            path == at and line in (None, here) and message in problem
            for at, here, problem, _ in found
        )
    ]
    assert done.code == 2
    assert not missed, found
    known = {path: known for path, _, _, known in found}
    assert "label" in known["resources/office/misspelt.yaml"]
    assert known["resources/office/element.yaml"] == ["known"]


def test_check_of_a_sound_pack_finds_nothing(home: TestHome):
    done = home.call("check")

    assert done.code == 0
    assert "0 problems in 3 resources, 1 rules" in done.out


def test_a_state_secret_is_never_pulled(tmp_path: Path):
    home = make_test_home(tmp_path / "home")
    home.deliver_all()
    home.mend("resources/office/street.yaml", "update: daily", "update: daily\nsecret: true")

    done = home.call("run", STREET)

    assert done.code == 2
    assert "resources/office/street.yaml" in done.err
    assert "涉密" in done.err
    assert home.snapshot() == {}


def test_code_like_texts_survive_from_declaration_to_store(tmp_path: Path):
    home = make_test_home(tmp_path / "home", {
        "city.yaml": "name: x\nlabel: NO\ndivision: 330200\n",
        "departments.yaml": "departments: {office: {label: NO}}\n",
        "resources/office/odd.yaml": declaration(
            "odd",
            "{name: f, label: NO, type: text, column: 010101}, "
            "{name: g, label: 1_000, type: text, missing: [NO, 1e3]}",
        ),
    })  # fmt: skip
    home.deliver("x", "010101,g", ["010101,NO", "1e3,1_000", "NO,off"])

    home.run()

    odd = load_pack(home.pack).get("odd")
    assert (odd.field("f").column, odd.field("g").missing) == ("010101", ("NO", "1e3"))
    assert home.current("odd", "f", "g") == [("010101", None), ("1e3", "1_000"), ("NO", "off")]
