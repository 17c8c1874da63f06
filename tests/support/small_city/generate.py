"""Deliver the made-up city's data: the same seed gives the same bytes.

Nothing in it is anybody's: how that is kept with check digits that fit, `numbers` says. What is
crooked in it, and how often, `flaws` says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from chengshu.catalog import Resource, load_pack
from chengshu.kernel.errors import InputError
from tests.support.small_city import civil
from tests.support.small_city import world as w
from tests.support.small_city.flaws import spoil_rows
from tests.support.small_city.fronts import Header, write_rows
from tests.support.small_city.people import DELIVERED, Row

PACK = Path(__file__).with_name("pack")
LATE = date(2025, 12, 31)
"""The business day of a register that only arrives with the second delivery."""

# Resource → file in the front stores ({} is the business day), and what `write_rows` needs more.
_FRONTS: Mapping[str, tuple[str, str]] = {
    w.RESIDENT: ("public_security/resident_{}.csv", "gb18030"),
    w.RESIDENCE_PERMIT: ("public_security/permits.sqlite", "T_JZZ"),
    w.MARRIAGE: ("civil_affairs/marriage_{}.xlsx", "临江市婚姻登记台账"),
    w.AID_PAYMENT: ("civil_affairs/aid_payment_{}.tsv", "utf-8"),
    w.ENTERPRISE: ("market_regulation/enterprise_{}.csv", "utf-8"),
    w.OFFICER: ("market_regulation/officer_{}.jsonl", ""),
    w.DISCHARGE_PERMIT: ("ecology/permits.sqlite", "pollution_permit"),
    w.READING: ("ecology/emission_{}.parquet", ""),
}


def generate(front: Path, delivery: int, seed: int = 7) -> None:
    """Write what the departments deliver into their front stores.

    Args:
        front: Folder of the front stores; one folder in it for each department.
        delivery: 1, or 2: a month later, with some rows new, changed or gone, some flaws mended,
            and one register that comes late.
        seed: Another seed is another city.

    Raises:
        InputError: There is no such delivery.
    """
    if delivery not in (1, 2):
        raise InputError(f"there is no delivery {delivery}", hint="Known: 1, 2.")
    pack = load_pack(PACK)
    world = w.make_world(seed, delivery)
    for name, rows in world.items():
        spoiled, _ = spoil_rows(name, rows, seed, delivery)
        _write(front, pack.resources[name], spoiled, DELIVERED[delivery - 1])
    if delivery == 2:
        late = civil.list_known_by(world[w.MARRIAGE], LATE)
        _write(front, pack.resources[w.MARRIAGE], spoil_rows(w.MARRIAGE, late, seed, 1)[0], LATE)


def count_flaws(delivery: int, seed: int = 7) -> Mapping[str, Counter[str]]:
    """Return how many rows of each flaw a delivery has, by resource."""
    world = w.make_world(seed, delivery)
    return {name: spoil_rows(name, rows, seed, delivery)[1] for name, rows in world.items()}


def header_of(resource: Resource) -> Header:
    """Return what the department calls each field: its declaration knows."""
    return {f.name: f.column or f.label or f.name for f in resource.fields}


def _write(front: Path, resource: Resource, rows: Sequence[Row], day: date) -> None:
    path, detail = _FRONTS[resource.id]
    write_rows(front / path.format(f"{day:%Y%m%d}"), header_of(resource), rows, detail)
