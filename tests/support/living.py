"""临江市, very small, lives on for a month: what its departments deliver each day, every way.

Nothing of the small city itself is other than it is; each resource only says another way in which
it is delivered (`WAYS`), so that every way stands beside the others:

- residents and marriages come whole, as files of a day;
- enterprises as numbered files of what is new, changed or ended, by operation flags;
- payments (no key) as numbered files, officers (a key) and readings (a stream) as files of a day,
  which only add;
- residence permits as a table pulled by watermark, discharge permits as one that is filled anew.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from chengshu.catalog import load_pack
from tests.support.home import write
from tests.support.small_city import business, civil, ecology, people
from tests.support.small_city import world as w
from tests.support.small_city.flaws import spoil_rows
from tests.support.small_city.fronts import write_rows
from tests.support.small_city.generate import PACK, header_of
from tests.support.small_city.numbers import dice
from tests.support.small_city.people import Row

FIRST, DAYS = date(2026, 2, 1), 30
SEED = 7
OPERATION = "操作"
CHANGED, GONE, BACK = 0.08, 0.02, 0.3


@dataclass(frozen=True)
class Way:
    """How a resource is delivered, and what is kept of its declaration: enough, and quick to judge.

    Attributes:
        path: The file in the front stores; braces stand for the day or the number.
        source: What its declaration says of it.
        every: It delivers each so many days.
        fields: Names of the fields that are kept.
        rules: Names of the rules that are kept.
        detail: What `write_rows` needs more.
    """

    path: str
    source: str
    every: int
    fields: str
    rules: str
    detail: str = ""

    @property
    def is_file(self) -> bool:
        """Tell whether each delivery is a file of its own."""
        return "{" in self.path

    @property
    def is_numbered(self) -> bool:
        return "batch" in self.source

    def declared(self, text: str) -> str:
        """Return the small city's declaration of the resource, changed to this way."""
        parts = r"(?<=\nfields:\n)(.*?)(?=\nrules:\n)"
        head, fields, rest = re.split(parts, text, flags=re.DOTALL)
        lines = [line for line in fields.splitlines() if _named(line) in self.fields.split()]
        rules = re.split(r"\n(?=  - name: )", rest[: rest.index("\nsource:")])
        kept = [rule for rule in rules[1:] if _named(rule) in self.rules.split()]
        kind = "file" if self.is_file else "sqlite"
        where = f"kind: {kind}, path: ../../front/{self.path.replace('{}', '*')}"
        more = ["rows: {most_ended: 100%}"] if "reload" in self.source else []
        source = f"source: {{{where}, {self.source}}}"
        return head + "\n".join([*lines, "rules:", *kept, source, *more, ""])


def _named(text: str) -> str:
    """Return the name in a declaration of a field or rule."""
    found = re.search(r"name: (\w+)", text)
    return found.group(1) if found else ""


