"""For every type of identifier the SQL says what the Python says, on each engine."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from chengshu.engine.port import Engine
from chengshu.standards import clean
from chengshu.standards.codes import load_divisions
from chengshu.standards.model import ValueType, Verdict
from chengshu.standards.registry import value_type
from chengshu.standards.types import citizen_id, organisation_code, uscc
from tests.support.id_cases import CASES
from tests.support.values import (
    masked_by_sql,
    read_by_python,
    read_side_by_side,
    render_stages_sql,
    stage_facts,
)

KNOWN = sorted(load_divisions())
ZONES = sorted(code for code, d in load_divisions().items() if d.status in ("heading", "other"))
NASTY = (
    "\t\n\r\u3000\u00a0\u200b\ufeff\u200f -_.·*'\"=\\/()（）+#xX×ＸOISVZ０９Ａｚ转男😀\U00020bb7"
)
ALWAYS = [
    *(
        "",
        " ",
        "\u3000",
        "\u00a0\u200b\ufeff",
        "-",
        "无",
        "N/A",
        "NULL",
        "0",
        "1.0",
        "E",
        "1E5",
        "*",
    ),
    *("4.40524E+17", "9.133E+17", "1" * 10_000, "甲" * 10_000, "\\", "'", '="1"', "\ue000"),
    *("0" * 9, "0" * 18, "330281199001010000", "913302811720771000", "110108000000016"),
    *("330***********1234", "138****5678", "6" * 11 + "XXX", "11012345678", "87654321"),
]


def digits(dice: random.Random, n: int) -> str:
    return "".join(dice.choice("0123456789") for _ in range(n))


def citizen(dice: random.Random, first: str | None = None) -> str:
    born = f"{dice.randint(1848, 2102)}{dice.randint(1, 12):02}{dice.randint(1, 31):02}"
    body = (first or dice.choice([dice.choice(KNOWN), "330281", "999999"])) + born + digits(dice, 3)
    return body + citizen_id.check_character(body)


def old_citizen(dice: random.Random) -> str:
    return dice.choice(KNOWN) + digits(dice, 2) + f"{dice.randint(1, 12):02}" + digits(dice, 5)


def organisation(dice: random.Random, letters: str = organisation_code.ALPHABET) -> str:
    body = "".join(dice.choice(dice.choice([letters, "0123456789"])) for _ in range(8))
    return body + organisation_code.check_character(body)


def enterprise(dice: random.Random) -> str:
    kind = dice.choice(["91", "91", "92", "93", "12", "51", "Y1", "A1", "XX", "99"])
    inner = organisation(dice, uscc.ALPHABET)
    inner = inner if dice.random() < 0.9 else inner[:8] + dice.choice("0123456789X")
    body = kind + dice.choice([dice.choice(KNOWN), "330281", "100000", "999999"]) + inner
    return body + uscc.check_character(body)


def person(dice: random.Random) -> str:
    return dice.choice(
        [
            citizen(dice),
            citizen(dice, "9" + digits(dice, 5)),
            dice.choice("HMK") + digits(dice, dice.choice([8, 10])),
            digits(dice, dice.choice([8, 10])) + dice.choice(["", "", "B", "(B)"]),
            dice.choice(["CHN", "usa", "D12"]) + digits(dice, 12),
        ]
    )


def phone(dice: random.Random) -> str:
    front = dice.choice(["", "", "+86", "0086-", "86 ", "0"])
    area = dice.choice(["0574-", "(010)", "021", "574-", "0086-574-", "+8610", ""])
    tail = dice.choice(["", "", "-123", "转1", "ext.22", "#9", "-1-2", ".0"])
    return dice.choice(
        [
            front + "1" + digits(dice, 10) + tail,
            area + dice.choice("2358") + digits(dice, dice.choice([5, 6, 7, 8])) + tail,
            dice.choice(["400", "800-"]) + digits(dice, 3) + "-" + digits(dice, 4),
            f"138{digits(dice, 8)}/139{digits(dice, 8)}",
            digits(dice, dice.choice([3, 5, 6])),
        ]
    )


def division(dice: random.Random) -> str:
    code = dice.choice([*[dice.choice(KNOWN)] * 6, dice.choice(ZONES), digits(dice, 6)])
    street = dice.choice("00124567") + digits(dice, 2)
    below = dice.choice(
        ["", "000", "000000", street, street, street + "000", street + "001", digits(dice, 6)]
    )
    short = dice.choice([code, code, code[:2], code[:4]])
    return dice.choice([code + below, short, code + below + ".0"])


def coded(codes: Sequence[str]) -> Callable[[random.Random], str]:
    found = [code for code in codes if code.isdigit()]
    labels = [code for code in codes if not code.isdigit()]
    return lambda dice: dice.choice(
        [
            dice.choice(found),
            dice.choice(labels),
            digits(dice, 2),
            digits(dice, 1),
            dice.choice(found) + ".0",
        ]
    )


KINDS: dict[str, tuple[ValueType, tuple[Callable[[random.Random], str], ...]]] = {
    "citizen_id": (value_type("citizen_id"), (citizen, citizen, old_citizen)),
    "person_id": (value_type("person_id"), (person, old_citizen)),
    "hk_macao_permit": (value_type("hk_macao_permit"), (person,)),
    "taiwan_permit": (value_type("taiwan_permit"), (person,)),
    "foreigner_permit": (value_type("foreigner_permit"), (person,)),
    "uscc": (value_type("uscc"), (enterprise, lambda dice: digits(dice, 15))),
    "organisation_code": (value_type("organisation_code"), (organisation,)),
    "division": (value_type("division"), (division,)),
    "street_division": (value_type("street_division"), (division,)),
    "village_division": (value_type("village_division"), (division,)),
    "phone": (value_type("phone"), (phone,)),
    "phone_area": (value_type("phone", area="0574"), (phone,)),
    "sex": (value_type("code", codes="gb2261_1"), (coded(["男", "女", "男性", "M", "1"]),)),
    "ethnic": (
        value_type("code", codes="gb3304"),
        (coded(["汉", "汉 族", "ha", "ＨＡ", "01", "56"]),),
    ),
    "county": (value_type("code", codes="gb2260"), (coded([*KNOWN[::40], "余姚市", "市辖区"]),)),
}


def damaged(dice: random.Random, value: str) -> str:
    """Return ``value`` with a few of the things that happen to it on its way."""
    for _ in range(dice.choice([0, 0, 1, 1, 2])):
        at = dice.randrange(len(value) + 1)
        what = dice.choice(["insert", "drop", "replace", "full", "lower", "pad", "swap"])
        if what == "insert":
            value = value[:at] + dice.choice(NASTY) + value[at:]
        elif what == "drop":
            value = value[:at] + value[at + 1 :]
        elif what == "replace":
            value = value[:at] + dice.choice("0123456789ABX" + NASTY) + value[at + 1 :]
        elif what == "full":
            value = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in value)
        elif what == "lower":
            value = value.lower()
        elif what == "pad":
            value = dice.choice(NASTY[:8]) + value + dice.choice(NASTY[:8])
        else:
            value = value[: at - 1] + value[at - 1 : at + 1][::-1] + value[at + 1 :]
    return value


def drawn_texts(count: int) -> list[str]:
    """Return texts that hypothesis finds nasty; without NUL, which SQL text cannot name."""
    found: list[str] = []
    text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=24)

    @seed(0)
    @settings(max_examples=count, database=None, suppress_health_check=list(HealthCheck))
    @given(text | st.text("0123456789X-+.E ", max_size=20))
    def collect(value: str) -> None:
        found.append(value)

    collect()
    return found


TEXTS = drawn_texts(150)


def values_of(name: str, count: int = 600) -> list[str | None]:
    """Return valid, damaged and arbitrary values for one kind."""
    dice = random.Random(name)
    makers = KINDS[name][1]
    made = [damaged(dice, dice.choice(makers)(dice)) for _ in range(count)]
    return [None, *ALWAYS, *TEXTS, *(raw for cases in CASES.values() for raw, *_ in cases), *made]


def test_sql_reads_what_python_reads_and_fields_do_not_disturb_each_other(engine: Engine):
    fields = {name: (kind, values_of(name)) for name, (kind, _) in KINDS.items()}

    read = read_side_by_side(engine, fields)

    wrong = [
        (name, raw, python, sql)
        for name, (kind, raws) in fields.items()
        for raw, python, sql in zip(raws, read_by_python(kind, raws), read[name], strict=True)
        if python != sql
    ]
    assert wrong[:9] == []


@pytest.mark.parametrize("name", KINDS)
def test_the_values_give_every_reason_and_a_canonical_value_unless_invalid(name: str):
    kind = KINDS[name][0]
    readings = [kind.read(value or "") for value in values_of(name)]

    reasons = {reading.reason for reading in readings} - {None}
    assert set(kind.reasons) == reasons
    assert all(
        (r.canonical is None) == (r.verdict is Verdict.INVALID)
        or r == r.__class__(Verdict.OK, None)
        for r in readings
    )


@pytest.mark.parametrize("name", KINDS)
def test_a_canonical_value_is_read_as_itself_and_needs_no_correction(name: str):
    kind = KINDS[name][0]
    canonicals = {r.canonical for v in values_of(name) if (r := kind.read(v or "")).canonical}

    assert len(canonicals) > 20 or name in ("sex", "ethnic")
    again = {c: kind.read(c) for c in canonicals}
    assert {c: r.canonical for c, r in again.items()} == {c: c for c in canonicals}
    assert all(r.verdict in (Verdict.OK, Verdict.WARNING) for r in again.values())


MASKED = {
    "citizen_id": [("330281199001011234", "330***********1234")],
    "person_id": [
        ("33028119900101123X", "330***********123X"),
        ("H12345678", "H1*****78"),
        ("12345678", "12****78"),
        ("USA110000850101", "USA********0101"),
        ("933028199001011234", "933***********1234"),
    ],
    "hk_macao_permit": [("H12345678", "H1*****78")],
    "taiwan_permit": [("12345678", "12****78")],
    "foreigner_permit": [("USA110000850101", "USA********0101")],
    "uscc": [("91350100M000100Y43", "91350100M000100Y43")],
    "organisation_code": [("717207711", "717207711")],
    "division": [("330281", "330200")],
    "street_division": [("330281001", "330200000")],
    "village_division": [("330281001001", "330200000000")],
    "phone": [("13812345678", "138****5678"), ("0574-87654321-12", "0574-****"), ("12345", "****")],
    "sex": [("1", "*")],
}


def test_masks_show_what_custom_shows_and_nothing_of_nothing(engine: Engine):
    shown = {
        name: masked_by_sql(engine, KINDS[name][0], [*(c for c, _ in pairs), None])
        for name, pairs in MASKED.items()
    }

    assert shown == {name: [*(m for _, m in pairs), None] for name, pairs in MASKED.items()}


BIRTHS = ["11010519491231002X", "440524188001010014", "H12345678", None]


def test_birth_and_sex_are_read_from_a_citizens_number(engine: Engine):
    with engine.session() as session:
        session.stage_rows("ids", {"n": "BIGINT", "id": "VARCHAR"}, list(enumerate(BIRTHS)))
        rows = session.rows(
            f"SELECT CAST({citizen_id.birth_date_sql('id')} AS VARCHAR) AS born, "
            f"{citizen_id.sex_sql('id')} AS sex FROM ids ORDER BY n",
            step="derive",
        )

    assert [(r["born"], r["sex"]) for r in rows] == [
        ("1949-12-31", "2"), ("1880-01-01", "1"), (None, None), (None, None)]  # fmt: skip
    known = [value for value in BIRTHS if value]
    assert [(str(citizen_id.birth_date_of(v)), citizen_id.sex_of(v)) for v in known] == [
        ("1949-12-31", "2"), ("1880-01-01", "1"), ("None", None)]  # fmt: skip


def test_an_abolished_division_comes_with_its_successor(engine: Engine):
    kind = value_type("division")
    with engine.session() as session:
        stages = kind.stages("raw", "v")
        stage_facts(session, stages)
        session.stage_rows("raws", {"raw": "VARCHAR"}, [("330204",), ("330281",)])
        rows = session.rows(
            f"SELECT v, v__successor AS today FROM ({render_stages_sql('raws', stages)}) AS q "
            "ORDER BY v",
            step="read",
        )

    assert [tuple(row.values()) for row in rows] == [("330204", "330212"), ("330281", None)]


def test_cleaning_sql_does_what_cleaning_python_does(engine: Engine):
    dice = random.Random(0)
    every = clean.WHITE + clean.HIDDEN + "".join(clean.FULL_WIDTH) + "".join(clean.DASHES) + NASTY
    texts = [*TEXTS, *ALWAYS, *(f"a{c}b" for c in every), *every]
    texts += ["".join(dice.choice(every + "ab ") for _ in range(9)) for _ in range(500)]
    pairs = [
        (clean.fold, clean.fold_sql),
        (clean.strip_all, clean.strip_all_sql),
        (clean.compact, clean.compact_sql),
        (clean.tidy, clean.tidy_sql),
        (clean.is_blank, clean.blank_sql),
    ]
    made = ", ".join(f"{sql('t')} AS {python.__name__}" for python, sql in pairs)

    with engine.session() as session:
        session.stage_rows("texts", {"n": "BIGINT", "t": "VARCHAR"}, list(enumerate(texts)))
        rows = session.rows(f"SELECT n, t, {made} FROM texts ORDER BY n", step="clean")

    wrong = [
        (row["t"], python.__name__, row[python.__name__])
        for row in rows
        for python, _ in pairs
        if row[python.__name__] != python(row["t"])
    ]
    assert wrong == []
