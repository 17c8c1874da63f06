"""For every type of measure and text the SQL says what the Python says, on each engine."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from chengshu.engine.port import Engine
from chengshu.standards.model import ValueType, Verdict
from chengshu.standards.types.address import Address
from chengshu.standards.types.coordinate import Coordinate
from chengshu.standards.types.date import Date
from chengshu.standards.types.moment import Moment
from chengshu.standards.types.money import Money
from chengshu.standards.types.names import EnterpriseName, PersonName
from chengshu.standards.types.number import Count, Number
from chengshu.standards.types.text import Text
from tests.support.measure_cases import CASES
from tests.support.values import differences, masked_by_sql, read_by_python, read_side_by_side

Maker = Callable[[random.Random], str]
NASTY = (
    "\t\n\r\u3000\u00a0\u200b\ufeff\u200f -—_.·*'\"=\\/()（）+#xX×，。０９Ａｚ转男😀\U00020bb7"
    "年月日时分秒上下午十百千万亿元角零〇一壹两某°′″EWNST:Zé\x85\x1c\u2028\ufffd\ue000Ã\u0080"
)
ALWAYS = [
    *("", " ", "\u3000", "\u00a0\u200b\ufeff", "-", "无", "N/A", "NULL", "NaN", "0", "1.0", "."),
    *("1" * 10_000, "甲" * 10_000, "a b" * 3_000, "·一" * 3_000, "1,234" * 2_000),
    *("\\", "'", "%", "一 " * 5_000, "张\u202e三", "A\u200bB", "\u2028", "e\u0301", "İ"),
]


def digits(dice: random.Random, most: int) -> str:
    return "".join(dice.choice("0123456789") for _ in range(dice.randint(1, most)))


def day(dice: random.Random) -> str:
    at = date(1899, 12, 29) + timedelta(dice.randint(0, 60_000))
    at = dice.choice([at, at, at, date(9999, 12, 31), date(1900, 1, 1), date(1, 1, 1)])
    y, m, d = f"{at.year:04}", dice.choice([f"{at.month:02}", at.month]), at.day
    han = str.maketrans("0123456789", "〇一二三四五六七八九")
    month = ["", *"一二三四五六七八九十", "十一", "十二"][at.month]
    tens = ["", "十", "二十", "三十"][d // 10] + ("" if d % 10 == 0 else str(d % 10).translate(han))
    return dice.choice(
        [
            f"{at:%Y-%m-%d}".zfill(10),
            f"{y}{dice.choice('-/.')}{m}{dice.choice('-/.')}{d}",
            f"{y}-{m}-{d}",
            f"{y}/{m}/{d}",
            f"{y}{at.month:02}{d:02}",
            f"{y}年{m}月{d}{dice.choice(['日', '号', ''])}",
            f"{y.translate(han)}年{month}月{tens}日",
            f"{d}/{m}/{y}",
            f"{y}-{m}",
            f"{y}年{m}月{dice.choice(['', '份'])}",
            f"{y}{at.month:02}",
            f"{y[2:]}-{m}-{d}",
            f"{y}-{m}-{dice.choice([0, 30, 31, 32])}",
            dice.choice(["长期", "0000-00-00", "民国九十年", "2015.1", "1706630400123", "45000.5"]),
        ]
    )


def moment(dice: random.Random) -> str:
    h, m, s = dice.randint(0, 25), dice.randint(0, 61), dice.randint(0, 60)
    clock = dice.choice(
        [
            f"{h:02}:{m:02}:{s:02}",
            f"{h}:{m}",
            f"{h:02}:{m:02}:{s:02}.{digits(dice, 9)}",
            f"{h}时{m}分{s}秒",
            f"{h}点",
            f"上午{h}:{m:02}",
            f"下午 {h}:{m:02}",
            f"{h}:{m:02} {dice.choice(['AM', 'pm'])}",
            f"{h:02}{m:02}",
            f"{h:02}{m:02}{s:02}{dice.choice(['', '123'])}",
            dice.choice(["24:00", "24:00:00", "0:00", "00:00:00.0"]),
        ]
    )
    zone = dice.choice([*[""] * 6, "Z", "+08:00", "+0800", "-05"])
    return day(dice) + dice.choice([" ", " ", "T", ""]) + dice.choice([clock, clock, ""]) + zone


def plain_moment(dice: random.Random) -> str:
    at = date(1990, 1, 1) + timedelta(dice.randint(0, 9_999))
    return f"{at} {dice.randint(0, 24):02}:{dice.randint(0, 60):02}:00"


def number(dice: random.Random) -> str:
    whole = dice.choice([digits(dice, 5), digits(dice, 19), f"{int(digits(dice, 9)):,}", ""])
    part = dice.choice(["", "", ".", "." + digits(dice, 3), "." + digits(dice, 12), ".0"])
    tail = dice.choice([*[""] * 5, f"e{dice.randint(-99, 99)}", "E+2", "%"])
    return dice.choice(["", "", "", "-", "+"]) + whole + part + tail


def spoken(dice: random.Random, n: int) -> str:
    """Return a number below ten thousand in words, not always well formed."""
    signs = dice.choice(["零一二三四五六七八九", "零壹贰叁肆伍陆柒捌玖", "0123456789"])
    units = dice.choice([("千", "百", "十"), ("仟", "佰", "拾")])
    text = ""
    for place, unit in zip((1000, 100, 10), units, strict=True):
        if digit := n // place % 10:
            text += signs[digit] + unit
        elif text and n % place and not text.endswith(signs[0]):
            text += signs[0]
    return text + (signs[n % 10] if n % 10 else "")


def money(dice: random.Random) -> str:
    parts = [
        spoken(dice, dice.choice([0, 5, 10, 15, 300, 5000, dice.randint(1, 9999)]))
        for _ in "三个段"
    ]
    words = dice.choice(
        [
            f"{parts[0]}亿{parts[1]}万{parts[2]}",
            f"{parts[0]}万{dice.choice(['', '零'])}{parts[1]}",
            f"{parts[0]}万",
            parts[0],
        ]
    )
    coins = dice.choice(["", "", "整", "伍角", "零五分", "3角2分"])
    unit = dice.choice(["", "万", "亿", "千", "百万", "千万", "万亿"])
    yuan = dice.choice(["", "元", "圆"])
    name = dice.choice(["", "", "人民币", "美元", "港币", "RMB"])
    sign = dice.choice(["￥", "$", "人民币", "人民币（大写）：", "负", "-"])
    return dice.choice(
        [
            number(dice),
            f"{number(dice)}{unit}{yuan}{name}",
            f"{number(dice)}({unit}{yuan}{name})",
            f"({number(dice)})",
            f"{sign}{number(dice)}{unit}{yuan}",
            f"{dice.choice(['', '人民币', '负'])}{words}{dice.choice(['元', ''])}{coins}",
        ]
    )


def person(dice: random.Random) -> str:
    han = "".join(dice.choice("张王欧阳伟某娜𬭸㐀〇三") for _ in range(dice.randint(1, 8)))
    latin = dice.choice(["John Smith", "O’Neil", "José-Luis", "SMITH, J."])
    dotted = f"{han}{dice.choice('·•．.・')}{dice.choice('热合曼')}"
    other = dice.choice(["N/A", "不详", "None", "张X", "李某某", "张*", "张三1", "--", "王○"])
    return dice.choice([han, han, dotted, latin, other, " ".join(han)])


def enterprise(dice: random.Random) -> str:
    place = dice.choice(["宁波", "余姚市", "宁波市 鄞州区"])
    box = dice.choice(["（中国）", "(中国)", "【中国】", "", "", "（", ")"])
    end = dice.choice(["有限公司", "公司", "厂", "有限公司。", "Co., Ltd.", "", "；"])
    return place[: dice.randint(0, 6)] + box + dice.choice(["泰康", "ABC", "１", "*"]) + end


def address(dice: random.Random) -> str:
    parts = [
        "浙江省",
        "宁波市",
        "鄞州区",
        "首南街道",
        "泰康中路",
        "１２３号",
        "3 幢",
        "#402",
        "（南）",
    ]
    picked = [part for part in parts if dice.random() < 0.5]
    return dice.choice(["", " "]).join(picked) + dice.choice(["", "12 13", "-", "幸福小区"])


def angle(dice: random.Random) -> str:
    d = dice.choice([121, 29, 0, 180, 90, 73, 136, 54, 3, dice.randint(0, 200)])
    m, s = dice.randint(0, 60), f"{dice.randint(0, 60)}{dice.choice(['', '.5', '.1234567'])}"
    side = dice.choice(["", "", "E", "N", "W", "s", "东经", "北纬"])
    body = dice.choice(
        [
            f"{d}.{digits(dice, 7)}",
            f"{d}.{digits(dice, 7)}",
            f"{d}.{digits(dice, 12)}",
            f"{d}°{m}′{s}″",
            f"{d}度{m}分{s}秒",
            f"{d}°{m}'{s}\"",
            f"{d}°{m}.{digits(dice, 4)}'",
            f"{d}°",
            f"{d}",
        ]
    )
    return dice.choice([side + body, body + side, "-" + body, body])


def text(dice: random.Random) -> str:
    pieces = [
        "中文",
        "a b",
        "é”",
        "锟斤拷",
        "ä¸\u00ad",
        "\t",
        "  ",
        "\u200b",
        "。",
        "x",
        "锘",
        "Â°",
    ]
    return "".join(dice.choice(pieces) for _ in range(dice.randint(1, 5)))


KINDS: dict[str, tuple[ValueType, tuple[Maker, ...]]] = {
    "date": (Date(), (day, day, moment)),
    "date_month": (Date(precision="month"), (day,)),
    "date_dmy": (Date(order="dmy"), (day,)),
    "date_excel": (Date(serial="excel", order="mdy"), (day, lambda dice: digits(dice, 6))),
    "date_open": (Date(end="open"), (day,)),
    "moment": (Moment(), (moment, moment, moment, plain_moment)),
    "moment_ms": (Moment(epoch="ms", order="dmy"), (moment, lambda d: f"1{digits(d, 12):0<12}")),
    "moment_s": (Moment(epoch="s"), (moment, lambda d: f"1{digits(d, 9):0<9}")),
    "money": (Money(), (money,)),
    "money_wan": (Money(unit="wan", sign="any"), (money,)),
    "money_usd": (Money(currency="USD"), (money,)),
    "count": (Count(), (number, lambda dice: digits(dice, 4))),
    "number": (Number(), (number,)),
    "number_0": (Number(scale=0), (number,)),
    "person_name": (PersonName(), (person,)),
    "enterprise_name": (EnterpriseName(), (enterprise,)),
    "address": (Address(), (address,)),
    "longitude": (Coordinate("longitude"), (angle,)),
    "latitude": (Coordinate("latitude"), (angle,)),
    "text": (Text(), (text,)),
    "text_5": (Text(max_length=5), (text,)),
}


def damaged(dice: random.Random, value: str) -> str:
    """Return ``value`` with a few of the things that happen to it on its way."""
    for _ in range(dice.choice([0, 0, 0, 1, 1, 2])):
        at = dice.randrange(len(value) + 1)
        what = dice.choice(["insert", "drop", "replace", "full", "pad", "swap"])
        if what == "insert":
            value = value[:at] + dice.choice(NASTY) + value[at:]
        elif what == "drop":
            value = value[:at] + value[at + 1 :]
        elif what == "replace":
            value = value[:at] + dice.choice("0123456789" + NASTY) + value[at + 1 :]
        elif what == "full":
            value = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in value)
        elif what == "pad":
            value = dice.choice(NASTY[:8]) + value + dice.choice(NASTY[:8])
        else:
            value = value[: at - 1] + value[at - 1 : at + 1][::-1] + value[at + 1 :]
    return value


def drawn_texts(count: int) -> list[str]:
    """Return texts that hypothesis finds nasty; without NUL, which SQL text cannot name."""
    found: list[str] = []
    anything = st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=24
    )
    likely = st.text("0123456789-/.:年月日 T+Z万亿元十百千°′″,()", max_size=14)

    @seed(0)
    @settings(max_examples=count, database=None, suppress_health_check=list(HealthCheck))
    @given(anything | likely)
    def collect(value: str) -> None:
        found.append(value)

    collect()
    return found


TEXTS = drawn_texts(150)


def values_of(name: str, count: int = 600) -> list[str | None]:
    """Return hand-written, valid, damaged and arbitrary values for one kind."""
    dice = random.Random(name)
    makers = KINDS[name][1]
    made = [damaged(dice, dice.choice(makers)(dice)) for _ in range(count)]
    return [None, *ALWAYS, *TEXTS, *(raw for cases in CASES.values() for raw, *_ in cases), *made]


def test_sql_reads_what_python_reads(engine: Engine):
    fields = {name: (kind, values_of(name)) for name, (kind, _) in KINDS.items()}

    read = read_side_by_side(engine, fields)

    wrong = [
        (name, raw, python, sql)
        for name, (kind, raws) in fields.items()
        for raw, python, sql in zip(raws, read_by_python(kind, raws), read[name], strict=True)
        if python != sql
    ]
    assert wrong[:9] == []


def test_sql_reads_every_registered_capital_as_python_does(engine: Engine, real_data: Path):
    spellings: set[str] = set()
    for path in (real_data / "companies").glob("*_pseudonymised.csv"):
        with path.open(encoding="utf-8-sig", newline="") as lines:
            spellings |= {row["注册资金"] for row in csv.DictReader(lines)}

    assert len(spellings) == 2_926
    assert differences(engine, Money(), sorted(spellings)) == []


FAMILIES = {
    "date": ("date", "date_month", "date_dmy", "date_excel", "date_open"),
    "moment": ("moment", "moment_ms", "moment_s"),
    "money": ("money", "money_wan"),
    "count": ("count",),
    "number": ("number",),
    "person_name": ("person_name",),
    "enterprise_name": ("enterprise_name",),
    "address": ("address",),
    "coordinate": ("longitude", "latitude"),
    "text": ("text", "text_5"),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_values_give_every_reason(family: str):
    given = {
        KINDS[name][0].read(value or "").reason
        for name in FAMILIES[family]
        for value in values_of(name)
    }

    assert set(KINDS[FAMILIES[family][0]][0].reasons) == given - {None}


@pytest.mark.parametrize("name", KINDS)
def test_an_invalid_value_has_no_canonical_form_and_others_have_one(name: str):
    kind = KINDS[name][0]
    readings = [kind.read(value or "") for value in values_of(name)]

    valued = [r for r in readings if r.reason not in (None, "zero_date")]
    assert all((r.canonical is None) == (r.verdict is Verdict.INVALID) for r in valued)
    assert all(r.verdict == kind.reasons[r.reason].verdict for r in readings if r.reason)


@pytest.mark.parametrize("name", sorted(set(KINDS) - {"money_wan"}))  # reads 万元, keeps 元
def test_a_canonical_value_is_read_as_itself_and_needs_no_correction(name: str):
    kind = KINDS[name][0]
    canonicals = {r.canonical for v in values_of(name) if (r := kind.read(v or "")).canonical}

    assert len(canonicals) > 20
    again = {c: kind.read(c) for c in canonicals}
    assert {c: r.canonical for c, r in again.items()} == {c: c for c in canonicals}
    assert all(r.verdict in (Verdict.OK, Verdict.WARNING) for r in again.values())


MASKED = {
    "date": [("1988-07-01", "1988-**-**")],
    "moment": [("1988-07-01 08:05:09.5", "1988-**-** **:**:**")],
    "money": [
        ("0.50", "1万元以下"),
        ("9999.99", "1万元以下"),
        ("10000.00", "1万–10万元"),
        ("99999999.99", "1000万–1亿元"),
        ("100000000.00", "1亿元以上"),
        ("-1.00", "负数"),
    ],
    "count": [("12", "***")],
    "number": [("0.500000", "***")],
    "person_name": [("张伟", "张*"), ("张", "张*"), ("欧阳娜娜", "欧***"), ("𬭸三", "𬭸*")],
    "enterprise_name": [("宁波泰康有限公司", "宁波****有限公司"), ("泰康公司", "泰康****")],
    "address": [
        ("浙江省宁波市鄞州区首南街道泰康中路123号", "浙江省宁波市鄞州区****"),
        ("浙江省余姚市东南街道白山头村", "浙江省余姚市****"),
        ("宁波市奉化区岳林街道", "宁波市奉化区****"),
        ("望都县贾村", "望都县****"),
        ("幸福小区3幢", "****"),
        ("内蒙古自治区锡林郭勒盟正蓝旗上都镇", "内蒙古自治区锡林郭勒盟正蓝旗****"),
    ],
    "longitude": [("121.5568056", "121.55*****"), ("-0.5000000", "-0.50*****")],
    "text": [("人人", "***")],
}


def test_masks_show_what_custom_shows_and_nothing_of_nothing(engine: Engine):
    shown = {
        name: masked_by_sql(engine, KINDS[name][0], [*(c for c, _ in pairs), None])
        for name, pairs in MASKED.items()
    }

    assert shown == {name: [*(m for _, m in pairs), None] for name, pairs in MASKED.items()}
