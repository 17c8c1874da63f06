"""What can be counted of the real data without the platform, by plain Python over the raw files."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from typing import Any

import pytest

from tests.realdata.real_city import AS_OF

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def is_uscc(text: str) -> bool:
    """Return whether both check characters fit, by GB 32100-2015 and GB 11714-1997."""
    code = text.upper()
    if len(code) != 18 or set(code) - set(ALPHABET):
        return False
    total = sum(ALPHABET.index(c) * 3**at for at, c in enumerate(code[:17]))
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    inner = sum(int(c, 36) * w for c, w in zip(code[8:16], weights, strict=True))
    return code[16:] == "0123456789X"[-inner % 11] + ALPHABET[-total % 31]


def is_day(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y-%m-%d")
    except ValueError:
        return False
    return True


def yuan(text: str) -> float | None:
    """Return an amount in 万 renminbi, or in 万 of nothing said, as yuan."""
    found = re.fullmatch(r"([0-9,.]+)(\(万元人民币\)|万人民币元?|\(万元?\)|万元人民币|万)", text)
    return float(found[1].replace(",", "")) * 10_000 if found else None


def month(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall("[0-9]+", text)))


def measure(text: str) -> float | None:
    return None if text.strip() in ("", "NA") else float(text)


REGISTERS = {
    "baoding_market/enterprise_baoding": ("baoding_1978_2004_pseudonymised", "1306", "保定"),
    "ningbo_market/enterprise_ningbo": ("ningbo_1980_2004_pseudonymised", "3302", "宁波"),
}


@pytest.mark.parametrize("name", REGISTERS)
def test_a_register_counted_by_hand(name: str, story: Any, raw: Any) -> None:
    file, prefix, city = REGISTERS[name]
    rows, seen = raw[file], story[name][1]
    codes = [row["统一社会信用代码"].upper() for row in rows]
    capitals = [row["注册资金"] for row in rows]
    amounts = [amount for text in capitals if (amount := yuan(text)) is not None]
    foreign = sum(bool(re.search("美元|港|欧元|日元|法郎", text)) for text in capitals)
    persons = [row["法人代表"] for row in rows if row["法人代表"] != "N/A"]
    counted = {
        ("warn", "capital_not_zero", "registered_capital"): sum(a == 0 for a in amounts),
        ("warn", "capital_not_tiny", "registered_capital"): sum(0 < a < 1000 for a in amounts),
        ("warn", "capital_usual", "registered_capital"): sum(a > 10**10 for a in amounts),
        ("withhold", "money", "registered_capital"): len(rows)
        - len(amounts)
        - capitals.count("N/A"),
        ("withhold", "person_name", "legal_person"): sum(
            bool(re.search("[0-9]", text)) for text in persons
        ),
        ("warn", "code_of_this_city", "uscc"): sum(code[2:6] != prefix for code in codes),
        ("warn", "in_this_city", "city"): sum(row["地区"] not in (city, "N/A") for row in rows),
        ("block", "uscc", "uscc"): sum(not is_uscc(code) for code in codes),
        ("block", "date", "registered_on"): sum(not is_day(row["注册日期"]) for row in rows),
    }

    failed: Counter[tuple[str, str, str]] = Counter()
    for (effect, rule, at, _), n in seen.findings.items():
        failed[effect, rule, at] += n

    assert {key: failed[key] for key in counted} == counted
    assert seen.findings["withhold", "money", "registered_capital", "other_currency"] == foreign
    assert seen.balance.repeated == len(codes) - len(set(codes))
    assert seen.balance.refused == sum(row["所在省份"] not in ("河北", "浙江") for row in rows)


def test_permits_counted_by_hand(story: Any, raw: Any) -> None:
    rows = raw["licences_extracted_from_scope_hebei_zhejiang"]
    findings = story["approval/permit"][1].findings
    holders = [row["统一社会信用代码"] for row in rows]
    until = [row["有效期止"] for row in rows if row["有效期止"]]

    for name, file in (("baoding", REGISTERS), ("ningbo", REGISTERS)):
        stem = next(f for f, _, _ in file.values() if f.startswith(name))
        accepted = {
            row["统一社会信用代码"].upper()
            for row in raw[stem]
            if row["所在省份"] in ("河北", "浙江")
        }
        rule = f"holder_in_{name}"
        assert findings["warn", rule, "", rule] == sum(code not in accepted for code in holders)
    assert findings["withhold", "date", "permit_until", "not_a_date"] == sum(
        not is_day(text) for text in until
    )
    assert all(map(is_uscc, holders))
    assert story["approval/permit"][1].balance.refused == sum(
        not (row["许可证名称"] or row["许可证编号"] or is_day(row["有效期止"])) for row in rows
    )


def test_divisions_counted_by_hand(story: Any, raw: Any) -> None:
    below = "00[1-9]|0[1-9][0-9]|[1-5][0-9]{2}"
    codes = {name: {row["code"] for row in raw[name]} for name in ("cities", "areas", "streets")}

    bad = [row["code"] for row in raw["streets"] if not re.fullmatch(below, row["code"][6:])]

    assert story["statistics/street"][1].balance.refused == len(bad)
    assert {row["cityCode"] for row in raw["areas"]} <= codes["cities"]
    assert {row["areaCode"] for row in raw["streets"]} <= codes["areas"]
    assert all(row["code"].startswith(row["areaCode"]) for row in raw["streets"])


def test_credit_records_counted_by_hand(story: Any, raw: Any) -> None:
    for name, file in (("court/dishonesty", "8breakfaith"), ("court/lawsuit", "7lawsuit")):
        cases = {row["TYPECODE"] for row in raw[file]}
        wholes = {tuple(row.values()) for row in raw[file]}
        assert len(cases) == len(wholes) == story[name][1].balance.accepted
    lawsuits = {tuple(row.values()): int(row["LAWAMOUNT"]) for row in raw["7lawsuit"]}
    found = story["court/lawsuit"][1].findings
    assert found["warn", "amount_real", "amount", "amount_real"] == sum(
        amount <= 1 for amount in lawsuits.values()
    )
    spans = [(month(row["BEGINDATE"]), month(row["EXPIRYDATE"])) for row in raw["10qualification"]]
    lasts = story["approval/qualification"][1].findings["warn", "lasts", "valid_until", "lasts"]
    assert lasts == sum(start == end for start, end in spans)
    assert not any(end and end < start for start, end in spans)


def test_investments_counted_by_hand(story: Any, raw: Any) -> None:
    rows, found = raw["4invest"], story["market/investment"][1].findings
    distinct = [dict(items) for items in {tuple(row.items()) for row in rows}]
    pairs = Counter((row["EID"], row["BTEID"]) for row in distinct)

    counted = {
        "holds_another": sum(row["EID"] == row["BTEID"] for row in distinct),
        "ratio_not_zero": sum(float(row["BTBL"]) == 0 for row in distinct),
        "year_plausible": sum(not 1949 <= int(row["BTYEAR"]) <= AS_OF.year for row in distinct),
        "end_year_plausible": sum(
            bool(row["BTENDYEAR"]) and not 1949 <= int(row["BTENDYEAR"]) <= AS_OF.year
            for row in distinct
        ),
        "pair_said_once": sum(pairs[row["EID"], row["BTEID"]] > 1 for row in distinct),
    }

    by_rule: Counter[str] = Counter()
    for (_, rule, _, _), n in found.items():
        by_rule[rule] += n
    assert {rule: by_rule[rule] for rule in counted} == counted
    assert not any(not 0 <= float(row["BTBL"]) <= 1 for row in rows)


def test_air_quality_counted_by_hand(story: Any, raw: Any) -> None:
    rows = raw["PRSA_Data_Aotizhongxin"]
    found = story["ecology/air_quality"][1].findings
    pairs = [(measure(row["PM2.5"]), measure(row["PM10"])) for row in rows]
    fine = [small for small, _ in pairs if small is not None]

    assert found["warn", "fine_within_coarse", "pm2_5", "fine_within_coarse"] == sum(
        small is not None and coarse is not None and small > coarse for small, coarse in pairs
    )
    assert found["warn", "fine_on_scale", "pm2_5", "fine_on_scale"] == sum(f > 500 for f in fine)
    assert [int(row["No"]) for row in rows] == list(range(1, len(rows) + 1))
