"""SQL from people runs apart: in a process of its own, over copies, within limits.

It sees the Parquet files that it was given and nothing else; it cannot change its settings, load
an extension or write. Whatever its SQL does, this process and the lake are not touched.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pyarrow as pa

from chengshu.kernel.errors import EngineError, ExternalError

CHILD = Path(__file__).with_name("apart_child.py")
PREFIX = "apart-"
GRACE_S = 10.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What SQL from people may take.

    Attributes:
        seconds: Wall time of everything that is asked at once.
        rows: Rows of each table.
        disk_mb: What spills.
    """

    seconds: float = 600
    memory_mb: int = 1000
    disk_mb: int = 10_000
    rows: int = 1_000_000
    threads: int = 2


@dataclass(frozen=True, slots=True)
class Work:
    """What is asked; all names are plain identifiers, and SQL has been checked.

    Attributes:
        inputs: Name → folder of Parquet files.
        views: Name → SQL over the inputs and earlier views.
        tables: Name → SQL; each is computed, in order, and given back.
        values: Name → SQL of one value.
    """

    inputs: Mapping[str, Path]
    views: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it: tables, and values as text or boolean (None: not one value, or NULL)."""

    tables: Mapping[str, pa.Table]
    values: Mapping[str, str | bool | None]


@contextmanager
def apart_folder(scratch: Path) -> Iterator[Path]:
    """Make a folder for one piece of work; those that killed processes left go first."""
    scratch.mkdir(parents=True, exist_ok=True)
    for left in scratch.glob(f"{PREFIX}*"):
        if not _lives(left.name.split("-")[1]):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=scratch))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_apart(work: Work, folder: Path, limits: Limits) -> Answer:
    """Run SQL from people.

    Args:
        work: What is asked.
        folder: From `apart_folder`; the inputs lie in it.
        limits: What it may take.

    Raises:
        EngineError: A statement failed or went over a limit; its step is the name of the view,
            table or value, ``why`` says what was wrong with it.
        ExternalError: The process could not be started.
    """
    request = {
        "limits": asdict(limits),
        "inputs": {
            name: sorted(str(file) for file in place.glob("*.parquet"))
            for name, place in work.inputs.items()
        },
        "views": dict(work.views),
        "tables": dict(work.tables),
        "values": dict(work.values),
    }
    (folder / "out").mkdir()
    (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
    code = _run(folder, limits.seconds)
    return _answer(folder, code, limits)


def _run(folder: Path, seconds: float) -> int:
    try:
        child = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-I", str(CHILD), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
        )
    except OSError as err:
        raise ExternalError(
            "SQL apart", "its process cannot be started", retryable=True,
            hint="The machine may have too many processes or too little memory.",
        ) from err  # fmt: skip
    with child:
        try:
            return child.wait(seconds + GRACE_S)
        except subprocess.TimeoutExpired:
            return -signal.SIGALRM
        finally:
            child.kill()


def _answer(folder: Path, code: int, limits: Limits) -> Answer:
    path = folder / "answer.json"
    if not path.exists():
        timed = code == -signal.SIGALRM
        why = f"took longer than {limits.seconds:g} seconds" if timed else "its process broke off"
        raise EngineError("SQL apart", "all", "", retryable=not timed, why=why)
    said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if "failed" in said:
        raise EngineError("SQL apart", said["failed"], "", retryable=False, why=said["why"])
    tables = {}
    for name in said["tables"]:
        with pa.OSFile(str(folder / "out" / f"{name}.arrow")) as source:
            tables[name] = pa.ipc.open_file(source).read_all()
    return Answer(tables, said["values"])


def _lives(pid: str) -> bool:
    """Tell whether a process still runs."""
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        pass
    return True
