"""Spoil a delivery as its plan says, and write down every place in the answer key.

Which rows a kind falls on is decided by a hash of seed, kind, resource, place and the row's
identity (and the day, on the way), each kind by itself: so a row carries two defects as often as
chance has it, the product of their rates. A field has one defect at most, and a row that is wrong
as a whole has no other: the kind that stands first in the file stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chengshu.catalog.expression import compile_expression
from chengshu.demo.defects.model import Kind, Layout, Plan
from chengshu.demo.defects.rows import FIELDS, ROWS, H, Moved, Place, Written
from chengshu.demo.defects.values import VALUES
from chengshu.engine.sql import listed, literal, quote

KEY_COLUMNS = {
    "resource": "VARCHAR",
    "day": "INTEGER",
    "row": "BIGINT",
    "record": "VARCHAR",
    "kind": "VARCHAR",
    "field": "VARCHAR",
    "truth": "VARCHAR",
    "delivered": "VARCHAR",
}
DAYS = 30
BILLION = 1_000_000_000


def spoil(con: Any, plan: Plan, resource: str, day: int) -> None:
    """Change the table ``delivered`` in place, and add to ``answer_key`` what was changed.

    Args:
        con: DuckDB connection, the same for all days: rows that come late wait in it, and so does
            what earlier deliveries should have been.
        plan: What goes wrong where.
        resource: Whose delivery it is. ``delivered`` has its columns (VARCHAR), ``_row`` (BIGINT,
            unique, the order of the rows) and ``_id`` (BIGINT, the same on all days).
        day: The delivery's, from 0.
    """
    make_key(con)
    kinds = plan.at(resource)
    if kinds:
        _Delivery(con, plan, resource, day).spoil(kinds)


def make_key(con: Any) -> None:
    """Make the table ``answer_key`` where there is none."""
    columns = ", ".join(f"{quote(name)} {kind}" for name, kind in KEY_COLUMNS.items())
    con.execute(f"CREATE TABLE IF NOT EXISTS answer_key ({columns})")


def mended_sql(plan: Plan, resource: str, day: int) -> str:
    """Return SQL over ``_id``: something wrong with the row is mended on this day.

    A table that is pulled by watermark has to deliver such a row again, with a new time of change.
    """
    hits = [
        f"({_hit(plan, kind, resource, fields, rate)} AND {_mended_on(plan, kind, resource)} "
        f"AND {_mend_day(plan, kind, resource)} = {day})"
        for kind, fields, rate in plan.at(resource)
        if kind.mended and not kind.together
    ]
    return " OR ".join(hits) or "FALSE"


def _hash(plan: Plan, *parts: object, of: str = "_id") -> str:
    return f"HASH({of}, {literal('/'.join(map(str, (plan.seed, *parts))))})"


def _hit(plan: Plan, kind: Kind, resource: str, fields: Sequence[str], rate: float) -> str:
    """Return the condition that a kind falls on a row of ``named``."""
    of = f"CONCAT_WS('|', {listed(kind.together)})" if kind.together else "_id"
    hashed = _hash(plan, kind.kind, resource, *fields, of=of)
    return f"{hashed} % {BILLION} < {round(rate * BILLION / 1000)}"


def _mended_on(plan: Plan, kind: Kind, resource: str) -> str:
    hashed = _hash(plan, kind.kind, resource, "mended")
    return f"{hashed} % {BILLION} < {round(kind.mended * BILLION)}"


def _mend_day(plan: Plan, kind: Kind, resource: str) -> str:
    return f"1 + {_hash(plan, kind.kind, resource, 'mend day')} % {DAYS}"


class _Delivery:
    """One delivery on its way from what it should be to what it is."""

    def __init__(self, con: Any, plan: Plan, resource: str, day: int) -> None:
        self._con, self._plan, self._resource, self._day = con, plan, resource, day
        self._layout: Layout = plan.layouts[resource]
        table = resource.replace("/", "__")
        self._memory, self._late = quote(f"memory__{table}"), quote(f"late__{table}")
        self._fields = list(self._layout.columns)

    def spoil(self, kinds: Sequence[tuple[Kind, tuple[str, ...], float]]) -> None:
        """Let every kind fall, in order."""
        columns = ", ".join(f"{quote(c)} AS {quote(f)}" for f, c in self._layout.columns.items())
        own = f"_row, _id, {columns}"
        self._run(
            f"CREATE TABLE IF NOT EXISTS {self._late} AS SELECT *, 0 AS _due FROM delivered LIMIT 0"
        )
        self._run(f"CREATE OR REPLACE TEMP VIEW named AS SELECT {own} FROM delivered")
        self._add_late()
        recalls = any(kind.recalls for kind, _, _ in kinds)
        if recalls:
            self._run(
                f"CREATE TABLE IF NOT EXISTS {self._memory} AS SELECT *, 0 AS _day FROM named "
                "LIMIT 0"
            )
            self._run("CREATE OR REPLACE TEMP TABLE should_be AS SELECT * FROM named")
        self._run(
            "CREATE OR REPLACE TEMP TABLE entries (_row BIGINT, record VARCHAR, kind VARCHAR, "
            "field VARCHAR, truth VARCHAR, delivered VARCHAR)"
        )
        for kind, fields, rate in kinds:
            if not kind.days or self._day in kind.days:
                self._fall(kind, fields, rate)
        if recalls:
            self._remember()
        self._write_key()

    def _run(self, sql: str) -> None:
        self._con.execute(sql)

    def _fall(self, kind: Kind, fields: tuple[str, ...], rate: float) -> None:
        place = Place(fields, self._fields, self._memory, self._day)
        given = kind.parameters
        if kind.operator in ROWS:
            moved = ROWS[kind.operator](place, **given)
            self._choose(kind, fields, rate, whole=True, source=moved.source)
            self._move(kind, moved)
            return
        if kind.operator in VALUES:
            make = VALUES[kind.operator]
            written = Written({f: make(f"d.{quote(f)}", H, **given) for f in fields})
        else:
            written = FIELDS[kind.operator](place, **given)
        self._choose(kind, fields, rate, whole=written.whole)
        self._write(kind, written)

    def _choose(
        self,
        kind: Kind,
        fields: Sequence[str],
        rate: float,
        *,
        whole: bool,
        source: str = "named",
    ) -> None:
        """Make ``hits``: the rows that a kind falls on, each with a number of its own."""
        plan, resource = self._plan, self._resource
        day = (self._day,) if kind.transport else ()
        conditions = [_hit(plan, kind, resource, (*fields, *day), rate)]
        if kind.mended:
            mended = f"{_mended_on(plan, kind, resource)} AND "
            mended += f"{_mend_day(plan, kind, resource)} <= {self._day}"
            conditions.append(f"NOT ({mended})")
        if kind.where:
            conditions.append(compile_expression(kind.where, {n: n for n in self._fields}))
        own = _hash(plan, kind.kind, resource, *fields, *day, "way")
        # A row is wide; most kinds need little of it.
        needed = (
            self._fields if whole else dict.fromkeys((*fields, *kind.parameters.get("match", ())))
        )
        sql = (
            f"SELECT _row, _id, {listed(needed)}, {own} AS _h FROM {source} AS source "
            f"WHERE {' AND '.join(f'({c})' for c in conditions)}"
        )
        if source == "named":
            taken = "TRUE" if whole else f"(field IS NULL OR field IN ({_texts(fields)}))"
            sql = f"SELECT * FROM ({sql}) ANTI JOIN (FROM entries WHERE {taken}) USING (_row)"
        self._run(f"CREATE OR REPLACE TEMP TABLE hits AS {sql}")

    def _write(self, kind: Kind, written: Written) -> None:
        """Write new values into ``hits``, and what was there before into the key."""
        names = list(written.sets)
        old = [quote(f"old__{name}") for name in names]
        new = [quote(f"new__{name}") for name in names]
        pairs = [
            f"d.{quote(n)} AS {o}, {sql} AS {w}"
            for (n, sql), o, w in zip(written.sets.items(), old, new, strict=True)
        ]
        partner = "o._row AS _other, " if written.mutual else ""
        sql = f"SELECT d._row, {partner}{', '.join(pairs)} FROM hits AS d {written.other}"
        if written.mutual:
            sql = self._mutual_sql(sql, old, new)
        self._run(f"CREATE OR REPLACE TEMP TABLE changes AS {sql}")
        label = literal(kind.kind)
        if written.whole:
            texts = [f"CONCAT_WS('|', {', '.join(_shown(c) for c in part)})" for part in (old, new)]
            self._run(
                f"INSERT INTO entries SELECT _row, NULL, {label}, NULL, {', '.join(texts)} "
                "FROM changes"
            )
        for name, o, w in [] if written.whole else zip(names, old, new, strict=True):
            self._run(
                f"INSERT INTO entries SELECT _row, NULL, {label}, {literal(name)}, {o}, {w} "
                f"FROM changes WHERE {o} IS DISTINCT FROM {w}"
            )
        self._update(dict(zip(names, new, strict=True)))

    def _mutual_sql(self, sql: str, old: Sequence[str], new: Sequence[str]) -> str:
        """Return SQL of the changes of both rows; each row has one partner at most."""
        taken = "SELECT _row FROM hits UNION ALL SELECT _row FROM entries WHERE _row > 0"
        self._run(
            f"CREATE OR REPLACE TEMP TABLE pairs AS {sql} "
            f"WHERE o._row NOT IN ({taken}) "
            "QUALIFY ROW_NUMBER() OVER (PARTITION BY o._row ORDER BY d._row) = 1"
        )
        there = ", ".join(f"{n} AS {o}, {o} AS {n}" for o, n in zip(old, new, strict=True))
        return (
            "SELECT * EXCLUDE (_other) FROM pairs "
            f"UNION ALL BY NAME SELECT _other AS _row, {there} FROM pairs"
        )

    def _update(self, sets: dict[str, str]) -> None:
        """Set fields of ``delivered`` to columns of ``changes``, where it has the row."""
        columns = self._layout.columns
        texts = ", ".join(f"{quote(columns[n])} = changes.{sql}" for n, sql in sets.items())
        self._run(f"UPDATE delivered SET {texts} FROM changes WHERE delivered._row = changes._row")

    def _move(self, kind: Kind, moved: Moved) -> None:
        """Add and take away whole rows, and write them into the key."""
        label, columns = literal(kind.kind), self._layout.columns
        as_delivered = ", ".join(f"{quote(f)} AS {quote(c)}" for f, c in columns.items())
        if moved.added:
            self._run(
                "CREATE OR REPLACE TEMP TABLE added AS SELECT (SELECT MAX(_row) FROM delivered) + "
                f"ROW_NUMBER() OVER (ORDER BY _row, _id) AS _row, _id, {as_delivered} "
                f"FROM ({moved.added}) AS rows_added"
            )
            self._run("INSERT INTO delivered BY NAME SELECT * FROM added")
            self._run(
                f"INSERT INTO entries SELECT _row, NULL, {label}, NULL, NULL, NULL FROM added"
            )
        if moved.sets:
            cells = ", ".join(f"{sql} AS {quote(name)}" for name, sql in moved.sets.items())
            self._run(
                f"CREATE OR REPLACE TEMP TABLE changes AS SELECT _row, {cells} FROM hits AS d"
            )
            self._run(f"INSERT INTO entries SELECT _row, NULL, {label}, NULL, NULL, NULL FROM hits")
            self._update({name: quote(name) for name in moved.sets})
        if moved.due:
            self._run(
                f"INSERT INTO {self._late} BY NAME SELECT v.*, {moved.due} AS _due "
                "FROM delivered AS v JOIN hits AS d ON v._row = d._row"
            )
        if moved.removed:
            self._run(
                f"INSERT INTO entries SELECT NULL, {self._record()}, {label}, NULL, NULL, NULL "
                "FROM hits"
            )
            self._run("DELETE FROM delivered WHERE _row IN (SELECT _row FROM hits)")

    def _record(self) -> str:
        key = self._layout.key
        return f"CONCAT_WS('|', {listed(key)})" if key else literal(None)

    def _add_late(self) -> None:
        """Deliver what is due by now."""
        due = f"FROM {self._late} WHERE _due <= {self._day}"
        first = "(SELECT COALESCE(MAX(_row), 0) FROM delivered)"
        self._run(
            "INSERT INTO delivered BY NAME SELECT * EXCLUDE (_due) REPLACE "
            f"({first} + ROW_NUMBER() OVER (ORDER BY _due, _id, _row) AS _row) {due}"
        )
        self._run(f"DELETE {due}")

    def _remember(self) -> None:
        """Keep what the delivery should have been: of each identity the newest rows."""
        self._run(f"DELETE FROM {self._memory} WHERE _id IN (SELECT _id FROM should_be)")
        self._run(
            f"INSERT INTO {self._memory} BY NAME SELECT *, {self._day} AS _day FROM should_be"
        )

    def _write_key(self) -> None:
        self._run(
            f"INSERT INTO answer_key SELECT {literal(self._resource)}, {self._day}, e._row, "
            "COALESCE(e.record, n.record), e.kind, e.field, e.truth, e.delivered "
            f"FROM entries AS e LEFT JOIN (SELECT _row, {self._record()} AS record FROM named) "
            "AS n ON e._row = n._row"
        )


def _texts(fields: Sequence[str]) -> str:
    return ", ".join(map(literal, fields)) or "''"


def _shown(column: str) -> str:
    return f"COALESCE({column}, '')"
