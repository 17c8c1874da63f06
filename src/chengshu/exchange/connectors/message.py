"""The rows that messages hold: their topic's parts, and their payload's values as written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from chengshu.catalog.stream_source import MqttSource
from chengshu.exchange.connectors.mqtt_spool import forget
from chengshu.exchange.files.jsonl import DEEPEST, dump, parse_value, render
from chengshu.exchange.files.model import ROWS_PER_BATCH, BatchBuilder, Finding
from chengshu.exchange.port import Incoming

RECEIVED, TOPIC, RETAINED = ABOUT = ("_received", "_topic", "_retained")
_MESSAGES = {
    "not_json": "the payload is not JSON; it is kept as it is",
    "not_object": "the payload is neither a JSON object nor an array of them; it is kept as it is",
    "empty_array": "the payload is an empty array",
    "duplicate_key": "a key stands twice in an object; the payload is kept as it is",
    "half_character": "a value holds half of a surrogate pair; the payload is kept as it is",
    "too_deep": f"the payload is nested deeper than {DEEPEST} levels; it is kept as it is",
    "binary": "the payload is not text in UTF-8; it is kept as Base64",
    "nul": "a value holds a NUL character",
    "retained": "the broker had kept this message from before we came",
    "session_lost": "the broker had forgotten us; what came just before this may be missing",
}
Record = tuple[Mapping[str, Any] | None, str | None, str | None]


def filter_of(topic: str) -> str:
    """Return the topic filter of a declared topic: a named level is any."""
    return re.sub(r"\{\w+\}", "+", topic)


def incoming_of(path: Path, source: MqttSource, fields: Sequence[Sequence[str]]) -> Incoming:
    """Return a file of the spool as a delivery; see `_Reader`."""
    with path.open("rb") as stream:
        first = datetime.fromisoformat(json.loads(stream.readline())["received"])
    reader = _Reader(path, source, fields)
    return Incoming(
        source=f"mqtt {source.host}:{source.port}",
        key=path.stem,
        mode=source.batch_mode,
        header=reader.header,
        batches=reader.batches,
        as_of=first.replace(tzinfo=None, microsecond=0),
        findings=reader.findings,
        landed=lambda: forget(path),
    )


class _Reader:
    """Reads a file of the spool; each field is one column, whether messages hold it or not.

    What no field takes goes into ``_rest`` as a JSON object, so that a row's digest does not depend
    on what else came in the same file.
    """

    def __init__(self, path: Path, source: MqttSource, fields: Sequence[Sequence[str]]) -> None:
        self.path, self.source = path, source
        self.names = list({names[0]: tuple(names) for names in fields}.values())
        self.header = [names[0] for names in self.names]
        self.patterns = [_pattern_of(topic) for topic in source.topics]
        self.findings: list[Finding] = []

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows; ``_line`` counts them."""
        self.findings.clear()
        builder, line = BatchBuilder(self.header, ROWS_PER_BATCH), 0
        with self.path.open("rb") as stream:
            for message in map(json.loads, stream):
                if "topic" not in message:
                    self._note(line + 1, "session_lost")
                    continue
                own = self._own(message)
                for record in _records(self.source, message):
                    line += 1
                    self._add(builder, line, own, record, message)
                if builder.is_due():
                    yield from builder.take()
        yield from builder.take()

    def _own(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a message says beside its payload."""
        retained = "true" if message["retained"] else "false"
        found = {RECEIVED: message["received"], TOPIC: message["topic"], RETAINED: retained}
        for pattern in self.patterns:
            if match := pattern.fullmatch(message["topic"]):
                return match.groupdict() | found
        return found

    def _add(
        self,
        builder: BatchBuilder,
        line: int,
        own: Mapping[str, Any],
        record: Record,
        message: Mapping[str, Any],
    ) -> None:
        values, problem, rest = record
        cells, left = self._fit(values or {}, own)
        rest = rest if values is None else left
        if problem is None and "\0" in "".join(cell or "" for cell in cells):
            problem = "nul"
        for code in filter(None, (problem, "retained" if message["retained"] else None)):
            self._note(line, code)
        builder.add(line, cells, problem, rest)

    def _fit(
        self, values: Mapping[str, Any], own: Mapping[str, Any]
    ) -> tuple[list[str | None], str | None]:
        """Return the cells, and what no field takes of the payload and the topic's named levels."""
        have, used = {**values, **own}, set()
        cells: list[str | None] = []
        for names in self.names:
            name = next((name for name in names if name in have), None)
            cells.append(None if name is None else render(have[name]))
            used.add(name)
        left = {n: v for n, v in own.items() if n not in used and n not in ABOUT}
        left |= {
            f"payload/{name}" if name in own else name: value
            for name, value in values.items()
            if name not in used or name in own
        }
        return cells, render(left) if left else None

    def _note(self, line: int, code: str) -> None:
        self.findings.append(Finding(line, code, _MESSAGES[code]))


def _records(source: MqttSource, message: Mapping[str, Any]) -> Iterator[Record]:
    """Yield the records of a message: values, what is wrong, what is kept as it is."""
    if "base64" in message:
        yield None, "binary", message["base64"]
        return
    text = message["payload"]
    if source.payload == "text":
        yield {"payload": text}, None, None
        return
    value, problem = parse_value(text)
    if isinstance(value, dict):
        yield value, None, None
    elif isinstance(value, list) and value:
        for one in value:
            yield (
                (one, None, None)
                if isinstance(one, dict)
                else (None, "not_object", dump([one])[1:-1])
            )
    else:
        code = problem or ("empty_array" if value == [] else "not_object")
        yield None, code, text


def _pattern_of(topic: str) -> re.Pattern[str]:
    """Return what a declared topic's names match; ``#`` also stands for no level at all."""
    body = topic.removesuffix("/#") if topic.endswith("/#") else topic
    levels = [
        f"(?P<{level[1:-1]}>[^/]*)" if level.startswith("{")
        else {"+": "[^/]*", "#": ".*"}.get(level, re.escape(level))
        for level in body.split("/")
    ]  # fmt: skip
    return re.compile("/".join(levels) + ("(/.*)?" if body != topic else ""), re.DOTALL)
