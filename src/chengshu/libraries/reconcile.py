"""Reconciliation 对账: where the rows of a batch are, counted in the stores.

pulled = accepted + ended + unchanged + repeated + refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chengshu.catalog import Resource
from chengshu.engine import Session
from chengshu.libraries import stores


@dataclass(frozen=True, slots=True)
class Balance:
    """Where the rows of one batch are.

    Attributes:
        pulled: Rows that landing holds of it, whole or as repeats.
        accepted: Rows that made a version in the department store.
        ended: Rows by which the source said that a record has ended.
        unchanged: Rows that said what the department store said already.
        repeated: Rows that the same batch had said before.
        refused: Rows that stand in the management store.
        lost: Rows that are nowhere; anything but 0 is a fault of the platform.
    """

    batch: int
    pulled: int
    accepted: int
    ended: int
    unchanged: int
    repeated: int
    refused: int
    lost: int

    @property
    def is_closed(self) -> bool:
        """Tell whether every pulled row is accounted for once."""
        parts = self.accepted + self.ended + self.unchanged + self.repeated + self.refused
        return self.lost == 0 and self.pulled == parts


def balance_batches(session: Session, resource: Resource, batches: Sequence[int]) -> list[Balance]:
    """Return where the rows of refined batches are; every number is a count of stored rows.

    A row is accepted when a version stands at its batch and position, ended when it stands among
    those that end records, refused when its digest stands among the refused rows. Of the rest, each
    must name a version that says the same: it is repeated when the batch said so before, else
    unchanged. What names none is lost.
    """
    if not batches:
        return []
    rows = session.rows(_balance_sql(resource, batches), step=f"balance {resource.id}")
    found = {row["batch"]: [int(row[name]) for name in Balance.__slots__] for row in rows}
    # A delivery without rows is a delivery: its balance is all zeros.
    return [Balance(*found.get(batch, (batch, *[0] * 7))) for batch in sorted(batches)]


def _balance_sql(resource: Resource, batches: Sequence[int]) -> str:
    chosen = f"_batch IN ({', '.join(str(number) for number in batches)})"
    arrivals = " UNION ALL ".join(
        f"SELECT _digest, _batch, _position FROM lake.{table} WHERE {chosen}"
        for table in (stores.landing(resource), stores.repeats(resource))
    )
    versions = (stores.current(resource), stores.history(resource))
    placed = " UNION ".join(
        f"SELECT _batch, _position FROM lake.{t} WHERE {chosen}" for t in versions
    )
    # A digest says one thing: of one record, or (without key) of every copy of its content.
    base = "_record" if resource.identity == "key" else "_digest"
    said = " UNION ALL ".join(f"SELECT _digest, {base} AS _base FROM lake.{t}" for t in versions)
    said += f" UNION ALL SELECT _digest, {base} AS _base FROM lake.{stores.aliases(resource)}"
    order = "PARTITION BY a._batch, s._base ORDER BY a._position"
    repeated = f"ROW_NUMBER() OVER ({order})" if resource.identity == "key" else "1"
    said_again = "NOT _accepted AND NOT _ended AND NOT _refused AND _base IS"
    kinds = {
        "accepted": "_accepted",
        "ended": "_ended",
        "unchanged": f"{said_again} NOT NULL AND _nth = 1",
        "repeated": f"{said_again} NOT NULL AND _nth > 1",
        "refused": "NOT _accepted AND NOT _ended AND _refused",
        "lost": f"{said_again} NULL",
    }
    counts = ", ".join(f"COUNT(CASE WHEN {sql} THEN 1 END) AS {n}" for n, sql in kinds.items())
    at_place = "a._batch = {0}._batch AND a._position = {0}._position"
    return (
        f"SELECT _batch AS batch, COUNT(*) AS pulled, {counts} "
        "FROM (SELECT a._batch, s._base, v._position IS NOT NULL AS _accepted, "
        "e._position IS NOT NULL AS _ended, "
        f"f._digest IS NOT NULL AS _refused, {repeated} AS _nth "
        f"FROM ({arrivals}) AS a LEFT JOIN ({placed}) AS v ON {at_place.format('v')} "
        f"LEFT JOIN lake.{stores.endings(resource)} AS e ON {at_place.format('e')} "
        f"LEFT JOIN lake.{stores.refused(resource)} AS f ON a._digest = f._digest "
        f"LEFT JOIN (SELECT DISTINCT _digest, _base FROM ({said}) AS every_version) AS s "
        "ON a._digest = s._digest) AS told GROUP BY _batch ORDER BY _batch"
    )
