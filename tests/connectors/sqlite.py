"""The connector of SQLite files, as the kit tests it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.connectors.kit import Database, Mark, Tested, quoted_by

# Type, what is put in (SQL), the text that must come out.
VALUES = [
    ("INTEGER", "9223372036854775807", "9223372036854775807"),
    ("INTEGER", "'no number'", "no number"),
    ("REAL", "0.1", "0.1"),
    ("REAL", "5e-324", "5e-324"),
    ("REAL", "9e999", "inf"),
    ("NUMERIC", "1.10", "1.1"),
    ("TEXT", "'1.10'", "1.10"),
    ("TEXT", "''", ""),
    ("TEXT", "NULL", None),
    ("TEXT", "'a' || char(13, 10, 9) || 'b'", "a\r\n\tb"),
    ("BLOB", "CAST('城枢' AS BLOB)", "城枢"),
    ("", "1", "1"),
]
SOON, FAR = "2026-01-02 08:00:00", "9999-12-31 00:00:00"
NOW = "2026-01-01 08:00:00"
UNLIKE, AHEAD = {"watermark_unlike"}, {"watermark_ahead"}
MARKS: dict[str, Mark] = {
    "numbers": ("INT", [8, 9], [10, 11], "9", "11", set()),
    "fractions": ("REAL", [0.1, 9.5], [10.25], "9.5", "10.25", set()),
    "numbers as text": ("TEXT", ["8", "9"], ["10", "11"], "9", "11", UNLIKE),
    "padded text": ("TEXT", ["08", "09"], ["10", "11"], "09", "11", set()),
    "signs": ("TEXT", ["A'[8]*?1", "A'[8]*?2"], ["A'[8]*?3"], "A'[8]*?2", "A'[8]*?3", set()),
    "numbers and text": ("", [8, 9], ["10"], "9", "9", UNLIKE),
    "negative text": ("TEXT", ["-9"], ["-5"], None, None, UNLIKE),
    "days first": ("TEXT", ["31/01/2025"], ["01/02/2025"], None, None, UNLIKE),
    "offsets": ("TEXT", ["2025-01-01T00:00:00+08:00"], ["2025-01-01T00:00:00+09:00"], None, None,
                UNLIKE),
    "far future": ("TEXT", [NOW, FAR], [SOON], NOW, SOON, AHEAD),
    "far future dates": ("TEXT", ["2026-01-01", "9999-12-31"], ["2026-01-02"], "2026-01-01",
                         "2026-01-02", AHEAD),
    "far future with T": ("TEXT", ["2026-01-01T08:00:00Z", "9999-12-31T00:00:00Z"],
                          ["2026-01-02T08:00:00Z"], "2026-01-01T08:00:00Z",
                          "2026-01-02T08:00:00Z", AHEAD),
    "only the far future": ("TEXT", [FAR], [SOON], None, SOON, AHEAD),
    "garbage": ("TEXT", [NOW, "zzz"], [SOON], NOW, SOON, UNLIKE),
    "bytes": ("", [1, b"abc"], [2], "1", "2", UNLIKE),
    "infinite": ("", [1, float("inf")], [2], "1", "2", UNLIKE),
    "nothing": ("TEXT", [None], [SOON], None, SOON, set()),
}  # fmt: skip


@contextmanager
def opened(folder: Path) -> Iterator[Database]:
    def execute(*statements: str) -> None:
        with closing(sqlite3.connect(folder / "front.sqlite")) as con, con:
            for statement in statements:
                con.execute(statement)

    yield Database(
        "sqlite", {"path": "front.sqlite"}, execute, quoted_by('"'), text="TEXT",
        integer="INTEGER", moment="TEXT", root=folder, schemas=False, lost={"path": "gone.sqlite"},
    )  # fmt: skip


TESTED = Tested(opened, VALUES, MARKS)
