"""What a department's data failed goes back into its own front store, once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.back import (
    COLUMNS,
    FOLDER,
    HEADER,
    SQLITE,
    TOLD,
    declare_back,
    deliver_streets,
    fetched,
    findings_in,
    make_back_home,
    postgres,
    read_csv,
    receipts_in,
    sent,
    undelivered,
)
from tests.support.home import STREET, TestHome
from tests.support.servers import PASSWORD, PostgresServer, postgres_server


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as started:
        yield started


@pytest.fixture(params=["folder", "sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[TestHome, Path | PostgresServer]:
    """A home that delivers back, and where to."""
    folder = tmp_path / "home"
    if request.param == "folder":
        return make_back_home(folder, FOLDER), folder / "back"
    if request.param == "sqlite":
        return make_back_home(folder, SQLITE), folder / "back" / "store.sqlite"
    server: PostgresServer = request.getfixturevalue("server")
    server.execute("DROP TABLE IF EXISTS chengshu_findings, chengshu_receipts")
    return make_back_home(folder, postgres(server)), server


def test_the_findings_of_every_batch_go_back_once(place: tuple[TestHome, Path | PostgresServer]):
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
    store.touch()
    home.run()
    assert [row[:-1] for row in findings_in(store)] == TOLD


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


def test_a_department_says_when_it_has_taken_them(server: PostgresServer, tmp_path: Path):
    server.execute("DROP TABLE IF EXISTS chengshu_findings, chengshu_receipts")
    home = make_back_home(tmp_path / "home", postgres(server))
    deliver_streets(home)
    home.run()
    taken = "UPDATE chengshu_receipts SET taken_at = '2026-03-01' WHERE batch = 1"
    server.execute(taken, "DELETE FROM chengshu_findings")

    home.run()

    assert findings_in(server) == []
    sql = "SELECT batch, taken_at FROM chengshu_receipts ORDER BY batch"
    assert fetched(server, sql) == [(1, "2026-03-01"), (2, None)]


def test_another_home_that_delivers_under_the_same_names_is_told(
    place: tuple[TestHome, Path | PostgresServer], tmp_path: Path
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


def test_names_are_never_read_as_sql(server: PostgresServer, tmp_path: Path):
    quoted = HOSTILE.replace('"', '""')
    server.execute(f'CREATE SCHEMA "{quoted}"')
    declared = postgres(server, prefix=f"{HOSTILE}.{HOSTILE}")
    home = make_back_home(tmp_path / "home", declared)
    deliver_streets(home)

    home.run()
    store = home.root / "back" / "store.sqlite"
    as_yaml = '"' + HOSTILE.replace('"', '\\"') + '"'
    declare_back(home, SQLITE.replace("}", f", prefix: {as_yaml}}}"))
    home.deliver("street_20260301", HEADER, ["x,新街,bad"])
    home.run()

    found = fetched(server, f'SELECT COUNT(*) FROM "{quoted}"."{quoted}_findings"')
    assert found == [(3,)]
    assert fetched(store, f'SELECT batch, row_count FROM "{quoted}_receipts"') == [(3, 1)]


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
    server: PostgresServer, tmp_path: Path, word: str
):
    home = make_back_home(tmp_path / "home", postgres(server, user="guest"))
    server.execute(
        "DROP TABLE IF EXISTS chengshu_findings, chengshu_receipts",
        "DROP ROLE IF EXISTS guest",
        f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD.replace(chr(39), chr(39) * 2)}'",
    )
    with home.home.open_secrets() as secrets:
        secrets.put("front", word)
    deliver_streets(home)

    done = home.call("run", STREET)

    assert done.code == 3, done
    assert "back postgres 127.0.0.1" in done.text
    may_not = "user 'guest' may not make or write our tables there"
    told = may_not if word == PASSWORD else "the server does not let us in"
    assert told in done.text
    assert word not in done.text
    assert (receipts_in(server), undelivered(home)) == ([], [1, 2])


def test_no_right_to_make_tables_is_needed_where_they_stand(server: PostgresServer, tmp_path: Path):
    server.execute("DROP TABLE IF EXISTS chengshu_findings, chengshu_receipts")
    maker = make_back_home(tmp_path / "maker", postgres(server))
    maker.deliver("street_20260101", HEADER, ["a,甲街,2001-02-03"])
    maker.run()
    server.execute(
        "DELETE FROM chengshu_receipts",
        "DROP ROLE IF EXISTS clerk",
        f"CREATE ROLE clerk LOGIN PASSWORD '{PASSWORD.replace(chr(39), chr(39) * 2)}'",
        "GRANT SELECT, INSERT ON chengshu_findings, chengshu_receipts TO clerk",
    )
    home = make_back_home(tmp_path / "home", postgres(server, user="clerk"))
    deliver_streets(home)

    home.run()

    assert [row[:-1] for row in findings_in(server)] == TOLD
    server.execute("DROP OWNED BY clerk", "DROP ROLE clerk")


@pytest.mark.parametrize(
    ("back", "told"),
    [
        ("{kind: folder, path: ../../front}", "folder ../../front is what office/street is pulled"),
        ("{kind: folder, path: ../../back/../front/}", "is what office/street is pulled from"),
        ("{kind: sqlite, path: ../../front/r.sqlite, prefix: a}", "table A_findings is what"),
        ("{kind: sqlite, path: x.sqlite, prefix: a/b}", "cannot begin a name"),
        ("{kind: mysql, path: x}", "back"),
        ("{kind: folder, path: ../../back, prefix: " + "长" * 19 + "}", "longer than 54 bytes"),
    ],
)
def test_a_way_back_from_which_is_pulled_is_refused(tmp_path: Path, back: str, told: str):
    home = make_back_home(tmp_path / "home", back)
    home.declare(
        "resources/office/other.yaml",
        "name: other\nlabel: 其他\nowner: office\nsharing: unconditional\nupdate: daily\n"
        "key: [number]\nfields: [{name: number, label: 编号, type: text}]\n"
        "source: {kind: sqlite, path: ../../front/r.sqlite, table: A_findings}\n",
    )

    done = home.call("check")

    assert done.code == 2, done
    assert told in done.text
    assert "street.yaml:" in done.text
