"""What a code set is, and how a text finds its code."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType


@dataclass(frozen=True)
class Code:
    """One code of a set.

    Attributes:
        aliases: Other spellings seen in files that mean this code.
        attributes: The other columns of the set's file, by column name.
        retired: True when no longer given out: found by the code itself, never by a name,
            because its name belongs to what took its place.
    """

    code: str
    name: str
    aliases: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    retired: bool = False

    @property
    def labels(self) -> Iterator[str]:
        """Yield every text but the code itself that may stand for this code."""
        if not self.retired:
            for label in (self.name, *self.aliases):
                yield label
                yield unicodedata.normalize("NFKC", label)


@dataclass(frozen=True)
class Source:
    """Where the content of one data file comes from.

    Attributes:
        title: Official Chinese title.
        standard: Number of the standard.
        source: Publication, or who wrote it down.
        date: When the content was true or last checked.
        licence: Licence of the publication, ``facts`` where nothing was copied.
        notes: What is incomplete or unsure.
        derived: True when ``tools/derive_codes.py`` writes the file.
    """

    title: str
    standard: str
    source: str
    date: str
    licence: str
    notes: str
    derived: bool


@dataclass(frozen=True)
class CodeSet:
    """The codes of one standard.

    Attributes:
        name: File stem, such as ``gb2261_1``.
        label: Official Chinese title.
        codes: By code, in the order of the file.
    """

    name: str
    label: str
    source: Source
    codes: Mapping[str, Code]

    def find_code(self, text: str) -> Code | None:
        """Return the code that ``text`` is, names or is an alias of; None if none or several.

        Args:
            text: Without white space around; full-width and half-width forms both match.
        """
        code = self.by_text.get(text)
        return None if code is None else self.codes[code]

    @cached_property
    def by_text(self) -> Mapping[str, str]:
        """Text to code, for every code, name and alias that means exactly one code."""
        means: dict[str, set[str]] = {}
        for code in self.codes.values():
            for label in code.labels:
                means.setdefault(label, set()).add(code.code)
        found = {text: next(iter(codes)) for text, codes in means.items() if len(codes) == 1}
        return MappingProxyType(found | {code: code for code in self.codes})


@dataclass(frozen=True)
class Division:
    """One code of GB/T 2260, past or present.

    Attributes:
        full_name: Province, city and county in one word; of an old code, with the names then.
        level: ``province``, ``city`` or ``county``.
        status: ``current``; ``abolished``; ``heading`` (a row such as 市辖区 that groups others:
            no division, though registers still give it out); ``other`` (in use elsewhere but no
            division of the standard: function zones, 雄安新区, the prefix of Taiwan permits).
        valid_from: First year any publication at hand lists the code, None if none does.
        valid_to: Last such year; None while the code is in use, or if no year is known.
        successors: Current codes that hold the place today; empty if current or not known.
        former_names: Other names some publication gave the same code, not always the same place.
    """

    code: str
    name: str
    full_name: str
    level: str
    status: str
    valid_from: int | None
    valid_to: int | None
    successors: tuple[str, ...]
    former_names: tuple[str, ...]

    @property
    def is_current(self) -> bool:
        """True when the code names an existing division."""
        return self.status == "current"

    @property
    def single_successor(self) -> str | None:
        """The one current code that holds the place today, if there is exactly one."""
        return self.successors[0] if len(self.successors) == 1 else None


def rows_of(code_set: CodeSet) -> list[tuple[str, str]]:
    """Return the relation that SQL joins labels against.

    Returns:
        ``text, code``, one row per text that means exactly one code (each code itself, names,
        aliases, and their half-width forms); ``text`` is the key; sorted by text.
    """
    return sorted(code_set.by_text.items())


def division_rows(divisions: Mapping[str, Division]) -> list[tuple[str, bool, str | None]]:
    """Return the relation that SQL joins division codes against.

    Returns:
        ``code`` (key), ``current``, ``successor`` (a current code; None when current, unknown
        or split among several); sorted by code.
    """
    ordered = sorted(divisions.values(), key=lambda division: division.code)
    return [(d.code, d.is_current, d.single_successor) for d in ordered]
