"""SQL from people runs apart: even where the parser is got round, it reaches and breaks nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chengshu.engine.apart import Limits, Work, apart_folder, run_apart
from chengshu.kernel.errors import EngineError

pytestmark = pytest.mark.fault
LIMITS = Limits(seconds=60, memory_mb=300, disk_mb=50, rows=1000)


def run(folder: Path, sql: str, limits: Limits = LIMITS, kind: str = "tables") -> object:
    """Run SQL that nobody has checked over one input of ten thousand rows."""
    with apart_folder(folder) as place:
        (place / "people").mkdir()
        ids = pa.table({"id": range(10_000), "name": ["王小明"] * 10_000})
        pq.write_table(ids, place / "people" / "part.parquet")
        (place.parent / "secret.csv").write_text("secret\n1\n")
        answer = run_apart(Work({"people": place / "people"}, **{kind: {"t": sql}}), place, limits)
    found = answer.tables["t"].to_pylist() if kind == "tables" else answer.values["t"]
    assert [path.name for path in folder.iterdir()] == ["secret.csv"]
    return found


def test_what_is_given_is_read(tmp_path: Path):
    assert run(tmp_path, "SELECT SUM(id) AS s FROM people") == [{"s": 49_995_000}]
    assert run(tmp_path, "SELECT COUNT(*) FROM people", kind="values") == "10000"


DENIED = {
    "a file": "SELECT * FROM read_text('/etc/passwd')",
    "a file by its name": "SELECT * FROM '/etc/passwd'",
    "a file beside its own": "SELECT * FROM read_csv('../secret.csv')",
    "its request": "SELECT * FROM read_text('request.json')",
    "names of files": "SELECT * FROM glob('/etc/*')",
    "another input's folder": "SELECT * FROM read_parquet('../*/people/*.parquet')",
    "Python's own objects": "SELECT * FROM request",
}


@pytest.mark.parametrize("what", DENIED)
def test_nothing_else_can_be_read(tmp_path: Path, what: str):
    with pytest.raises(EngineError, match="SQL apart failed at step 't': "):
        run(tmp_path, DENIED[what])


STATEMENTS = [
    "COPY people TO '/tmp/chengshu-stolen.csv'",
    "COPY (SELECT 1) TO 'out/x.arrow'",
    "ATTACH '/tmp/chengshu-stolen.db'",
    "EXPORT DATABASE '/tmp/chengshu-stolen'",
    "INSTALL httpfs",
    "LOAD sqlite_scanner",
    "SET memory_limit = '100GB'",
    "SET enable_external_access = true",
    "RESET lock_configuration",
    "SET allowed_directories = ['/']",
]


@pytest.mark.parametrize("sql", STATEMENTS)
def test_no_statement_gets_out(tmp_path: Path, sql: str):
    with pytest.raises(EngineError):
        run(tmp_path, sql, kind="values")

    assert not list(Path("/tmp").glob("chengshu-stolen*"))


GREEDY = {
    "a join that explodes": ("SELECT COUNT(*) AS n FROM people a, people b, people c", 4, "longer"),
    "a recursion without end": (
        "WITH RECURSIVE a AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM a) SELECT SUM(x) FROM a",
        4,
        "took longer than 4 seconds",
    ),
    "memory": ("SELECT list(range) AS l FROM range(1000000000)", 60, "more memory than it may"),
    "rows": ("SELECT * FROM people", 60, "gives more than 1,000 rows"),
}


@pytest.mark.parametrize("what", GREEDY)
def test_what_takes_too_much_ends_with_the_reason(tmp_path: Path, what: str):
    sql, seconds, why = GREEDY[what]

    with pytest.raises(EngineError, match=why) as caught:
        run(tmp_path, sql, replace(LIMITS, seconds=seconds))

    assert not caught.value.retryable


def test_what_spills_too_much_ends(tmp_path: Path):
    sql = "SELECT a.id FROM people a, people b ORDER BY hash(a.id, b.id) LIMIT 9000000"

    with pytest.raises(EngineError, match=r"disk|memory|longer"):
        run(tmp_path, sql, replace(LIMITS, seconds=30, rows=10_000_000, memory_mb=100))


def test_an_error_says_no_value(tmp_path: Path):
    with pytest.raises(EngineError) as caught:
        run(tmp_path, "SELECT CAST(name AS INTEGER) FROM people")

    assert str(caught.value) == "SQL apart failed at step 't': failed (ConversionException)"


LIVES = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
from tests.fault.test_apart import LIMITS, run
run(Path({folder!r}), "SELECT COUNT(*) AS n FROM people a, people b, people c, people d")
"""


def test_it_dies_with_who_started_it_and_leaves_nothing_for_long(tmp_path: Path):
    code = LIVES.format(path=sys.path, folder=str(tmp_path))
    parent = subprocess.Popen([sys.executable, "-c", code])
    wait_until(lambda: children(tmp_path))

    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()

    wait_until(lambda: not children(tmp_path))
    assert list(tmp_path.glob("apart-*"))
    run(tmp_path, "SELECT 1 AS one")
    assert not list(tmp_path.glob("apart-*"))


def children(folder: Path) -> list[int]:
    """Return the processes that work in a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_text().split("\0")
        except OSError:
            continue
        if any(word.startswith(f"{folder}/apart-") for word in words):
            found.append(int(path.name))
    return found


def wait_until(seen: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while not seen():
        assert time.monotonic() < until
        time.sleep(0.02)
