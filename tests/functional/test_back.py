"""What a department's data failed goes back into its own front store, once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chengshu.engine.sql import quote
from tests.support.back import (
    COLUMNS,
    FOLDER,
    HEADER,
    SQLITE,
    TOLD,
    Server,
    Store,
    back_of,
    declare_back,
    deliver_streets,
    emptied,
    fetched,
    findings_in,
    kind_of,
    let_in,
    make_back_home,
    quoted_in,
    read_csv,
    receipts_in,
    sent,
    started,
    undelivered,
    uses,
)
from tests.support.home import STREET, TestHome
from tests.support.mariadb import MariadbServer
from tests.support.servers import PASSWORD, USER


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with started("postgres") as running:
        yield running


@pytest.fixture(scope="module")
def mysql() -> Iterator[Server]:
    with started("mysql") as running:
        yield running


@pytest.fixture(params=["postgres", "mysql"])
def server(request: pytest.FixtureRequest) -> Server:
    """A server without our tables."""
    return emptied(request.getfixturevalue(request.param))


@pytest.fixture(params=["folder", "sqlite", "postgres", "mysql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[TestHome, Store]:
    """A home that delivers back, and where to."""
    folder = tmp_path / "home"
    if request.param == "folder":
        return make_back_home(folder, FOLDER), folder / "back"
    if request.param == "sqlite":
        return make_back_home(folder, SQLITE), folder / "back" / "store.sqlite"
    server = emptied(request.getfixturevalue(request.param))
    return make_back_home(folder, back_of(server)), server


def test_the_findings_of_every_batch_go_back_once(place: tuple[TestHome, Store]):
    home, store = place
    deliver_streets(home)

    home.run()
    came = findings_in(store)
    home.run()

    assert [row[:-1] for row in came] == TOLD
    assert [row[-1] for row in came][2] == "编码：必填项缺失（该行未采用）。"
    assert str(came[0][-1]).startswith("日期：")
    assert (findings_in(store), receipts_in(store)) == (came, [(1, 3), (2, 0)])
    assert (sent(home), undelivered(home)) == ([1, 2], [])
    assert [use.partition(" (digest ")[0] for use in uses(home)] == [
        "office/street batch 1 findings, 3 rows", "office/street batch 2 findings, 0 rows"
    ]  # fmt: skip
    assert not list((home.root / "spool").rglob("*.jsonl"))


def test_batches_of_before_the_way_back_was_declared_go_back(tmp_path: Path):
    home = make_back_home(tmp_path / "home", FOLDER)
    path = home.pack / "resources/office/street.yaml"
    path.write_text(path.read_text("utf-8").replace(f"back: {FOLDER}\n", ""), "utf-8")
    deliver_streets(home)
    home.run()
    declare_back(home, FOLDER)

    assert undelivered(home) == [1, 2]
    home.run()

    assert [row[:-1] for row in findings_in(home.root / "back")] == TOLD
    assert undelivered(home) == []


def test_a_row_that_fails_again_goes_back_with_the_file_it_came_in_now(tmp_path: Path):
    home = make_back_home(tmp_path / "home", SQLITE)
    deliver_streets(home)
    home.run()
    home.deliver("street_20260301", HEADER, ["x,新街,2001-01-01", ",无码,2001-01-01"])

    home.run()

    last = findings_in(home.root / "back" / "store.sqlite")[-1]
    assert last[1:5] == ("3", "1", "street_20260301.csv", "3")


def test_a_failing_way_back_undoes_nothing_and_the_next_run_resumes(tmp_path: Path):
    home = make_back_home(tmp_path / "home", SQLITE)
    store = home.root / "back" / "store.sqlite"
    store.unlink()
    deliver_streets(home)

    lines = home.run(code=3)

    assert [line["closed"] for line in lines if "closed" in line] == [True, True]
    (error,) = [line["error"] for line in lines if "error" in line]
    assert "back ../../back/store.sqlite: there is no such SQLite file" in error["message"]
    assert (sent(home), undelivered(home)) == ([], [1, 2])
    # It is on record before it leaves, and once, though it is tried again.
    (before,) = home.call("usage", "--json").lines
    assert before["what"].endswith(", to ../../back/store.sqlite, chengshu_findings")
    assert before["reason"].startswith("to its owner office, by run")
    store.touch()
    home.run()
    assert [row[:-1] for row in findings_in(store)] == TOLD
    assert (len(uses(home)), uses(home)[0]) == (2, before["what"])


def test_findings_go_back_as_they_were_though_rules_changed_before_the_next_try(tmp_path: Path):
    home = make_back_home(tmp_path / "home", SQLITE)
    store = home.root / "back" / "store.sqlite"
    store.unlink()
    deliver_streets(home)
    home.run(code=3)
    home.mend("resources/office/street.yaml", "type: date}", "type: date, required: true}")
    store.touch()

    home.run()

    # The first was made before the rules changed; the second when its turn came.
    assert [(row[1], row[6]) for row in findings_in(store)] == [
        ("1", "date"), ("1", "intact"), ("1", "required")
    ]  # fmt: skip
    assert receipts_in(store) == [(1, 3), (2, 0)]


def test_a_department_says_when_it_has_taken_them(server: Server, tmp_path: Path):
    home = make_back_home(tmp_path / "home", back_of(server))
    deliver_streets(home)
    home.run()
    taken = "UPDATE chengshu_receipts SET taken_at = '2026-03-01' WHERE batch = 1"
    server.execute(taken, "DELETE FROM chengshu_findings")

    home.run()

    assert findings_in(server) == []
    sql = "SELECT batch, taken_at FROM chengshu_receipts ORDER BY batch"
    assert fetched(server, sql) == [(1, "2026-03-01"), (2, None)]


def test_another_home_that_delivers_under_the_same_names_is_told(
    place: tuple[TestHome, Store], tmp_path: Path
):
    home, store = place
    deliver_streets(home)
    home.run()
    came = findings_in(store)
    declared = (home.pack / "resources/office/street.yaml").read_text("utf-8")
    other = make_back_home(tmp_path / "other", FOLDER)
    other.declare(
        "resources/office/street.yaml",
        declared.replace("path: ../../back", f"path: {home.root}/back"),
    )
    other.deliver("street_20260101", HEADER, ["a,甲街,never"])

    done = other.call("run", STREET)

    assert done.code == 1
    assert "has a receipt of other findings of office/street batch 1" in done.text
    assert (findings_in(store), undelivered(other)) == (came, [1])


HOSTILE = "o'dd\" %s 表; DROP TABLE x; --"


def test_names_are_never_read_as_sql(server: Server, tmp_path: Path):
    schema, table = (quoted_in(server, name) for name in (HOSTILE, f"{HOSTILE}_findings"))
    server.execute(f"CREATE SCHEMA {schema}")
    if isinstance(server, MariadbServer):
        server.execute(f"GRANT ALL ON {schema}.* TO {USER}@'%'")
    declared = back_of(server, prefix=f"{HOSTILE}.{HOSTILE}")
    home = make_back_home(tmp_path / "home", declared)
    deliver_streets(home)

    home.run()
    store = home.root / "back" / "store.sqlite"
    as_yaml = '"' + HOSTILE.replace('"', '\\"') + '"'
    declare_back(home, SQLITE.replace("}", f", prefix: {as_yaml}}}"))
    home.deliver("street_20260301", HEADER, ["x,新街,bad"])
    home.run()

    assert fetched(server, f"SELECT COUNT(*) FROM {schema}.{table}") == [(3,)]
    receipts = quote(f"{HOSTILE}_receipts")
    assert fetched(store, f"SELECT batch, row_count FROM {receipts}") == [(3, 1)]


def test_a_csv_opens_in_excel_and_its_receipt_says_what_it_is(tmp_path: Path):
    home = make_back_home(tmp_path / "home", FOLDER)
    deliver_streets(home)
    home.run()

    path = home.root / "back" / "chengshu_office__street_000001_findings.csv"

    assert path.read_bytes().startswith(b"\xef\xbb\xbfresource,batch,")
    assert read_csv(path)[0] == COLUMNS
    assert (path.stat().st_mode & 0o777) == 0o644


@pytest.mark.parametrize("word", ["wrong-' pass", PASSWORD])
def test_a_server_that_refuses_is_told_without_the_password(
    server: Server, tmp_path: Path, word: str
):
    home = make_back_home(tmp_path / "home", back_of(server, user="guest"))
    let_in(server, "guest", "")
    with home.home.open_secrets() as secrets:
        secrets.put("front", word)
    deliver_streets(home)

    done = home.call("run", STREET)

    assert done.code == 3, done
    assert f"back {kind_of(server)} 127.0.0.1" in done.text
    may_not = "user 'guest' may not make or write our tables there"
    told = may_not if word == PASSWORD else "the server does not let us in"
    assert told in done.text
    assert word not in done.text
    assert (receipts_in(server), undelivered(home)) == ([], [1, 2])


def test_no_right_to_make_tables_is_needed_where_they_stand(server: Server, tmp_path: Path):
    maker = make_back_home(tmp_path / "maker", back_of(server))
    maker.deliver("street_20260101", HEADER, ["a,甲街,2001-02-03"])
    maker.run()
    server.execute("DELETE FROM chengshu_receipts")
    let_in(server, "clerk", "SELECT, INSERT")
    home = make_back_home(tmp_path / "home", back_of(server, user="clerk"))
    deliver_streets(home)

    home.run()

    assert [row[:-1] for row in findings_in(server)] == TOLD


DOOR = "{kind: mysql, user: u, secret: s, database: town"
TABLE = (
    "name: {0}\nlabel: 其他\nowner: office\nsharing: unconditional\nupdate: daily\n"
    "key: [number]\nfields: [{{name: number, label: 编号, type: text}}]\nsource: {1}\n"
)


@pytest.mark.parametrize(
    ("back", "told"),
    [
        ("{kind: folder, path: ../../front}", "folder ../../front is what office/street is pulled"),
        ("{kind: folder, path: ../../back/../front/}", "is what office/street is pulled from"),
        ("{kind: sqlite, path: ../../front/r.sqlite, prefix: a}", "table A_findings is what"),
        ("{kind: sqlite, path: x.sqlite, prefix: a/b}", "cannot begin a name"),
        ("{kind: mysql, path: x}", "back"),
        (f"{DOOR}, host: 127.0.0.1}}", "table chengshu_receipts is what office/taken is"),
        (f"{DOOR}x, host: localhost, prefix: Town.Chengshu}}", "table chengshu_rec"),
        ("{kind: folder, path: ../../back, prefix: " + "长" * 19 + "}", "longer than 54 bytes"),
    ],
)
def test_a_way_back_from_which_is_pulled_is_refused(tmp_path: Path, back: str, told: str):
    home = make_back_home(tmp_path / "home", back)
    read = {
        "other": "{kind: sqlite, path: ../../front/r.sqlite, table: A_findings}",
        "taken": f"{DOOR}, host: localhost, table: chengshu_receipts}}",
    }
    for name, source in read.items():
        home.declare(f"resources/office/{name}.yaml", TABLE.format(name, source))

    done = home.call("run", STREET)

    assert done.code == 2, done
    assert told in done.text
    assert "street.yaml:" in done.text
