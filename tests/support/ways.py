"""Every way of delivery, one small resource each, from files and from tables of a server.

Each has two deliveries; the second of ``held`` ends so much that it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from tests.support.home import TestHome
from tests.support.processes import USER

HEAD = """\
name: {way}
label: {way}
owner: office
sharing: unconditional
update: daily
{more}
fields:
  - {{name: id, label: 编号, type: text}}
  - {{name: name, label: 名称, type: text, required: true}}
  - {{name: changed, label: 变更时间, type: datetime}}
source: {{{source}}}
"""
KEYED, HELD = "key: [id]", "key: [id]\nrows: {most_ended: 40%}"
FLAGGED = "mode: incremental, operation: {column: op}"
# Way → what its declaration adds, what its source says as a table, and as files; None for neither.
WAYS: dict[str, tuple[str, str, str | None]] = {
    "whole": (KEYED, "mode: full", "mode: full"),
    "reload": (HELD, "mode: reload", None),
    "marked": (KEYED, "mode: incremental, watermark: changed, overlap: 1 day", "mode: incremental"),
    "flagged": (KEYED, f"{FLAGGED}, batch: number", f"{FLAGGED}, batch: '_(\\d+)'"),
    "added": ("identity: none", "mode: append, watermark: changed", "mode: append"),
    "held": (HELD, "mode: full", "mode: full"),
}
Row = tuple[int, str | None, str, str, int]
ALL = [(n, None if n == 7 else f"名{n}", f"2026-01-01 08:00:{n}", "I", 1 + n // 20)
       for n in range(10, 40)] + [(7, None, "2026-01-01 07:00:00", "I", 2)]  # fmt: skip
LATER = "2026-01-02 08:00:00"
NEWS: list[Row] = [(11, "改11", LATER, "U", 4), (12, "改12", LATER, "U", 4),
                   (7, "补7", LATER, "U", 4), (41, "新41", LATER, "I", 5),
                   (42, None, "2026-01-02 09:00:00", "I", 5)]  # fmt: skip
ENDS: list[Row] = [(13, None, LATER, "D", 5), (99, None, LATER, "D", 5)]


def delivery(way: str, nth: int) -> list[Row]:
    """Return what a way's first or second delivery brings."""
    if nth == 1:
        return ALL
    changed = {row[0] for row in NEWS}
    whole = [row for row in ALL[2:] if row[0] not in changed] + NEWS
    return {
        "whole": whole, "reload": whole, "flagged": NEWS + ENDS, "held": ALL[:9],
    }.get(way, NEWS)  # fmt: skip


def table(way: str, nth: int) -> list[Row]:
    """Return what a way's table holds from the nth delivery on."""
    if WAYS[way][1] in ("mode: full", "mode: reload"):
        return delivery(way, nth)
    rows = [row for n in range(1, nth + 1) for row in delivery(way, n)]
    return list({row[0]: row for row in rows}.values()) if way == "marked" else rows


class Files:
    """The ways from files, one for each delivery."""

    name = "files"
    ways: Sequence[str] = [way for way, (_, _, files) in WAYS.items() if files]

    def declared(self, way: str) -> str:
        more, _, said = WAYS[way]
        dated = "" if way == "flagged" else r", as_of: '_(\d{8})'"
        source = f'kind: file, path: "../../front/{way}_*.csv", {said}{dated}'
        return HEAD.format(way=way, more=more, source=source)

    def deliver(self, home: TestHome, nth: int) -> None:
        """Bring what the first ``nth`` deliveries brought."""
        for way in self.ways:
            for n in range(1, nth + 1):
                rows = delivery(way, n)
                parts: Iterable[tuple[Any, Iterable[Row]]] = [(20260100 + n, rows)]
                if way == "flagged":
                    parts = groupby(sorted(rows, key=_number), _number)
                for name, part in parts:
                    lines = [",".join("" if v is None else str(v) for v in row) for row in part]
                    home.deliver(f"{way}_{name}", "id,name,changed,op,number", lines)


def _number(row: Row) -> int:
    return row[4]


@dataclass(frozen=True)
class Tables:
    """The ways from tables of a server.

    Attributes:
        name: The source's kind.
        port: The server's.
        database: The tables' place.
        moment: The server's type of a wall time.
        execute: Runs statements on the server.
    """

    name: str
    port: int
    database: str
    moment: str
    execute: Callable[..., object]
    ways: Sequence[str] = tuple(WAYS)

    def declared(self, way: str) -> str:
        more, said, _ = WAYS[way]
        source = f"kind: {self.name}, host: 127.0.0.1, port: {self.port}, user: {USER}, "
        source += f"database: {self.database}, secret: front, table: {way}, {said}"
        return HEAD.format(way=way, more=more, source=source)

    def deliver(self, home: TestHome, nth: int) -> None:
        """Make the tables what they are from the nth delivery on."""
        for way in self.ways:
            rows = ", ".join(str(row).replace("None", "NULL") for row in table(way, nth))
            self.execute(
                f"DROP TABLE IF EXISTS {way}",
                f"CREATE TABLE {way} (id int, name varchar(9), changed {self.moment}, "
                "op varchar(9), number int)",
                f"INSERT INTO {way} VALUES {rows}",
            )
