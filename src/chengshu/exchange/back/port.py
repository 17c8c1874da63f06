"""What every way back does: put a parcel into a front store once, and bring its receipt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chengshu.catalog.back import Back
from chengshu.exchange.port import Surroundings
from chengshu.kernel.errors import ConflictError

RECEIPTS = "receipts"
RECEIPT_COLUMNS = {
    "resource": "TEXT",
    "batch": "BIGINT",
    "kind": "TEXT",
    "row_count": "BIGINT",
    "digest": "TEXT",
    "delivered_at": "TEXT",  # UTC, ISO
    "taken_at": "TEXT",  # The department's: when it has read the rows.
}
PLACE = {"resource": "TEXT", "batch": "BIGINT", "number": "BIGINT"}


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is delivered back at once, whole or not at all.

    Attributes:
        resource: Whose it is, as ``department/resource``.
        table: The same as a part of a file's name.
        batch: The batch that it is about.
        kind: What it carries: ``findings``.
        columns: Column → SQL type, ``TEXT`` or ``BIGINT``.
        rows: Reads its rows from the first on, each value as text.
        count: How many there are.
        digest: SHA-256 of them all.
    """

    resource: str
    table: str
    batch: int
    kind: str
    columns: Mapping[str, str]
    rows: Callable[[], Iterator[Sequence[str | None]]]
    count: int
    digest: str

    @property
    def key(self) -> tuple[str, int, str]:
        """Return what names it: resource, batch and kind."""
        return self.resource, self.batch, self.kind

    @property
    def name(self) -> str:
        """Return the same as people say it."""
        return f"{self.resource} batch {self.batch} {self.kind}"

    def numbered(self) -> Iterator[tuple[str | int | None, ...]]:
        """Yield its rows behind `PLACE`."""
        for number, row in enumerate(self.rows(), 1):
            yield self.resource, self.batch, number, *row


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a front store says of a parcel that it holds; ``taken_at`` is the department's."""

    rows: int
    digest: str
    delivered_at: str
    taken_at: str | None = None


class Deliverer(Protocol):
    """Delivers into one kind of front store."""

    def __call__(self, back: Any, parcel: Parcel, around: Surroundings) -> Receipt:
        """Deliver a parcel; one that has been delivered is left as it is.

        Raises:
            ExternalError: The store cannot be reached, refuses us, or ended in the middle.
            ConflictError: It holds another parcel under the same name.
        """
        ...


def name_of(back: Back) -> str:
    """Return a way back as messages name it."""
    return f"back {back.place}"


def check_receipt(system: str, parcel: Parcel, receipt: Receipt) -> Receipt:
    """Return the receipt that stands already, having checked that it is of these rows."""
    if (receipt.rows, receipt.digest) != (parcel.count, parcel.digest):
        raise ConflictError(
            f"{system} has a receipt of other {parcel.kind} of {parcel.resource} batch "
            f"{parcel.batch}: {receipt.rows} rows, delivered at {receipt.delivered_at}, not these "
            f"{parcel.count}. Nothing was written. Does another home deliver there, or was this "
            "one made anew? Give this one another prefix, or move the old tables or files away."
        )
    return receipt
