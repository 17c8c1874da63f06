"""Read all pages into one file, again and again until what was read cannot have changed meanwhile.

Pages are separate answers. A row that is added or removed between two of them moves the others:
one comes twice, or never. How a reading is judged: docs/rules/api.md.
"""

from __future__ import annotations

import hashlib
import os
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from chengshu.catalog.web_source import OffsetPaging, PagePaging
from chengshu.exchange.connectors.http.client import Client
from chengshu.exchange.connectors.http.paging import Page, Parameters, read_pages
from chengshu.exchange.connectors.watermark import SeenMarks
from chengshu.exchange.files import Finding
from chengshu.exchange.files.jsonl import dump, is_text

MAX_KEYS = 1000
SHORT, WIDE = 1 << 64, 1 << 128
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass
class Reading:
    """One reading of all pages.

    Attributes:
        rows: How many rows came.
        sum: Of the rows' digests, in which their order has no part.
        keys: The keys of the rows, in the order in which they came.
        pages: How many pages with rows came.
        totals: The totals that the pages said, each once.
        findings: What is unusual, each kind once.
        marks: The watermarks that passed.
        digests: A short digest of each row, and of each row's key; each once a page.
    """

    marks: SeenMarks
    rows: int = 0
    sum: int = 0
    keys: dict[str, None] = field(default_factory=dict)
    pages: int = 0
    totals: dict[int, None] = field(default_factory=dict)
    findings: dict[str, Finding] = field(default_factory=dict)
    digests: tuple[array[int], array[int]] = field(default_factory=lambda: (array("Q"), array("Q")))

    def torn(self) -> str | None:
        """Return what proves that something changed between two pages; None if nothing does."""
        if len(self.totals) > 1:
            return "the total changed from page to page"
        for total in self.totals:
            if total != self.rows:
                return f"{self.rows} rows came, and the total says {total}"
        return None

    def repeats(self) -> int:
        """Return how many rows came on two pages, by their content or by their key."""
        return max(
            len(digests) - int(pc.count_distinct(pa.array(digests, pa.uint64())).as_py())
            for digests in self.digests
        )

    def doubt(self, *, counted: bool, size: int) -> str | None:
        """Return why this reading has to be confirmed by another; None if it need not be.

        Args:
            counted: Whether pages are asked for by number or offset.
            size: How many rows a page was to have.
        """
        if self.pages < 2 and self.rows < size:
            return None
        if twice := self.repeats():
            return f"{twice} rows came on two pages"
        return "its pages say no total" if counted and not self.totals else None


def read_all(
    client: Client, fixed: Parameters, path: Path, key: Sequence[Sequence[str]]
) -> Reading:
    """Read every page into a file of JSON lines, and return the reading that holds.

    Args:
        client: Asks the API.
        fixed: What every request says.
        path: The file, written anew by each reading.
        key: For each field of the resource's key, the names that its column may have.

    Raises:
        ExternalError: It cannot be read, or changed during every reading.
    """
    source, paging = client.source, client.source.paging
    counted, before, why = isinstance(paging, PagePaging | OffsetPaging), None, ""
    for number in range(source.readings):
        size = (paging.size if paging else None) or 0
        # The same rows in pages of another size: a source that orders its rows anew for each
        # page gives others, one that really holds rows twice gives the same.
        size = (size + 1) // 2 if number % 2 else size
        reading = _read_once(client, fixed, path, key, size)
        torn, doubt = reading.torn(), reading.doubt(counted=counted, size=size)
        if not torn and (not doubt or (reading.sum, reading.rows) == before):
            if twice := reading.repeats():
                message = f"{twice} rows came on two pages, in two readings alike; they were taken"
                reading.findings["twice"] = Finding(0, "row_on_two_pages", message)
            return reading
        before, why = None if torn else (reading.sum, reading.rows), torn or doubt or why
    client.fail(
        f"it changed during each of {source.readings} readings, so rows may be missing: {why}",
        "Nothing was taken. Pull when it is quiet, or ask the department for a fixed order of "
        "the rows.",
    )


def _read_once(
    client: Client, fixed: Parameters, path: Path, key: Sequence[Sequence[str]], size: int
) -> Reading:
    reading = Reading(SeenMarks(client.source, client.zone))
    with path.open("wb") as stream:
        for page in read_pages(client, fixed, size):
            try:
                stream.writelines(_add_page(reading, page, key))
            except RecursionError:
                client.fail("a row is nested too deep", "Ask the department for flat rows.")
        stream.flush()
        os.fsync(stream.fileno())
    return reading


def _add_page(reading: Reading, page: Page, key: Sequence[Sequence[str]]) -> Iterator[bytes]:
    """Yield the lines of a page's rows, having taken note of them."""
    if page.total is not None:
        reading.totals[page.total] = None
    reading.findings |= {found.code: found for found in page.findings}
    reading.pages += bool(page.rows)
    rows: set[int] = set()
    keys: set[int] = set()
    for row in page.rows:
        line, whole = _line_of(row)
        digest = _digest_of(line)
        rows.add(digest % SHORT)
        reading.rows, reading.sum = reading.rows + 1, (reading.sum + digest) % WIDE
        if isinstance(row, dict):
            reading.marks.add(row.get(str(reading.marks.source.watermark)))
            named = [[row[name] for name in names if name in row][:1] for names in key]
            keys |= {_digest_of(_line_of(named)[0]) % SHORT} if all(named) and named else set()
            if whole and len(reading.keys) < MAX_KEYS:
                reading.keys |= dict.fromkeys(row)
        yield line
    for digests, found in zip(reading.digests, (rows, keys), strict=True):
        digests.extend(found)


def _line_of(row: Any) -> tuple[bytes, bool]:
    """Return a row as a line of JSON, and whether all of it is text."""
    text = dump(row)
    if is_text(text):
        return f"{text}\n".encode(), True
    escaped = _SURROGATES.sub(lambda half: f"\\u{ord(half[0]):04x}", text)
    return f"{escaped}\n".encode(), False


def _digest_of(line: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(line, digest_size=16).digest())
