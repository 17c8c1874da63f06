"""Generate the demo city: its world, and what its departments deliver on each day.

What a day brings is written below ``days/<nn>/front`` and moved to ``front`` by `deliver`, so that
a city can be lived through day by day. The same seed gives the same bytes (of SQLite files: the
same content). Nothing in it is anybody's: ``docs/rules/city.md`` says how that is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from chengshu.demo.defects import make_key
from chengshu.demo.fronts.deliver import day_folder, deliver_rest
from chengshu.demo.fronts.resources import FRONTS, Front
from chengshu.demo.fronts.write import write
from chengshu.demo.world import DAY_0, make_world, open_world
from chengshu.engine.sql import literal
from chengshu.kernel.errors import InputError

Spoil: TypeAlias = Callable[[Any, str, int], None]
"""Changes the table ``delivered`` of (connection, resource, day); see `chengshu.demo.defects`."""

SIZES = (2_000, 10_000_000)
DAYS = (0, 92)
_SQL = Path(__file__).parent / "fronts" / "sql"
KEY = "answer_key.parquet"


def generate(
    folder: Path,
    size: int = 200_000,
    seed: int = 7,
    days: int = 30,
    spoil: Spoil | None = None,
    on_progress: Callable[[str], None] = lambda _: None,
    *,
    deliver_days: bool = True,
) -> None:
    """Make a city and what its departments deliver, in ``folder``.

    Args:
        folder: Made, or empty of an earlier city.
        size: Residents in the register on day 0.
        seed: Another seed is another city.
        days: Daily deliveries after the first.
        spoil: Makes the departments' mistakes; None for a city without any.
        on_progress: Told what is made now.
        deliver_days: Whether everything is delivered; else every day waits for `deliver`.

    Raises:
        InputError: A number is out of its range, or the folder holds a city already.
    """
    _check(folder, size, days)
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=".making-") as work:
        con = open_city(Path(work), size, seed, days, on_progress)
        try:
            make_key(con)
            for day in range(days + 1):
                on_progress(f"day {day}")
                _make_day(con, folder, day, spoil)
            if spoil is not None:
                _write_answers(con, folder / KEY)
        finally:
            con.close()
    if deliver_days:
        on_progress("deliver")
        deliver_rest(folder)


def open_city(
    folder: Path,
    size: int,
    seed: int,
    days: int,
    on_step: Callable[[str], None] = lambda _: None,
) -> Any:
    """Return a connection to a new world in ``folder``, with what `make_delivered` reads.

    DuckDB may take 350 MB up to 1.4 million residents, and 250 MB for each million of more: the
    windows over all people do not go with less.
    """
    con = open_world(folder, max(350, size // 4_000))
    make_world(con, size, seed, days, on_step)
    con.execute((_SQL / "00_shared.sql").read_text("utf-8"))
    return con


def _check(folder: Path, size: int, days: int) -> None:
    for name, value, (least, most) in (("size", size, SIZES), ("days", days, DAYS)):
        if not least <= value <= most:
            raise InputError(f"{name} is {value}", hint=f"From {least:,} to {most:,} is possible.")
    if any((folder / name).exists() for name in ("days", "front")):
        raise InputError(f"{folder} holds a city already", hint="Name another folder.")


def _make_day(con: Any, folder: Path, day: int, spoil: Spoil | None) -> None:
    con.execute(f"SET VARIABLE day = {day}")
    con.execute(f"SET VARIABLE today = DATE '{DAY_0 + timedelta(day)}'")
    for front in FRONTS:
        if day not in front.days:
            continue
        make_delivered(con, front)
        if spoil is not None:
            spoil(con, front.resource, day)
            _place_answers(con, front, day)
        path = day_folder(folder, day) / front.path_on(day)
        write(con, front, path / f"{front.table}.parquet" if front.table else path)
    con.execute("DROP TABLE IF EXISTS delivered")


def make_delivered(con: Any, front: Front) -> None:
    """Make the table ``delivered`` of a resource on the day that the variable ``day`` says.

    Columns: ``_row`` BIGINT from 1, ``_id`` BIGINT, and the department's, all VARCHAR.
    """
    said = (_SQL / f"{front.resource}.sql").read_text("utf-8")
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE delivered AS
        SELECT row_number() OVER () AS _row, _id, CAST(COLUMNS(c -> c[1] <> '_') AS VARCHAR)
        FROM ({said})"""
    )


def _place_answers(con: Any, front: Front, day: int) -> None:
    """Turn the rows of a delivery's answers into positions in its file; a table has none."""
    place = "NULL" if front.table else "places.place"
    con.execute(
        f"""UPDATE answer_key SET row = {place}
        FROM (SELECT _row, row_number() OVER (ORDER BY _row) AS place FROM delivered) AS places
        WHERE resource = {literal(front.resource)} AND day = {day} AND row = places._row"""
    )


def _write_answers(con: Any, path: Path) -> None:
    rows = "FROM answer_key ORDER BY resource, day, row, record, field, kind"
    con.execute(f"COPY ({rows}) TO {literal(str(path))} (FORMAT parquet)")
