"""Operators on several values of a row, on values of other rows, and on whole rows.

Rows are the relation ``named``: ``_row``, ``_id`` and the resource's fields. ``hits`` are those of
them that a kind falls on, each with a number of its own in ``_h``; in SQL ``d`` is the row and
``o`` the other row, where there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from chengshu.demo.defects.values import VALUES
from chengshu.engine.sql import listed, literal, quote

H = "d._h"
# The next row by identity that says something else, or one of those behind it: the same on all
# days, whatever the order of the rows. ``runs`` are the rows that differ from the one before.
NEXT = """
ASOF JOIN (
    SELECT _id, ROW_NUMBER() OVER (ORDER BY _id, _row) AS _nth FROM ({runs})
) AS near ON d._id < near._id
JOIN (
    SELECT *, ROW_NUMBER() OVER (ORDER BY _id, _row) AS _nth FROM ({runs})
) AS o ON o._nth = near._nth + CAST({jump} AS BIGINT)
"""
RUNS = (
    "SELECT _row, _id, {fields} FROM named QUALIFY ROW({fields}) IS DISTINCT FROM "
    "LAG(ROW({fields})) OVER (ORDER BY _id, _row)"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a kind falls.

    Attributes:
        fields: The fields that it is about; none for the whole row.
        columns: All fields of the resource, in the order of its columns.
        memory: Relation like ``named`` of the rows as they should have been in earlier deliveries,
            with ``_day``; the newest of each identity.
        day: The delivery's.
    """

    fields: Sequence[str]
    columns: Sequence[str]
    memory: str
    day: int


@dataclass(frozen=True, slots=True)
class Written:
    """What is written into the rows of ``hits AS d``.

    Attributes:
        sets: Field → SQL of its new text.
        other: The join that makes ``o``.
        whole: The row as a whole is wrong, not single fields.
        mutual: The other row gets this one's values in exchange.
    """

    sets: Mapping[str, str]
    other: str = ""
    whole: bool = False
    mutual: bool = False


@dataclass(frozen=True, slots=True)
class Moved:
    """What becomes of whole rows.

    Attributes:
        added: SQL of rows like ``named`` that are delivered as well, but for ``_row``.
        source: Where the rows come from that the kind may fall on.
        removed: The rows of ``hits`` are not delivered.
        due: SQL of the day on which they are delivered after all.
        sets: What else is written into the rows of ``hits``: field → SQL.
    """

    added: str = ""
    source: str = "named"
    removed: bool = False
    due: str = ""
    sets: Mapping[str, str] | None = None


def swap(place: Place) -> Written:
    """Two fields have changed places."""
    one, other = place.fields
    return Written({one: f"d.{quote(other)}", other: f"d.{quote(one)}"})


def copy(place: Place) -> Written:
    """The first field holds the value of the second as well."""
    one, other = place.fields
    return Written({one: f"d.{quote(other)}"})


def slide(place: Place) -> Written:
    """From a field, which is cut in two, every value stands one column to the right."""
    first = place.columns.index(place.fields[0])
    moved = [quote(name) for name in place.columns[first:]]
    half = f"GREATEST(1, LENGTH(d.{moved[0]}) // 2)"
    sets = [
        f"SUBSTR(d.{moved[0]}, 1, {half})",
        f"SUBSTR(d.{moved[0]}, {half} + 1)",
        *(f"d.{name}" for name in moved[1:-1]),
    ]
    return Written(dict(zip(place.columns[first:], sets, strict=False)), whole=True)


def one_cell(place: Place, *, separator: str) -> Written:
    """The line has another separator, so that all of it stands in the first column."""
    cells = ", ".join(f"COALESCE(d.{quote(name)}, '')" for name in place.columns)
    sets = dict.fromkeys(place.columns, literal(None))
    joined = f"CONCAT_WS({literal(separator)}, {cells})"
    return Written({**sets, place.columns[0]: joined}, whole=True)


def neighbour(place: Place, *, within: int = 1) -> Written:
    """The values are those of the next row that says something else, or of a later one."""
    return Written(_others(place), _next(place, f"{H} % {within}"))


def exchange(place: Place) -> Written:
    """The values of two rows have changed places."""
    return Written(_others(place), _next(place, "0"), mutual=True)


