"""Fixtures that every kind of test shares: the engines, and where the real data is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chengshu.engine.cluster import start
from chengshu.engine.duckdb import DuckDBEngine
from chengshu.engine.lake import Lake
from chengshu.engine.port import Engine
from chengshu.engine.spark import SparkEngine

ROOT = Path(__file__).parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Turn ``unlike("spark", reason=…, raises=…)`` into a strict xfail on that engine only.

    A known difference is written down, with the error it gives; the day it goes away the
    test fails, and the note is deleted. Nothing is skipped silently.
    """
    for item in items:
        for mark in item.iter_markers("unlike"):
            if mark.args[0] in item.keywords:
                item.add_marker(pytest.mark.xfail(strict=True, **mark.kwargs))


def make_lake(folder: Path) -> Lake:
    """Return a new lake under ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    return Lake(folder / "catalog.sqlite", folder / "data", folder / "tmp", memory_mb=1500)


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    session = start(
        "local[2]",
        **{
            # Cases are tiny: planning costs more than running.
            "spark.sql.shuffle.partitions": "1",
            "spark.default.parallelism": "1",
            "spark.sql.adaptive.enabled": "false",
            "spark.sql.codegen.wholeStage": "false",
            "spark.driver.memory": "2g",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
        },
    )
    yield session
    session.stop()


@pytest.fixture(
    params=[pytest.param(e, marks=getattr(pytest.mark, e)) for e in ("duckdb", "spark")]
)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Each test that asks for an engine runs once on every engine."""
    lake = make_lake(tmp_path / "lake")
    made: DuckDBEngine | SparkEngine
    if request.param == "duckdb":
        made = DuckDBEngine(lake, threads=2)
    else:
        made = SparkEngine(lake, request.getfixturevalue("spark"))
    yield made
    made.close()


@pytest.fixture
def duckdb_engine(tmp_path: Path) -> Iterator[Engine]:
    """The embedded engine alone."""
    made = DuckDBEngine(make_lake(tmp_path / "lake"), threads=2)
    yield made
    made.close()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data; the tests that need it skip, loudly, where it is missing."""
    folder = Path(os.environ.get("CHENGSHU_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"no real data at {folder}; in CI that is a failure")
        pytest.skip(f"no real data at {folder}: set CHENGSHU_DATA")
    return folder
