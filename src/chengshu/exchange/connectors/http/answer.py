"""What an answer of an API says: its rows with their exact values, and how many there are."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from chengshu.catalog.web_source import HttpSource
from chengshu.exchange.files import Finding
from chengshu.exchange.files.encoding import decodes, is_utf8_line
from chengshu.exchange.files.jsonl import parse, render

# Of what stands where `ok` looks, only what can be no one's name or number is ever shown.
_SHOWN = re.compile(r"-?\d{1,6}")
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ABSENT = object()


class UnfitAnswerError(Exception):
    """An answer that cannot be used; the request may be tried again where ``again`` says so."""

    def __init__(
        self, problem: str, hint: str, *, again: bool, later: bool = True, wait_s: float = 0
    ) -> None:
        """Keep the facts.

        Args:
            problem: What is wrong, in our own words.
            hint: What to do.
            again: Whether to ask again at once.
            later: Whether the same pull may succeed later.
            wait_s: How long the API wants us to wait.
        """
        self.problem, self.hint, self.again, self.later = problem, hint, again, again or later
        self.wait_s = wait_s
        super().__init__(problem)


class Doubled(dict[str, Any]):
    """An object in which a key stands twice; its items are everything that is written."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        """Keep every pair."""
        super().__init__(pairs)
        self._pairs = pairs

    def items(self) -> Any:
        """Return the pairs as they are written."""
        return self._pairs


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    Attributes:
        value: What the JSON says; numbers are `Number`, an object with a key twice is `Doubled`.
        link: Address of the next page as the header ``Link`` says it; None without one.
        url: Where the answer came from.
        findings: What is unusual about its text.
    """

    value: Any
    link: str | None = None
    url: str = ""
    findings: list[Finding] = field(default_factory=list)


def read_json(raw: bytes, charset: str | None, declared: str | None) -> tuple[Any, list[Finding]]:
    """Return what an answer's body says, and what is unusual about it.

    Args:
        raw: The body.
        charset: The encoding that the answer says it has; None where it says none.
        declared: The encoding that the declaration says.

    Raises:
        UnfitAnswerError: It is no JSON, or its encoding cannot be told.
    """
    if not raw.strip():
        raise UnfitAnswerError("an answer is empty", "Pull again later.", again=True)
    text, findings = _text_of(raw, charset, declared)
    if text.lstrip().startswith("<"):
        raise UnfitAnswerError(
            "it answers with a web page, not JSON; a login page or a notice perhaps",
            "Check the address, and the secret in auth.", again=False,
        )  # fmt: skip
    try:
        return parse(text, _make_object), findings
    except (ValueError, RecursionError):
        pass
    try:
        value = parse(text, _make_object, strict=False)
    except (ValueError, RecursionError) as err:
        raise UnfitAnswerError(
            "an answer is not whole JSON", "Ask the department what it sends there.", again=True
        ) from err
    message = "texts hold line ends or tabs that should be escaped; they were taken as they are"
    return value, [*findings, Finding(0, "control_characters", message)]


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    return made if len(made) == len(pairs) else Doubled(pairs)


def _text_of(raw: bytes, charset: str | None, declared: str | None) -> tuple[str, list[Finding]]:
    """Return a body as text; bytes that are none stand in it as lone surrogates."""
    said_gb = bool(re.fullmatch(r"gb(k|2312|18030)|cp936|x-gbk", (charset or "").lower()))
    marks = [codec for mark, codec in _BOMS if raw.startswith(mark)]
    codec = (marks[:1] or [declared or ("gb18030" if said_gb else "utf-8")])[0]
    findings = []
    if codec == "gb18030" and not declared and is_utf8_line(raw):
        codec = "utf-8"
        message = f"the answers say {charset} and are in UTF-8; they were read as UTF-8"
        findings.append(Finding(0, "charset_wrong", message))
    try:
        return raw.decode(codec), findings
    except UnicodeError as err:
        other = "utf-8" if codec == "gb18030" else "gb18030"
        if codec not in ("utf-8", "utf-8-sig", "gb18030") or decodes(raw, other):
            raise UnfitAnswerError(
                f"an answer is not in {codec}, as it or the declaration says",
                f"Declare what it is in: encoding: {other}.", again=False, later=False,
            ) from err  # fmt: skip
    message = f"some bytes are not {codec}; the rows that hold them are kept as they are"
    findings.append(Finding(0, "undecodable", message))
    return raw.decode(codec, "surrogateescape"), findings


def check_ok(source: HttpSource, value: Any) -> None:
    """Refuse an answer that reports an error with status 200.

    Raises:
        UnfitAnswerError: It does not hold what `HttpSource.ok` says.
    """
    for path, expected in source.ok.items():
        found = _find(value, path)
        text = None if found is _ABSENT else render(found)
        if text != expected:
            shown = text if text and _SHOWN.fullmatch(text) else "something else"
            barred = shown in ("401", "403")
            raise UnfitAnswerError(
                f"it reports an error: {path} is {shown if text else 'absent'}, not {expected}",
                "Check the secret in auth." if barred else "Ask the department, or pull later.",
                again=not barred, later=not barred,
            )  # fmt: skip


def rows_of(source: HttpSource, value: Any) -> list[Any]:
    """Return the rows of an answer.

    Raises:
        UnfitAnswerError: There is no list where the declaration looks for it.
    """
    rows = value if source.rows is None else _find(value, source.rows)
    if rows is None and source.ok:
        # All is well, it says; so no rows are meant.
        return []
    if not isinstance(rows, list):
        raise _not_as_declared(source.rows, "rows", "a list")
    return rows


def total_of(source: HttpSource, value: Any) -> int | None:
    """Return how many rows there are in all, where the answer is declared to say it.

    Raises:
        UnfitAnswerError: No whole number stands there.
    """
    if source.total is None:
        return None
    text = text_at(value, source.total)
    if text is None or not re.fullmatch(r"\d{1,15}", text):
        raise _not_as_declared(source.total, "total", "a whole number")
    return int(text)


def text_at(value: Any, path: str) -> str | None:
    """Return what stands at a path as text; None where nothing does."""
    found = _find(value, path)
    return None if found is _ABSENT else render(found)


def _not_as_declared(path: str | None, key: str, expected: str) -> UnfitAnswerError:
    return UnfitAnswerError(
        f"an answer has not {expected} at {path or 'its top'}",
        f"Check {key} in the declaration; an API that reports errors there needs ok.",
        again=False,
    )


def _find(value: Any, path: str) -> Any:
    """Return what stands at a dotted path; a key may have dots in its name.

    An object on the way that is null makes what is below it null.
    """
    if value is None:
        return None
    if not isinstance(value, dict):
        return _ABSENT
    if isinstance(value, Doubled):
        raise UnfitAnswerError(
            "a key stands twice in an answer, around its rows", "Ask the department to mend it.",
            again=False,
        )  # fmt: skip
    for key, rest in _splits(path):
        if key in value:
            return _find(value[key], rest) if rest else value[key]
    return _ABSENT


def _splits(path: str) -> Iterator[tuple[str, str]]:
    """Yield the ways to take a first key off a path, the longest key first."""
    parts = path.split(".")
    for count in range(len(parts), 0, -1):
        yield ".".join(parts[:count]), ".".join(parts[count:])
