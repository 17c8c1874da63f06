"""How often what goes wrong in each department's rows: a few percent in all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from tests.support.small_city import spoil as s
from tests.support.small_city import world as w
from tests.support.small_city.numbers import dice
from tests.support.small_city.people import DELIVERED, Row, time_on
from tests.support.small_city.words import ABOLISHED

REPAIRED = 0.25
"""The share of flaws that the departments have mended by the second delivery."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that goes wrong.

    Attributes:
        per_thousand: In how many rows of a thousand; none of them has another flaw.
        name: What it is, for people.
    """

    per_thousand: float
    name: str
    spoil: s.Spoil


def _old_division(row: Row, _: object) -> list[Row]:
    return [{**row, "division": ABOLISHED.get(row["division"], row["division"])}]


def _identity_flaws(field: str = "citizen_id") -> Sequence[Flaw]:
    return (
        Flaw(5, f"{field} in full width", s.rewrite(field, s.full_width)),
        Flaw(5, f"{field} with spaces", s.rewrite(field, s.spaced)),
        Flaw(20, f"{field} with a small x", s.rewrite(field, s.lower)),
        Flaw(6, f"{field} of 15 digits", s.rewrite(field, s.fifteen)),
        Flaw(5, f"{field} mistyped", s.rewrite(field, s.mistyped)),
    )


_PHONES = (
    Flaw(10, "phone: a word for none", s.put("phone", "无", "N/A", "不详")),
    Flaw(4, "phone with country code", s.rewrite("phone", lambda t, _: f"+86 {t[:3]}-{t[3:]}")),
    Flaw(2, "phone cut", s.rewrite("phone", lambda t, _: t[:-1])),
    Flaw(2, "two phones", s.rewrite("phone", lambda t, _: f"{t}、0574-90000000")),
)
_POSITIONS = {"1": "法人", "2": "总经理", "3": "监事"}
_NAMES = (
    Flaw(3, "name with a space", s.rewrite("name", lambda t, _: f"{t[0]}　{t[1:]}")),
    Flaw(6, "name of another", s.put("name", "章伟", "王小明", "李娜", "陈静")),
)

FLAWS: Mapping[str, Sequence[Flaw]] = {
    w.RESIDENT: (
        *_identity_flaws(),
        *_PHONES,
        Flaw(1, "citizen_id as 3.30000E+17", s.rewrite("citizen_id", s.lost_digits)),
        Flaw(1, "name and citizen_id swapped", s.swap("name", "citizen_id")),
        Flaw(1, "name: a test", s.put("name", "测试", "未知")),
        Flaw(3, "name with a space", s.rewrite("name", lambda t, _: f"{t[0]}　{t[1:]}")),
        Flaw(3, "sex of another", s.rewrite("sex", lambda t, _: "女" if t == "1" else "男")),
        Flaw(30, "sex as a word", s.rewrite("sex", lambda t, _: "男" if t == "1" else "女")),
        Flaw(15, "ethnicity as a word", s.put("ethnicity", "汉族", "汉", "1")),
        Flaw(30, "birth_date in another spelling", s.rewrite("birth_date", s.other_date)),
        Flaw(3, "birth_date of no calendar", s.rewrite("birth_date", s.no_date)),
        Flaw(3, "birth_date a year off", s.shift_year("birth_date", 1)),
        Flaw(1, "registered before birth", s.put("registered_on", "1931-01-01")),
        Flaw(30, "division abolished", _old_division),
        Flaw(4, "delivered twice", s.twice()),
        Flaw(1, "delivered twice, not alike", s.twice(phone="16000009999")),
    ),
    w.RESIDENCE_PERMIT: (
        *_identity_flaws(),
        Flaw(8, "phone: a word for none", s.put("phone", "无")),
        Flaw(3, "name with a space", s.rewrite("name", lambda t, _: f"{t[0]}　{t[1:]}")),
        Flaw(20, "division abolished", _old_division),
        Flaw(5, "expires before it is issued", s.shift_year("expires_on", -2)),
        Flaw(20, "expires_on in another spelling", s.rewrite("expires_on", s.other_date)),
        Flaw(60, "expires a year late", s.shift_year("expires_on", 1)),
    ),
    w.MARRIAGE: (
        *_identity_flaws("party_a_id"),
        Flaw(4, "party_a_id as a number", s.as_number("party_a_id")),
        Flaw(4, "party_b_id mistyped", s.rewrite("party_b_id", s.mistyped)),
        Flaw(12, "party_b_id from elsewhere", s.from_elsewhere("party_b_id")),
        Flaw(1, "married to oneself", s.copy("party_b_id", "party_a_id")),
        Flaw(20, "married_on as a number", s.as_serial),
        Flaw(30, "married_on in another spelling", s.rewrite("married_on", s.other_date)),
        Flaw(2, "married under age", s.shift_year("married_on", -20)),
        Flaw(20, "ended_on lost", s.put("ended_on", "/")),
        Flaw(10, "ended before it began", s.shift_year("ended_on", -30)),
        Flaw(2, "two certificates", s.certified_again),
    ),
    w.AID_PAYMENT: (
        *_identity_flaws(),
        *_NAMES,
        Flaw(15, "amount with its unit", s.rewrite("amount", lambda t, _: f"{t[:-3]}元")),
        Flaw(4, "amount in full width", s.rewrite("amount", s.full_width)),
        Flaw(2, "amount taken back", s.rewrite("amount", lambda t, _: f"-{t}")),
        Flaw(1, "amount: a word", s.put("amount", "待定")),
        Flaw(30, "paid_month in another spelling", s.rewrite("paid_month", s.other_month)),
        Flaw(15, "bank_account: a word for none", s.put("bank_account", "无", "N/A")),
        Flaw(2, "delivered twice", s.twice()),
        Flaw(0.5, "line torn", s.torn("name", "\t")),
    ),
    w.ENTERPRISE: (
        *_PHONES,
        Flaw(4, "landline", s.put("phone", "0574-90000123", "（0574）90000456转8")),
        Flaw(10, "uscc in small letters", s.rewrite("uscc", s.lower)),
        Flaw(4, "uscc in full width", s.rewrite("uscc", s.full_width)),
        Flaw(6, "uscc mistyped", s.rewrite("uscc", s.mistyped)),
        Flaw(1, "uscc and enterprise_name swapped", s.swap("uscc", "enterprise_name")),
        Flaw(3, "stands under two codes", s.registered_again),
        Flaw(60, "capital with its unit", s.rewrite("registered_capital", s.other_amount)),
        Flaw(10, "capital in words", s.rewrite("registered_capital", s.spoken_amount)),
        Flaw(4, "capital in dollars", s.rewrite("registered_capital", lambda t, _: f"{t}万美元")),
        Flaw(5, "capital in yuan", s.rewrite("registered_capital", lambda t, _: f"{t}00000")),
        Flaw(5, "capital: a sign for none", s.put("registered_capital", "/", "无")),
        Flaw(30, "established_on another spelling", s.rewrite("established_on", s.other_date)),
        Flaw(1, "established in the future", s.put("established_on", "2062-01-05")),
        Flaw(20, "status as a word", s.put("status", "在业", "开业", "存续")),
        Flaw(3, "status unknown", s.put("status", "其他", "9")),
        Flaw(15, "division abolished", _old_division),
        Flaw(8, "legal_person of another name", s.put("legal_person", "章伟", "王小明")),
        Flaw(3, "legal_person_id mistyped", s.rewrite("legal_person_id", s.mistyped)),
        Flaw(2, "delivered twice", s.twice()),
        Flaw(1.5, "line torn", s.torn("address", ",")),
    ),
    w.OFFICER: (
        *_identity_flaws(),
        *_NAMES,
        Flaw(5, "enterprise unregistered", s.unregistered),
        Flaw(3, "uscc mistyped", s.rewrite("uscc", s.mistyped)),
        Flaw(30, "position as a word", s.rewrite("position", lambda t, _: _POSITIONS[t])),
        Flaw(60, "left a year late", s.shift_year("ended_on", 2)),
        Flaw(20, "left before beginning", s.shift_year("ended_on", -40)),
        Flaw(15, "started_on another spelling", s.rewrite("started_on", s.other_date)),
        Flaw(0.5, "line torn", s.torn("name", "")),
    ),
    w.DISCHARGE_PERMIT: (
        Flaw(20, "holder of another name", s.rewrite("enterprise_name", lambda t, _: t[2:])),
        Flaw(8, "enterprise unregistered", s.unregistered),
        Flaw(8, "coordinates swapped", s.swap("longitude", "latitude")),
        Flaw(20, "longitude in degrees", s.rewrite("longitude", s.degrees)),
        Flaw(30, "no end", s.put("valid_until", "长期")),
        Flaw(5, "ends before it begins", s.shift_year("valid_until", -10)),
        Flaw(5, "limit of zero", s.put("yearly_limit_t", "0")),
    ),
    w.READING: (
        Flaw(10, "instrument out of order", s.put("concentration", "-9999.000")),
        Flaw(3, "below zero", s.rewrite("concentration", lambda t, _: f"-{t}")),
        Flaw(2, "out of range", s.rewrite("concentration", lambda t, _: f"9{t.zfill(7)}")),
        Flaw(3, "permit unknown", s.rewrite("permit_no", lambda t, _: f"{t[:-1]}Q")),
        Flaw(1, "delivered twice", s.twice()),
    ),
}


def spoil_rows(
    resource: str, rows: Iterable[Row], seed: int, delivery: int
) -> tuple[list[Row], Counter[str]]:
    """Return the rows as the department delivers them, and how often each flaw is among them.

    What is wrong with a row hangs on its content alone, so that an unchanged row stays unchanged.
    """
    flaws, found = FLAWS[resource], Counter[str]()
    spoiled: list[Row] = []
    for row in rows:
        rng = dice(seed, resource, *row.values())
        roll, is_repaired = rng.random() * 1_000, rng.random() < REPAIRED
        flaw = _flaw_at(flaws, roll)
        if flaw is None:
            spoiled.append(row)
            continue
        if is_repaired and delivery > 1:
            spoiled.append(_stamped(row, rng))
            continue
        made = flaw.spoil(row, rng)
        found[flaw.name] += made != [row]
        spoiled += made
    return spoiled, found


def _stamped(row: Row, rng: Random) -> Row:
    """Return a mended row; where it says when it changed, that was in the last month."""
    if "updated_at" not in row:
        return row
    return {**row, "updated_at": time_on(DELIVERED[1] - timedelta(rng.randint(0, 26)), rng)}


def _flaw_at(flaws: Sequence[Flaw], roll: float) -> Flaw | None:
    for flaw in flaws:
        roll -= flaw.per_thousand
        if roll < 0:
            return flaw
    return None
