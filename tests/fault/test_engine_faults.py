"""An engine that fails at any call leaves the stores as they were, and a retry completes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chengshu.catalog import Resource
from chengshu.engine.duckdb import DuckDBEngine
from chengshu.engine.port import Session
from chengshu.kernel.errors import EngineError
from chengshu.libraries import stores
from tests.conftest import make_lake
from tests.support.city import TestCity, counts

pytestmark = pytest.mark.fault

KEYED = """\
key: [code]
fields:
  - {name: code, label: 编码, type: text}
  - {name: name, label: 名称, type: text}
  - {name: born, label: 日期, type: date}
rules:
  - {name: named, where_bad: name = 'B', effect: warn}
"""
FIRST = [
    {"code": "1", "name": "A", "born": "2020-01-01"},
    {"code": "2", "name": "B", "born": None},
    {"code": "3", "name": "C", "born": None},
]
SECOND = [
    {"code": "1", "name": "A2", "born": "2020-01-01"},
    {"code": "2", "name": "B", "born": "never"},
    {"code": "4", "name": "B", "born": None},
    {"code": "5", "name": "E", "born": None, "_problem": "ragged_short"},
]


class FaultyEngine:
    """A real engine whose n-th call of a session fails; beginning and committing are calls too."""

    name = "faulty"

    def __init__(self, inner: DuckDBEngine) -> None:
        self.inner, self.fail_at, self.calls = inner, 0, 0

    def count(self, step: str) -> None:
        self.calls += 1
        if self.calls == self.fail_at:
            raise EngineError(self.name, step, "", retryable=True)

    @contextmanager
    def session(self) -> Iterator[Session]:
        self.count("begin")
        with self.inner.session() as session:
            yield FaultySession(self, session)  # type: ignore[misc]
            self.count("before the commit")
        self.count("after the commit")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class FaultySession:
    def __init__(self, engine: FaultyEngine, inner: Session) -> None:
        self._engine, self._inner = engine, inner

    def __getattr__(self, name: str) -> Callable[..., Any]:
        act = getattr(self._inner, name)

        def call(*args: Any, **how: Any) -> Any:
            self._engine.count(how.get("step", name))
            return act(*args, **how)

        return call


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[FaultyEngine]:
    inner = DuckDBEngine(make_lake(tmp_path / "lake"), threads=2)
    yield FaultyEngine(inner)
    inner.close()


def everything(city: TestCity, resource: Resource) -> dict[str, list[tuple[Any, ...]]]:
    found = {}
    for table in stores.tables_of(resource, city.types(resource)):
        # Clocks, and snapshot numbers: commits that failed after all count on.
        skip = {
            stores.BATCHES: "landed_at",
            stores.STEPS: "done_at, engine",
            stores.findings(resource): "_references",
        }.get(table)
        columns = f"* EXCLUDE ({skip})" if skip else "*"
        found[table] = sorted(city.rows(table, columns), key=str)
    return found


def fail_everywhere(
    engine: FaultyEngine, act: Callable[[], object], stride: int, check: Callable[[], None]
) -> int:
    """Let call after call of ``act`` fail until it passes; return how many calls it has.

    After each failure nothing may have been committed, unless the commit was the last thing done.
    """
    for number in range(1, 1000, stride):
        (before,) = snapshot(engine)
        engine.fail_at, engine.calls = number, 0
        try:
            act()
        except EngineError as err:
            step = str(err)
        else:
            return engine.calls
        finally:
            engine.fail_at = 0
        if "after the commit" not in step:
            assert snapshot(engine) == [before], step
            check()
    raise AssertionError("it never passed")


def snapshot(engine: FaultyEngine) -> list[Any]:
    """Return the lake's snapshot; every commit makes a new one."""
    with engine.inner.session() as session:
        rows = session.rows("SELECT id FROM ducklake_current_snapshot('lake')", step="snapshot")
    return [row["id"] for row in rows]


@pytest.mark.parametrize(("day", "stride"), [(3, 1), (1, 5)], ids=["newest", "late"])
def test_an_engine_that_fails_at_any_call_leaves_the_stores_whole(
    tmp_path: Path, engine: FaultyEngine, day: int, stride: int
):
    plain = DuckDBEngine(make_lake(tmp_path / "plain"), threads=2)
    undisturbed = TestCity(plain)
    resource = undisturbed.declare("keyed", KEYED)
    undisturbed.deliver(resource, FIRST, day=2)
    balance = undisturbed.deliver(resource, SECOND, day=day, key="second")
    expected = everything(undisturbed, resource)
    plain.close()
    city = TestCity(engine)
    city.declare("keyed", KEYED)
    city.deliver(resource, FIRST, day=2)

    def waits() -> None:
        # Neither half a promotion nor "0 bad": a batch that waits says nothing of itself.
        assert [b.batch for b in city.balances(resource)] == [1]

    landing = fail_everywhere(
        engine, lambda: city.land(resource, SECOND, day=day, key="second"), stride, waits
    )
    refining = fail_everywhere(engine, lambda: city.refine(resource), stride, waits)

    assert everything(city, resource) == expected
    assert city.balances(resource)[-1] == balance
    # A retry after the last commit finds all done, so few calls are left to it.
    assert landing >= 1
    assert refining >= 1
    if day == 3:
        assert counts(balance) == (2, 1, 0, 1)
