"""The upkeep of the lake: which tables are compacted when, which snapshots and files may go.

What is done is decided anew each time from what the catalogue says, so it may be cut off anywhere.
The limits were measured: ``docs/benchmarks.md``, compaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chengshu.engine import DataFile, Engine

# A file is written anew when this share of its rows is deleted: a merge into a table costs the more
# the more is deleted, and writing anew costs what the whole file does.
WORN = 0.1
# So many files of a kind are made one.
MANY = 8
# Small files are merged with those of their own size, so that a row is not written each time.
KIB, MIB = 1 << 10, 1 << 20
TIERS = (64 * KIB, MIB, 8 * MIB, 64 * MIB)
# Files below this are written anew for being many, whatever share of theirs is deleted.
SMALL = 8 * MIB
# What was written anew or merged may be merged with others.
ROUNDS = 4
# No reader and no transaction lives so long. All younger snapshots stay, and the files of readers;
# and what is merged daily finds what has changed since the day before.
AGE = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done to a table; see `Upkeep.compact` of the engine's port."""

    table: str
    worn: float | None = None
    below: int | None = None


@dataclass(frozen=True, slots=True)
class Compacted:
    """What was done to a table; data files and bytes, before and after."""

    table: str
    files: tuple[int, int]
    bytes: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Kept:
    """What upkeep came to.

    Attributes:
        tables: Those that were compacted.
        expired: How many snapshots went.
        cleaned: How many files were deleted.
    """

    tables: Sequence[Compacted]
    expired: int = 0
    cleaned: int = 0


@dataclass(frozen=True, slots=True)
class Retention:
    """What may go.

    Attributes:
        daily: So long the last snapshot of each day stays.
        zone: Time zone of those days.
        needed: Snapshots that stay whatever their age.
    """

    daily: timedelta
    zone: str
    needed: Collection[int] = ()


def plan_work(files: Sequence[DataFile]) -> list[Work]:
    """Return what is worth doing to tables of these files, by name; nothing when all is well."""
    tables: dict[str, list[DataFile]] = defaultdict(list)
    for file in files:
        tables[file.table].append(file)
    works = [Work(name, _worn(tables[name]), _below(tables[name])) for name in sorted(tables)]
    return [work for work in works if work != Work(work.table)]


def _worn(files: Sequence[DataFile]) -> float | None:
    """Return from which deleted share on files are to be written anew, if any are."""
    large = [_share(file) for file in files if file.bytes >= SMALL]
    # Above what the large ones have that can wait: small ones go with the others, for little.
    most = max((share for share in large if share < WORN), default=0.0)
    least = min(round(most + 0.001, 6), WORN)
    small = [file for file in files if file.bytes < SMALL and _share(file) >= least]
    is_due = len(small) >= MANY or any(share >= WORN for share in large)
    return least if is_due else None


def _below(files: Sequence[DataFile]) -> int | None:
    """Return the size below which files are to be merged: the least at which they are many."""
    whole = [file.bytes for file in files if not file.deleted]
    return next((size for size in TIERS if sum(b < size for b in whole) >= MANY), None)


def _share(file: DataFile) -> float:
    return file.deleted / file.rows if file.rows else 0.0


def list_worn(engine: Engine) -> list[dict[str, str | int]]:
    """Return the tables that are worth compacting now, with what they consist of."""
    files = engine.upkeep.list_files()
    due = {work.table: [f for f in files if f.table == work.table] for work in plan_work(files)}
    return [
        {
            "table": table, "files": len(among), "rows": sum(f.rows for f in among),
            "deleted": sum(f.deleted for f in among), "bytes": sum(f.bytes for f in among),
        }
        for table, among in due.items()
    ]  # fmt: skip


def compact_lake(engine: Engine, go_on: Callable[[], bool] = lambda: True) -> list[Compacted]:
    """Compact the tables that need it, while ``go_on``; return those that have changed."""
    before = engine.upkeep.list_files()
    works = plan_work(before)
    if not works:
        return []
    touched: set[str] = set()
    after = before
    for _ in range(ROUNDS):
        for work in works:
            if go_on():
                engine.upkeep.compact(work.table, worn=work.worn, below=work.below)
                touched.add(work.table)
        after = engine.upkeep.list_files()
        works = [work for work in plan_work(after) if work.table in touched]
        if not works or not go_on():
            break
    done = [_compacted(table, before, after) for table in sorted(touched)]
    return [one for one in done if one.files[0] != one.files[1] or one.bytes[0] != one.bytes[1]]


def _compacted(table: str, *looks: Sequence[DataFile]) -> Compacted:
    before, after = ([file.bytes for file in look if file.table == table] for look in looks)
    return Compacted(table, (len(before), len(after)), (sum(before), sum(after)))


def let_go(
    engine: Engine, retention: Retention, now: datetime, *, orphans: bool = False
) -> tuple[int, int]:
    """Expire snapshots and delete files; return how many of each.

    Args:
        engine: The engine.
        retention: What is to stay.
        now: The time, in UTC.
        orphans: True also looks for files that killed processes left.
    """
    old = now - AGE
    expired = engine.upkeep.expire(
        old,
        daily_since=now - max(retention.daily, AGE),
        zone=retention.zone,
        needed=retention.needed,
    )
    return expired, engine.upkeep.clean(old, orphans=orphans)


def keep_lake(
    engine: Engine,
    retention: Retention,
    now: datetime,
    *,
    orphans: bool = False,
    go_on: Callable[[], bool] = lambda: True,
) -> Kept:
    """Do the whole upkeep of a lake: compact, then let go of what is old (see `let_go`)."""
    tables = compact_lake(engine, go_on)
    return Kept(tables, *let_go(engine, retention, now, orphans=orphans))
