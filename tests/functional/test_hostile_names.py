"""Names that people and attackers give: in paths, headers, cells, labels, code sets."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from chengshu.libraries import stores
from tests.support.commands import command, finish, start
from tests.support.home import RESIDENT, TestHome, make_test_home, without

DROP = "'); DROP TABLE lake.landing.batches; --"
LONG = "x" + "y" * 62
FIELD = "  - {{name: {0}, label: {0}, type: text}}\n"
HEAD = """\
name: {name}
label: {label}
owner: {owner}
sharing: unconditional
update: daily
key: [code]
fields:
  - {{name: code, label: 编码, type: text}}
"""


def hostile_city() -> dict[str, str]:
    """Return a pack whose every text tries to be SQL."""
    odd = HEAD.format(name="odd", label=f'"{DROP}"', owner="office")
    odd += f'  - {{name: select, label: "{DROP}", type: text, column: "a\'b\\"c"}}\n'
    odd += '  - {name: order, label: "%s {} $1", type: text, missing: ["\'", "\'; --", "\\\\"]}\n'
    odd += "  - {name: kind, label: 种类, type: code, codes: kinds}\n"
    odd += f'source: {{kind: file, path: "../../front/odd {DROP} *.csv", delimiter: ","}}\n'
    wide = HEAD.format(name="wide", label="宽表", owner="office")
    wide += "".join(FIELD.format(f"f{number}") for number in range(299))
    wide += 'source: {kind: file, path: "../../front/wide.csv"}\n'
    long = HEAD.format(name=LONG, label="长" * 200, owner=LONG)
    long += FIELD.format(LONG) + 'source: {kind: file, path: "../../front/long.csv"}\n'
    table = HEAD.format(name="quoted", label="引号", owner="office")
    table += FIELD.format("lake") + 'source: {kind: sqlite, path: "../../front/it\'s.sqlite", '
    table += 'table: "t\\"\'; DROP TABLE x; --"}\n'
    return {
        "city.yaml": f'name: x\nlabel: "{DROP}"\ndivision: 330200\n',
        "departments.yaml": f"departments: {{office: {{label: o}}, {LONG}: {{label: l}}}}\n",
        "codes/kinds.csv": f'code,name\n1,"{DROP}"\n2,it\'s\n',
        "resources/office/odd.yaml": odd,
        "resources/office/wide.yaml": wide,
        "resources/office/quoted.yaml": table,
        f"resources/{LONG}/{LONG}.yaml": long,
    }


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> TestHome:
    """A home in a folder that hardly can be written down, after one run."""
    folder = tmp_path_factory.mktemp("hostile") / 'it\'s 城枢 [1] {x} "q" %s *'
    folder.mkdir()
    home = make_test_home(folder / "my home", hostile_city())
    header = 'code,"a\'b""c",order,kind,_line,_problem,_rest,CODE,{DROP}'.replace("{DROP}", DROP)
    rows = [f"1,{DROP},',1,l,p,r,other,x", '2,\\,\'; --,it\'s,l,p,r,other,"y\n""\\\t\x01"']
    home.deliver(f"odd {DROP} 1", header, rows)
    names = ",".join(f"f{number}" for number in range(299))
    home.deliver("wide", f"code,{names}", [f"{n}," + ",".join(["v"] * 299) for n in range(50)])
    home.deliver("long", f"code,{LONG}", ["1,a"])
    with closing(sqlite3.connect(home.front / "it's.sqlite")) as con, con:
        con.execute('CREATE TABLE "t""\'; DROP TABLE x; --" (code, lake, "a""b\'", _line)')
        con.execute(
            'INSERT INTO "t""\'; DROP TABLE x; --" VALUES (?, ?, ?, ?)', ("1", DROP, "q", 1)
        )
    lines = home.run()
    assert {(line["resource"], line["accepted"]) for line in lines} == {
        ("office/odd", 2), ("office/wide", 50), ("office/quoted", 1), (f"{LONG}/{LONG}", 1),
    }  # fmt: skip
    return home


def test_values_come_through_as_they_are(home: TestHome):
    assert home.current("odd", "code", '"select"', '"order"', "kind") == [
        ("1", DROP, None, "1"),
        ("2", "\\", None, "2"),
    ]
    assert home.current("quoted", "code", "lake") == [("1", DROP)]


def test_columns_that_no_field_takes_are_kept_by_name(home: TestHome):
    rests = [row[0] for row in home.rows("SELECT _rest FROM lake.landing.office__odd ORDER BY ALL")]

    assert len(rests) == 2
    assert all('"CODE":"other"' in rest and f'"{DROP}":' in rest for rest in rests), rests


def test_wide_and_long_are_shown_and_counted(home: TestHome):
    wide = home.call("show", "wide", "--limit", "1", "--json").lines
    long = home.call("show", f"{LONG}/{LONG}", "--json").lines

    assert len(wide[0]) == 4 + 300
    assert long[0][LONG] == "a"
    assert len(home.rows(f"FROM lake.{stores.landing(home.resource('wide'))}")) == 50


def test_commands_work_in_such_a_folder(home: TestHome):
    check = home.call("check")
    status = home.call("status", "--json")
    read = home.call("read", home.front / f"odd {DROP} 1.csv", "--json")
    written = home.call("read", home.front / "long.csv", "--to", home.root / "it's.parquet")

    assert (check.code, status.code, read.code, written.code) == (0, 0, 0, 0), check
    assert read.lines[0]["rows"] == 2
    assert home.run()[0]["pulled"] == 0


@pytest.mark.parametrize("way", ["relative", "default", "link"])
def test_a_home_is_the_same_by_whatever_path_one_comes(home: TestHome, tmp_path: Path, way: str):
    link = tmp_path / "link"
    link.symlink_to(home.root)
    path = {"relative": ["--home", "../my home"], "default": [], "link": ["--home", link]}[way]

    done = finish(start(*path, "status", "office/odd", "--json", cwd=home.root))

    assert done.code == 0, done
    assert {line["resource"] for line in done.lines} == {"office/odd"}


def test_a_home_that_was_moved_is_still_whole(tmp_path: Path):
    home = make_test_home(tmp_path / "here", without(RESIDENT, "office/visit"))
    home.deliver_all()
    home.run()
    moved = TestHome(home.root.rename(tmp_path / "there"))

    assert [b["accepted"] for b in moved.balances()] == [2, 3]
    moved.deliver("street_20260301", "code,name,opened", ["a,甲街,2001-02-03"])
    assert [line["accepted"] for line in moved.run()] == [1]


def test_a_home_with_a_question_mark_in_its_path_is_refused(tmp_path: Path):
    done = command("init", tmp_path / "why?")

    assert (done.code, done.out) == (1, "")
    assert "may not hold a question mark" in done.err
