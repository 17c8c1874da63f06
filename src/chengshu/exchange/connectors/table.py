"""What is asked of a table: the query by which it is pulled, and its numbered batches."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from chengshu.catalog.source import TableSource
from chengshu.engine.sql import literal, quote
from chengshu.exchange.connectors.watermark import Span
from chengshu.exchange.files import Finding
from chengshu.exchange.port import Past
from chengshu.kernel.errors import InputError


@dataclass(frozen=True, slots=True)
class Part:
    """One delivery of a table.

    Attributes:
        key: Names it (see `Incoming`).
        span: Which rows it takes.
        number: What the source calls it, where it numbers its batches.
    """

    key: str
    span: Span
    number: int | None = None


def check_columns(source: TableSource, names: Sequence[str]) -> None:
    """Refuse a table that lacks a column which the declaration names.

    Raises:
        InputError: It does.
    """
    for role, name in (("watermark", source.watermark), ("batch", source.batch)):
        if name and name not in names:
            raise InputError(
                f"table {source.table!r} has no {role} column {name!r}. Known: {', '.join(names)}"
            )


def numbered_parts(
    past: Past,
    counts: Iterable[tuple[str | None, int]],
    same: str,
    missing: str,
    quoted: Callable[[str], str] = literal,
) -> Iterator[Part]:
    """Yield the batches of a table that have not landed as they are now, in their order.

    Args:
        past: What has landed.
        counts: Each batch number as text, with how many rows have it.
        same: Template of the condition that a row has the number of a text, a literal.
        missing: Condition of the rows without any number.
        quoted: Makes a text a literal of the source's.
    """
    known: dict[int, tuple[list[str], int]] = {}
    others, rows = [missing], 0
    for text, count in counts:
        if text is not None and re.fullmatch(r"\s*[0-9]{1,18}(\.0+)?\s*", text):
            texts, n = known.get(int(text.split(".")[0]), ([], 0))
            known[int(text.split(".")[0])] = ([*texts, text], n + count)
        else:
            others += [same.format(quoted(text))] if text is not None else []
            rows += count
    for number, (texts, count) in sorted(known.items()):
        if past.numbers.get(number) != count:
            # A batch that has grown or shrunk since comes again, whole.
            key = f"number {number}" + (f" of {count} rows" if number in past.numbers else "")
            condition = " OR ".join(same.format(quoted(text)) for text in texts)
            yield Part(key, Span(condition), number)
    if rows:
        message = f"{rows} rows have no whole batch number; they come with every pull: mend them"
        found = [Finding(0, "batch_unnumbered", message)]
        yield Part(past.run, Span(" OR ".join(others), None, found))


def select_sql(
    table: str,
    columns: Sequence[str],
    header: Sequence[str],
    span: Span,
    key: Sequence[Sequence[str]],
    quoted: Callable[[str], str] = quote,
) -> str:
    """Return the query for the rows of a span, in the order of the resource's key if it has one.

    Args:
        table: The relation, called ``t``.
        columns: SQL of what is taken.
        header: The table's columns.
        span: Which rows.
        key: For each field of the key, the names that its column may have.
        quoted: Makes a name an identifier of the source's.
    """
    found = [[name for name in names if name in header][:1] for names in key]
    order = [f"t.{quoted(name)}" for names in found for name in names]
    where = f" WHERE {span.condition}" if span.condition else ""
    by = f" ORDER BY {', '.join(order)}" if order else ""
    return f"SELECT {', '.join(columns)} FROM {table}{where}{by}"
