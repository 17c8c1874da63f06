"""How far back an incremental pull reaches."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from chengshu.catalog.source import TableSource
from chengshu.kernel.errors import InputError

# Digits behind a zero are text: as a number they would lose it, and the rows that sort after it.
NUMBER = re.compile(r"-?(0|[1-9]\d*)")


def floor_of(source: TableSource, watermark: str | None) -> str | int | None:
    """Return the lowest watermark to pull: the last one less the overlap; None for everything.

    Raises:
        InputError: The overlap does not fit the watermark.
    """
    if source.mode != "incremental" or watermark is None:
        return None
    number = NUMBER.fullmatch(watermark)
    amount, _, unit = (source.overlap or "0").partition(" ")
    if not unit and number:
        return int(watermark) - int(amount)
    if not unit and int(amount) == 0:
        return watermark
    if not unit or number:
        raise InputError(
            f"overlap {source.overlap!r} does not fit the watermark column {source.watermark!r}",
            hint="A number for numbers, '2 days' for dates and times.",
        )
    try:
        moment = datetime.fromisoformat(watermark)
    except ValueError as err:
        raise InputError(
            f"the watermark column {source.watermark!r} holds neither numbers nor ISO times",
            hint="Leave the overlap out, or choose another watermark.",
        ) from err
    step = timedelta(**{unit.rstrip("s") + "s": int(amount)})
    earlier = moment - step
    plain_date = len(watermark) == len("2024-01-31")
    return earlier.date().isoformat() if plain_date else earlier.isoformat(sep=watermark[10])


def next_watermark(last: str | None, highest: str | None) -> str | None:
    """Return the watermark after a pull; an empty pull keeps the last one."""
    return highest if highest is not None else last
