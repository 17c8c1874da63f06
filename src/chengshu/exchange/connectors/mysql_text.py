"""SQL of a MySQL or MariaDB column's values as exact text, whatever the server's settings.

Nothing here depends on ``sql_mode``: names stand in backticks, and no literal has a backslash.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from chengshu.engine.sql import literal
from chengshu.exchange.connectors.watermark import NUMBER, TIME

_BINARY = frozenset(
    ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "geometry", "point",
     "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geomcollection",
     "geometrycollection", "vector")
)  # fmt: skip
_LONG = ("mediumtext", "longtext", "mediumblob", "longblob", "json")
# Type → what its values are, and the condition of those that have no place in their order.
_UNORDERED = "MONTH({0}) = 0 OR DAY({0}) = 0"
TYPED = {
    **dict.fromkeys(
        ("tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double", "year"),
        (NUMBER, "FALSE"),
    ),
    **dict.fromkeys(("date", "datetime", "timestamp"), (TIME, _UNORDERED)),
}
_EPOCH, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2106, 2, 8, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its name.
        kind: Its type without length, in lower case.
        charset: Its character set; None where it holds no characters.
        precision: Digits of a number, bits of a bit string.
    """

    name: str
    kind: str
    charset: str | None
    precision: int

    @property
    def sql(self) -> str:
        """Return the column of the relation ``t``."""
        return f"t.{quote_mysql(self.name)}"


def quote_mysql(name: str) -> str:
    """Return ``name`` as an identifier."""
    return "`" + name.replace("`", "``") + "`"


def literal_mysql(text: str) -> str:
    """Return ``text`` as a literal without a backslash, whose meaning the server sets."""
    if "\\" not in text:
        return literal(text)
    return f"CONVERT(x'{text.encode().hex()}' USING utf8mb4)"


def exact_sql(column: Column, zone: str) -> str:
    """Return SQL of a column's exact text; ``zone`` is the city's.

    The session's time zone must be UTC.
    """
    value, kind = column.sql, column.kind
    if column.charset:
        text = _characters_sql(value, kind, column.charset)
    elif kind in _BINARY:
        text = _hex_sql(value)
    elif kind == "bit":
        text = f"LPAD(BIN({value} + 0), {column.precision}, '0')"
    elif kind == "float":
        text = _float_sql(value)
    elif kind == "timestamp":
        text = _timestamp_sql(value, zone)
    else:
        text = f"CAST({value} AS CHAR)"
    if kind in _LONG or kind in _BINARY:
        # What is longer than max_allowed_packet becomes NULL, with a warning: make it an error.
        broken = "(SELECT 1 UNION SELECT 2)"
        return f"IF({value} IS NOT NULL AND {text} IS NULL, {broken}, {text})"
    return text


def mask_sql(text: str) -> str:
    """Return SQL of the form of a text (see `mask_of`)."""
    for digit in "012345678":
        text = f"REPLACE({text}, '{digit}', '9')"
    return text


def _hex_sql(value: str) -> str:
    return f"CONCAT(_utf8mb4 x'5C78', LOWER(HEX({value})))"


def _characters_sql(value: str, kind: str, charset: str) -> str:
    """Return SQL of characters; bytes that are none in their character set come as hex.

    The server makes a question mark of them: of GBK's own area, say, where rare names are.
    """
    # No CHAR keeps spaces at its end; a server may be set to fill them up.
    value = f"TRIM(TRAILING ' ' FROM {value})" if kind == "char" else value
    text = f"CONVERT({value} USING utf8mb4)"
    if not charset.startswith("utf8"):
        back = f"CAST(CONVERT({text} USING {charset}) AS BINARY)"
        odd = f"LOCATE('?', {text}) > 0 AND {back} <> CAST({value} AS BINARY)"
        text = f"IF({odd}, {_hex_sql(value)}, {text})"
    return text


def _float_sql(value: str) -> str:
    """Return SQL of a single-precision number: the server's 6 digits where they are the number.

    They are if they are nearer to it than half a step of its last bit; else all digits follow.
    """
    short = f"CAST({value} AS CHAR)"
    half_step = f"POW(2, FLOOR(LOG2(ABS({value}))) - 24)"
    is_short = f"{value} = 0 OR ABS({short} - {value}) < {half_step}"
    return f"CASE WHEN {is_short} THEN {short} ELSE CAST({value} + 0e0 AS CHAR) END"


def _timestamp_sql(value: str, zone: str) -> str:
    """Return SQL of a moment as the city's wall time; zero, which is no moment, stays as it is.

    The server may not know the zone, so the query says when its offset changed. A wall time that
    the clock showed twice has its offset behind it.
    """
    changes, moved, said = _changes_of(zone), "", ""
    for at, before, after in reversed(changes):
        moved += f"WHEN {value} >= '{at:%Y-%m-%d %H:%M:%S}' THEN {after} "
        if before > after:
            twice = timedelta(seconds=before - after)
            for start, offset in ((at, after), (at - twice, before)):
                said += f"WHEN {value} >= '{start:%Y-%m-%d %H:%M:%S}' AND {value} < "
                said += f"'{start + twice:%Y-%m-%d %H:%M:%S}' THEN '{_offset_text(offset)}' "
    first = _offset_at(_EPOCH, zone)
    offset_sql = f"(CASE {moved}ELSE {first} END)" if moved else str(first)
    parts = [f"CAST({value} + INTERVAL {offset_sql} SECOND AS CHAR)"]
    parts += [f"CASE {said}ELSE '' END"] if said else []
    return f"COALESCE(CONCAT({', '.join(parts)}), CAST({value} AS CHAR))"


@cache
def _changes_of(zone: str) -> tuple[tuple[datetime, int, int], ...]:
    """Return when, in UTC, a zone's offset changed, from how many seconds to how many."""
    found = []
    day, before = _EPOCH, _offset_at(_EPOCH, zone)
    while day < _LAST:
        following = day + timedelta(days=1)
        after = _offset_at(following, zone)
        if after != before:
            low, high = 0, 86_400
            while high - low > 1:
                middle = (low + high) // 2
                is_before = _offset_at(day + timedelta(seconds=middle), zone) == before
                low, high = (middle, high) if is_before else (low, middle)
            found.append((day + timedelta(seconds=high), before, after))
        day, before = following, after
    return tuple(found)


def _offset_at(moment: datetime, zone: str) -> int:
    offset = moment.astimezone(ZoneInfo(zone)).utcoffset()
    return round(offset.total_seconds()) if offset else 0


def _offset_text(seconds: int) -> str:
    minutes = abs(seconds) // 60
    return f"{'-' if seconds < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"
