"""The command line as people meet it: outputs, exit codes, and errors that say what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.home import RESIDENT, STREET, TestHome, make_test_home


def test_pull_lands_and_run_refines_what_landed(tmp_path: Path):
    home = make_test_home(tmp_path / "home")
    home.deliver_all()

    pulled = home.call("pull", STREET, "--json")
    waiting = [line for line in home.call("status", "--json").lines if line["about"] == "waiting"]

    assert (pulled.code, pulled.lines) == (0, [
        {"resource": STREET, "batch": 1, "mode": "full", "pulled": 4},
        {"resource": STREET, "batch": 2, "mode": "full", "pulled": 3},
    ])  # fmt: skip
    assert [(w["batch"], w["rows"]) for w in waiting] == [(1, 4), (2, 3)]
    assert [(r["batch"], r["accepted"]) for r in home.run(STREET)] == [(1, 2), (2, 3)]
    assert [b["accepted"] for b in home.balances(STREET)] == [2, 3]


def test_a_delivery_without_rows_is_told_with_a_way_to_refuse_it(tmp_path: Path):
    home = make_test_home(tmp_path / "home")
    home.deliver_all()
    home.run(STREET)
    home.deliver("street_20260301", "code,name,opened", [])

    ran, status = home.call("run", STREET), home.call("status", STREET)

    for done in (ran, status):
        assert done.code == 0
        assert f"{STREET} batch 3 came without any row" in done.out
        assert "declare rows: {min: 1}" in done.out
    assert [(b["batch"], b["pulled"], b["accepted"]) for b in home.balances(STREET)][-1] == (
        3, 0, 0,
    )  # fmt: skip


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
    with home.home.open_secrets() as secrets:
        assert secrets.get("front_password") == "sesame-7"
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
    "secret of no pack": (["secret", "Bad Name"], 1, r"'Bad Name'. Names are small letters"),
    "no file": (["read", "/nowhere.csv"], 1, r"/nowhere.csv: there is no such file"),
    "no values": (["value", "date", "/nowhere.txt"], 1, r"/nowhere.txt: there is no such file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_says_why_and_what_is_known(home: TestHome, case: str):
    args, code, message = REFUSED[case]

    done = home.call(*args)

    assert (done.code, done.out) == (code, ""), done
    assert re.search(message, done.err), done.err


def test_a_home_without_data_says_how_to_bring_it_in(tmp_path: Path):
    home = make_test_home(tmp_path / "home")

    for args in (["status"], ["show", "street"]):
        done = home.call(*args)
        assert done.code == 1
        assert "chengshu run" in done.err