WAYS = {
    w.RESIDENT: Way(
        "public_security/resident_{}.csv", r"encoding: gb18030, as_of: 'resident_(\d{8})'", 6,
        "citizen_id name birth_date phone", "birth_fits_id is_born", "gb18030",
    ),
    w.RESIDENCE_PERMIT: Way(
        "public_security/permits.sqlite",
        "table: T_JZZ, mode: incremental, watermark: GXSJ, overlap: 10 days", 9,
        "residence_permit_no citizen_id phone issued_on expires_on updated_at",
        "ends_after_start no_overlap", "T_JZZ",
    ),
    w.MARRIAGE: Way(
        "civil_affairs/marriage_{}.xlsx", r"as_of: 'marriage_(\d{8})'", 14,
        "certificate_no party_a_id party_b_id married_on ended_on",
        "parties_differ ends_after_start one_certificate husband_known not_married_twice",
        "婚姻登记台账",
    ),
    w.AID_PAYMENT: Way(
        "civil_affairs/aid_payment_{}.tsv", r"mode: append, batch: 'payment_(\d+)'", 14,
        "citizen_id name paid_month amount", "amount_positive recipient_known same_name", "utf-8",
    ),
    w.ENTERPRISE: Way(
        "market_regulation/enterprise_{}.csv",
        rf"mode: incremental, operation: {{column: {OPERATION}}}, batch: 'enterprise_(\d+)'", 9,
        "uscc enterprise_name established_on status legal_person legal_person_id",
        "founded_in_past name_is_own same_name", "utf-8",
    ),
    w.OFFICER: Way(
        "market_regulation/officer_{}.jsonl", r"mode: append, as_of: 'officer_(\d{8})'", 14,
        "uscc citizen_id position started_on ended_on",
        "enterprise_known ends_after_start one_at_a_time",
    ),
    w.DISCHARGE_PERMIT: Way(
        "ecology/permits.sqlite", "table: pollution_permit, mode: reload", 14,
        "permit_no uscc valid_from valid_until yearly_limit_t", "ends_after_start holder_known",
        "pollution_permit",
    ),
    w.READING: Way(
        "ecology/emission_{}.parquet", r"mode: append, as_of: 'emission_(\d{8})'", 14,
        "permit_no pollutant measured_at concentration", "permit_known not_negative",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Given:
    """One delivery of one resource.

    Attributes:
        resource: Whose.
        day: When, from 0.
        path: Where it waits to be delivered.
        name: Where it is put in the front stores.
    """

    resource: str
    day: int
    path: Path
    name: str

    @property
    def date(self) -> date:
        return FIRST + timedelta(self.day)

    def put(self, front: Path, again: str = "") -> None:
        """Deliver it; with ``again``, under a name that says so."""
        to = front / self.name
        to = to.with_stem(to.stem + again) if again else to
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.path, to)


def make_pack(root: Path) -> None:
    """Write the small city's pack, with every resource delivered in its way."""
    shutil.copytree(PACK, root, dirs_exist_ok=True)
    for name, way in WAYS.items():
        path = root / "resources" / f"{name}.yaml"
        write(path, way.declared(path.read_text("utf-8")))


def deliver_month(folder: Path, days: int = DAYS) -> list[Given]:
    """Write all that the departments deliver in the month; return it in the order of time."""
    pack, given = load_pack(PACK), []
    before: w.World = {}
    for day, now in enumerate(_live(days)):
        for name, way in WAYS.items():
            if day % way.every:
                continue
            rows = _delivered(name, before.get(name, []), now[name], day)
            names, words = header_of(pack.resources[name]), day // way.every + 1
            header = {field: names[field] for field in way.fields.split()}
            if "operation" in way.source:
                header["operation"] = OPERATION
            word = f"{words:03}" if way.is_numbered else f"{FIRST + timedelta(day):%Y%m%d}"
            path = folder / f"{day:02}" / way.path.format(word)
            write_rows(path, header, rows, way.detail)
            given.append(Given(name, day, path, way.path.format(word)))
            before[name] = now[name]
    return given


def _delivered(name: str, before: Sequence[Row], now: Sequence[Row], day: int) -> list[Row]:
    """Return the rows of a delivery as the department writes them."""
    way = WAYS[name]

    def spoiled(rows: Sequence[Row]) -> list[Row]:
        return spoil_rows(name, rows, SEED, 1)[0]

    if "operation" in way.source:
        known, standing = ({row["uscc"]: row for row in rows} for rows in (before, now))
        ended = [row for code, row in known.items() if code not in standing]
        rows = [{**row, "operation": "D"} for row in spoiled(ended)]
        for code, row in standing.items():
            if row != known.get(code):
                flag = "U" if code in known else "I"
                rows += [{**one, "operation": flag} for one in spoiled([row])]
        return rows
    if "append" in way.source:
        old = [*map(tuple, map(dict.values, before))]
        return spoiled([row for row in now if tuple(row.values()) not in old])
    return spoiled(now)


def _live(days: int) -> Iterator[w.World]:
    """Yield the city as it is on each day."""
    residents = people.make_residents(SEED, range(120))
    permits = people.make_residence_permits(SEED, range(40), people.DELIVERED[0])
    leaders = w.list_leaders(residents, permits)
    enterprises = business.make_enterprises(SEED, leaders, range(60))
    discharging = ecology.make_discharge_permits(SEED, enterprises[:20])
    now = {
        w.RESIDENT: residents,
        w.RESIDENCE_PERMIT: permits,
        w.MARRIAGE: civil.make_marriages(SEED, residents, 30),
        w.AID_PAYMENT: civil.make_payments(SEED, residents[:15], range(3)),
        w.ENTERPRISE: enterprises,
        w.OFFICER: business.make_officers(SEED, leaders, enterprises),
        w.DISCHARGE_PERMIT: discharging,
    }
    gone: w.World = {name: [] for name in now}
    for day in range(days):
        measured = ecology.make_readings(SEED, discharging[:1], FIRST + timedelta(day))
        yield {**now, w.READING: measured}
        new = _new(day, leaders)
        for name, rows in now.items():
            now[name] = _live_a_day(name, rows, gone[name], day) + new.get(name, [])


def _live_a_day(name: str, rows: Sequence[Row], gone: list[Row], day: int) -> list[Row]:
    """Return what became of the rows in a day: some change, some go, some come back."""
    rng = dice(SEED, name, "back", day)
    back = [row for row in gone if rng.random() < BACK]
    gone[:] = [row for row in gone if row not in back]
    lived = []
    for row in rows:
        kept = w.live_on(SEED, name, [row], day, (CHANGED, GONE))
        gone += [] if kept else [row]
        lived += [row if row in kept else _marked(one, day) for one in kept]
    return lived + back


def _marked(row: Row, day: int) -> Row:
    """Return a row that is new or changed on the day after ``day``; its watermark says so."""
    now = people.time_on(FIRST + timedelta(day + 1), dice(SEED, "changed", *row.values()))
    return {**row, "updated_at": now} if "updated_at" in row else row


def _new(day: int, leaders: Sequence[Row]) -> w.World:
    """Return who and what is new on the day after ``day``."""
    two = range(200 + 2 * day, 202 + 2 * day)
    enterprises = business.make_enterprises(SEED, leaders, two)
    permits = people.make_residence_permits(SEED, two, people.DELIVERED[0])
    paid = people.make_residents(SEED, range(3 * (day % 40), 3 * (day % 40) + 3))
    return {
        w.RESIDENT: people.make_residents(SEED, two),
        w.RESIDENCE_PERMIT: [_marked(row, day) for row in permits],
        w.ENTERPRISE: enterprises,
        w.OFFICER: business.make_officers(SEED, leaders, enterprises),
        w.AID_PAYMENT: civil.make_payments(SEED, paid, range(6, 7)),
    }
