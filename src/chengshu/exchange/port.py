"""What every connector does: say which deliveries wait at a source, and read them as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from chengshu.engine import Scan
from chengshu.exchange.files import Finding


@dataclass
class Incoming:
    """A delivery that waits at a source.

    Attributes:
        source: What it is, as people name it: a file's path below its source's folder, a table's
            name.
        key: Names it among the deliveries of its resource; landing it twice changes nothing.
        mode: ``full``, ``incremental``, ``append``, or ``zero`` for a report that nothing changed.
        header: The source's columns.
        batches: Reads it: ``_line`` int64 (line of the file, number of the row), the header's
            columns as text exactly as the source has them, ``_rest``, ``_problem`` (see
            `TableFile.batches`).
        as_of: Business time, where the source says it.
        digest: SHA-256 of the whole, where the source is a file.
        watermark: Highest watermark that reading it covers.
        findings: What reading found, complete when the batches are exhausted.
        landed: Told once the delivery stands in landing, to free what the source keeps for us:
            a queue's messages, a place in its inbox. After a kill it is told at the next pull.
        scan: How DuckDB reads the same rows by itself, where it can.
        number: What the source calls it, where it numbers its deliveries.
    """

    source: str
    key: str
    mode: str
    header: Sequence[str]
    batches: Callable[[], Iterator[pa.RecordBatch]]
    as_of: datetime | None = None
    digest: str | None = None
    watermark: str | None = None
    findings: list[Finding] = field(default_factory=list)
    landed: Callable[[], None] = lambda: None
    scan: Scan | None = None
    number: int | None = None


def zero_report(source: str, key: str, **more: Any) -> Incoming:
    """Return the delivery by which a department reports that nothing has changed 零报告."""
    return Incoming(source, key, "zero", (), lambda: iter(()), **more)


@dataclass(frozen=True, slots=True)
class Past:
    """What has been pulled from a source before, and what names this pull.

    Attributes:
        run: Names this pull; a source without a name for its deliveries uses it.
        watermark: The last watermark, or None.
        digests: `Incoming.source` → the digests that landed from it, oldest first.
        key: For each field of the resource's key, the names that its column may have.
        numbers: The source's own numbers of what landed, each with its rows.
        fields: For each field of the resource, the same, the likeliest first.
    """

    run: str
    watermark: str | None = None
    digests: Mapping[str, Sequence[str]] = field(default_factory=dict)
    key: Sequence[Sequence[str]] = ()
    numbers: Mapping[int, int] = field(default_factory=dict)
    fields: Sequence[Sequence[str]] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a connector may need besides the declaration.

    Attributes:
        root: Folder from which relative paths start.
        timezone: The city's zone; wall times come in it.
        secret: Returns a stored secret by its name.
        spool: Folder for what a connector has received and what has not landed yet; it outlives
            the process. Each resource has a folder of its own in the home's; a connector is given
            that one, which may not be there yet.
        objects: Folder of the object store.
        moved: To be called whenever the source has given something, beyond the batches that are
            read; raises ExternalError when the pull has had its time.
    """

    root: Path
    timezone: str
    secret: Callable[[str], str]
    spool: Path
    objects: Path
    moved: Callable[[], None] = lambda: None


class Connector(Protocol):
    """Reads one kind of source."""

    def __call__(self, source: object, past: Past, around: Surroundings) -> list[Incoming]:
        """Return the deliveries that wait, in the order in which they apply.

        Raises:
            ExternalError: The source cannot be reached, or ends in the middle.
            InputError: The source is not what the declaration says.
        """
        ...
