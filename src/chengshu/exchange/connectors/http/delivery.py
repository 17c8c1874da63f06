"""One pull of an API as a delivery: kept in the spool from the last page until it has landed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from chengshu.catalog.web_source import HttpSource
from chengshu.exchange.connectors.http.client import Client
from chengshu.exchange.connectors.http.reading import read_all
from chengshu.exchange.connectors.watermark import floor_of
from chengshu.exchange.files import Finding
from chengshu.exchange.files.jsonl import open_jsonl
from chengshu.exchange.port import Incoming, Past, Surroundings
from chengshu.exchange.spool import load_notes, save_notes, sweep
from chengshu.kernel.errors import ExternalError, InputError

PULLED, NOTE = "pulled.jsonl", "pulled.json"


@dataclass(frozen=True, slots=True)
class Pulled:
    """What the spool holds, told in a file beside it that is written last.

    Attributes:
        run: The run that read it.
        declared: The source as it was declared then.
        name: The API as people name it.
        rows: How many rows there are.
        keys: The keys of the rows.
        watermark: Highest watermark of the rows.
        findings: What reading found.
    """

    run: str
    declared: str
    name: str
    rows: int
    keys: list[str]
    watermark: str | None
    findings: list[Finding] = field(default_factory=list)


def find_http(source: HttpSource, past: Past, around: Surroundings) -> list[Incoming]:
    """Return one delivery: all that the API has, or what changed since the last pull.

    An incremental pull of nothing is no delivery. What one run has read whole it does not read
    again; what a killed one has half read, or another run left, goes.

    Raises:
        ExternalError: The API cannot be read to its end, or changes while it is read.
        InputError: Its rows are not what the declaration says.
    """
    with _spooled(around.spool):
        pulled = _find_pulled(source, past, around.spool)
        if pulled is None:
            _clear(around.spool)
            pulled = _pull(source, past, around)
    if not pulled.rows and not source.is_whole:
        _clear(around.spool)
        return []
    table = open_jsonl(around.spool / PULLED, encoding="utf-8", keys=pulled.keys)
    table = replace(table, findings=[*pulled.findings, *table.findings])
    return [
        Incoming(
            source=pulled.name,
            key=past.run,
            mode=source.batch_mode,
            header=table.header,
            batches=table.batches,
            watermark=pulled.watermark,
            findings=table.findings,
            landed=lambda: _clear(around.spool),
        )
    ]


def _pull(source: HttpSource, past: Past, around: Surroundings) -> Pulled:
    """Read the API into the spool."""
    floor = floor_of(source, past.watermark, around.timezone) if source.since else None
    fixed = {source.since: floor} if source.since and floor is not None else {}
    around.spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    with closing(Client(source, around)) as client:
        reading = read_all(client, fixed, around.spool / PULLED, past.key)
        if not reading.rows and source.is_whole:
            client.fail(
                "it gives no rows at all, so all records would end",
                "Nothing was taken. Check rows in the declaration, and ask the department.",
            )
    _check_columns(source, client.name, reading.rows, reading.keys)
    span = reading.marks.span(past.watermark)
    pulled = Pulled(
        run=past.run,
        declared=source.model_dump_json(),
        name=client.name.removeprefix("api "),
        rows=reading.rows,
        keys=list(reading.keys),
        watermark=span.highest,
        findings=[*reading.findings.values(), *span.findings],
    )
    # The note makes the spool whole.
    save_notes(around.spool / NOTE, asdict(pulled))
    return pulled


def _check_columns(source: HttpSource, name: str, rows: int, keys: dict[str, None]) -> None:
    # Keys of rows are not shown: where an object is a map, they are data.
    if rows and not keys:
        raise InputError(
            f"{name}: none of its {rows} rows is a whole JSON object with keys",
            hint="Check rows in the declaration.",
        )
    if rows and source.watermark and source.watermark not in keys:
        raise InputError(
            f"{name}: none of its {rows} rows has the watermark {source.watermark!r}",
            hint=f"They have {len(keys)} keys; check watermark in the declaration.",
        )


def _find_pulled(source: HttpSource, past: Past, spool: Path) -> Pulled | None:
    """Return what this run has read whole before, if it has."""
    try:
        kept = load_notes(spool / NOTE)
        found = [Finding(**one) for one in kept.pop("findings")]
        pulled = Pulled(**kept, findings=found)
    except (TypeError, KeyError):
        return None
    same = (pulled.run, pulled.declared) == (past.run, source.model_dump_json())
    return pulled if same and (spool / PULLED).exists() else None


def _clear(spool: Path) -> None:
    """Remove what the spool holds; the note first, for it says that the rest is whole."""
    (spool / NOTE).unlink(missing_ok=True)
    sweep(spool, ())


@contextmanager
def _spooled(spool: Path) -> Iterator[None]:
    try:
        yield
    except OSError as err:
        raise ExternalError(
            f"spool {spool}", "it cannot be written", retryable=True,
            hint="Nothing was taken. Check that the disk has room, and its permissions.",
        ) from err  # fmt: skip
