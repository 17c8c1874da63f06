"""The relations of facts that stages join, built from the code sets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from chengshu.kernel.errors import NotFoundError
from chengshu.standards.clean import compact
from chengshu.standards.codes import CodeSet, list_code_sets, load_code_set, load_divisions
from chengshu.standards.types.uscc import PAIRS, pair_rows

DIVISIONS = "division"
CODES = "code_"


@dataclass(frozen=True, slots=True)
class Facts:
    """A small relation whose column ``key`` is unique and never NULL.

    Attributes:
        columns: SQL type of each column, in DuckDB's dialect.
        rows: Values in the order of ``columns``; sorted by key.
    """

    columns: Mapping[str, str]
    rows: Sequence[tuple[object, ...]]


@cache
def load_facts(table: str) -> Facts:
    """Return the facts that `Lookup.table` names.

    ``division``: ``key`` (six digits), ``is_current`` (a division of today), ``status`` (see
    `Division`), ``successor`` (today's code, NULL when current, unknown or several), ``name``.

    ``code_<set>``: ``key`` (a text as `compact` leaves it), ``code``, ``how`` (NULL when ``key``
    is the code, else the reason of the correction).

    ``uscc_pair``: what two characters add to check sums (see `pair_rows`).

    Raises:
        NotFoundError: No facts have this name; the known ones are listed.
    """
    if table == DIVISIONS:
        return _divisions()
    if table in _own:
        return _code_facts(_own[table])
    if table == PAIRS:
        return _pairs()
    name = table.removeprefix(CODES)
    if not table.startswith(CODES) or name not in list_code_sets():
        known = [DIVISIONS, PAIRS, *(CODES + n for n in list_code_sets())]
        raise NotFoundError("facts", table, known)
    return _code_facts(load_code_set(name))


_own: dict[str, CodeSet] = {}


def table_of(code_set: CodeSet) -> str:
    """Return the name under which a code set's facts are loaded, also for a city's own set.

    A city's own set is named by its content, so that two packs in one process never mix.
    """
    if code_set.name in list_code_sets() and load_code_set(code_set.name) is code_set:
        return CODES + code_set.name
    content = repr([(c.code, c.name, c.aliases) for c in code_set.codes.values()])
    table = f"{CODES}{code_set.name}_{hashlib.sha256(content.encode()).hexdigest()[:12]}"
    _own[table] = code_set
    return table


def _divisions() -> Facts:
    columns = {
        "key": "VARCHAR",
        "is_current": "BOOLEAN",
        "status": "VARCHAR",
        "successor": "VARCHAR",
        "name": "VARCHAR",
    }
    rows = [
        (d.code, d.is_current, d.status, d.single_successor, d.full_name)
        for d in load_divisions().values()
    ]
    return Facts(columns, sorted(rows))


def _pairs() -> Facts:
    sums = ("value", "first", "second", "third", "fourth")
    return Facts({"key": "VARCHAR", **dict.fromkeys(sums, "INTEGER")}, pair_rows())


def _code_facts(code_set: CodeSet) -> Facts:
    """Return every text that means one code; a surer way of meaning it wins over a guess."""
    found: dict[str, tuple[str, str | None]] = {code: (code, None) for code in code_set.codes}
    for guesses in (_labels(code_set), _shortened(code_set), _recased(code_set)):
        means: dict[str, set[tuple[str, str]]] = {}
        for key, code, how in guesses:
            means.setdefault(key, set()).add((code, how))
        for key, meant in means.items():
            if len(meant) == 1:
                found.setdefault(key, next(iter(meant)))
    columns = {"key": "VARCHAR", "code": "VARCHAR", "how": "VARCHAR"}
    return Facts(columns, sorted((key, code, how) for key, (code, how) in found.items()))


def _labels(code_set: CodeSet) -> Iterator[tuple[str, str, str]]:
    for text, code in code_set.by_text.items():
        yield compact(text), code, "label_to_code"
        if text not in code_set.codes:
            yield compact(text.lower()), code, "label_to_code"
            yield compact(text.upper()), code, "label_to_code"


def _shortened(code_set: CodeSet) -> Iterator[tuple[str, str, str]]:
    """Yield what a spreadsheet makes of codes of digits: ``01`` becomes ``1`` or ``1.0``."""
    for code in code_set.codes:
        if code.isascii() and code.isdigit():
            short = code.lstrip("0") or "0"
            yield short, code, "zero_padded"
            yield f"{short}.0", code, "from_number"


def _recased(code_set: CodeSet) -> Iterator[tuple[str, str, str]]:
    for code in code_set.codes:
        yield code.lower(), code, "spelling"
        yield code.upper(), code, "spelling"