def _others(place: Place) -> dict[str, str]:
    return {name: f"o.{quote(name)}" for name in place.fields}


def _next(place: Place, jump: str) -> str:
    return NEXT.format(runs=RUNS.format(fields=listed(place.fields)), jump=jump)


def previous(
    place: Place, *, match: tuple[str, ...] = (), by: str = "", oldest: bool = False
) -> Written:
    """The values are those of an earlier delivery.

    Args:
        place: Where.
        match: Fields that find the earlier row; its identity if none.
        by: Field that orders several of them; the last counts, or with ``oldest`` the first.
        oldest: See ``by``.
    """
    names = [quote(name) for name in match] or ["_id"]
    order = quote(by) if by else "_day"
    one = (
        f"SELECT * FROM {place.memory} QUALIFY ROW_NUMBER() OVER (PARTITION BY "
        f"{', '.join(names)} ORDER BY {order}{'' if oldest else ' DESC'}, _row) = 1"
    )
    same = " AND ".join(f"d.{name} = o.{name}" for name in names)
    return Written(_others(place), f"JOIN ({one}) AS o ON {same}")


def lose(_: Place) -> Moved:
    """The row is not delivered."""
    return Moved(removed=True)


def late(place: Place, *, days: int) -> Moved:
    """The row comes 1 to ``days`` days late."""
    return Moved(removed=True, due=f"{place.day} + 1 + CAST({H} % {days} AS INTEGER)")


def twice(place: Place, *, vary: str = "") -> Moved:
    """The row is delivered a second time; its fields there are varied by a value operator."""
    names = [quote(name) for name in place.fields]
    changed = ", ".join(f"{VALUES[vary]('d.' + name, H)} AS {name}" for name in names)
    return Moved(f"SELECT d.*{f' REPLACE ({changed})' if changed else ''} FROM hits AS d")


def keep_ended(place: Place, *, match: tuple[str, ...], newest: tuple[str, ...] = ()) -> Moved:
    """A row that has ended is delivered once more.

    Args:
        place: Where.
        match: Fields by which it would be found in this delivery, if it had not ended.
        newest: Fields that hold the greatest value of this delivery.
    """
    last = f"SELECT * FROM {place.memory} WHERE _day = (SELECT MAX(_day) FROM {place.memory})"
    source = (
        f"(SELECT * FROM ({last}) AS m ANTI JOIN named USING ({listed(match)}) "
        f"QUALIFY ROW_NUMBER() OVER (PARTITION BY {listed(match, 'm.')} "
        f"ORDER BY {''.join(f'{quote(n)} DESC, ' for n in newest)}_row) = 1)"
    )
    now = ", ".join(f"(SELECT MAX({quote(n)}) FROM named) AS {quote(n)}" for n in newest)
    return Moved(f"SELECT d.*{f' REPLACE ({now})' if now else ''} FROM hits AS d", source)


def tear(place: Place) -> Moved:
    """The line is torn in a field: the rest of it is a row of its own."""
    at = place.columns.index(place.fields[0])
    field, half = quote(place.fields[0]), f"GREATEST(1, LENGTH({quote(place.fields[0])}) // 2)"
    rest = [f"SUBSTR({field}, {half} + 1)", *map(quote, place.columns[at + 1 :])]
    empty = [literal(None)] * at
    cells = [f"{sql} AS {quote(n)}" for n, sql in zip(place.columns, rest + empty, strict=True)]
    sets = dict.fromkeys(place.columns[at + 1 :], literal(None))
    sets[place.fields[0]] = f"SUBSTR(d.{field}, 1, {half.replace(field, f'd.{field}')})"
    return Moved(f"SELECT _row, _id, {', '.join(cells)} FROM hits", sets=sets)


FIELDS: Mapping[str, Callable[..., Written]] = {
    make.__name__: make for make in (swap, copy, slide, one_cell, neighbour, exchange, previous)
}
ROWS: Mapping[str, Callable[..., Moved]] = {
    make.__name__: make for make in (lose, late, twice, keep_ended, tear)
}
# How many fields an operator needs: exactly these, at least one, or the whole row.
NEEDS = {
    "swap": 2, "copy": 2, "slide": 1, "tear": 1, "one_cell": 0, "lose": 0, "late": 0,
    "keep_ended": 0,
}  # fmt: skip
