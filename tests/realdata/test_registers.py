"""The real registers and records of the data folder go through the stores as docs/realdata.md says.

The tables of that page are the expectation: what is documented and what happens cannot part. What
can be counted without the platform is counted here again, by plain Python over the raw files.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from chengshu.catalog import Resource
from chengshu.catalog.lint import lint_pack
from chengshu.libraries import stores
from chengshu.libraries.reconcile import Balance
from tests.realdata.real_city import AS_OF, FRONTS, RealCity

PAGE = Path(__file__).parents[2] / "docs" / "realdata.md"
PACKS = {
    "registers": (
        "baoding_market/enterprise_baoding",
        "ningbo_market/enterprise_ningbo",
        "approval/permit",
        "statistics/province",
        "statistics/city",
        "statistics/county",
        "statistics/street",
        "statistics/village_baoding",
        "statistics/village_ningbo",
    ),
    "records": (
        "approval/qualification",
        "court/dishonesty",
        "court/lawsuit",
        "ecology/air_quality",
        "market/investment",
    ),
}
RESOURCES = [name for names in PACKS.values() for name in names]
# Delivered a third time with one row gone and one changed: column that changes, and to what.
CHANGED = {
    "ningbo_market/enterprise_ningbo": ("经营范围", "变更后的经营范围"),
    "court/lawsuit": ("LAWAMOUNT", "123457"),
    "ecology/air_quality": ("O3", "77.7"),
    "market/investment": ("BTBL", "0.4321"),
}
LATER = (datetime(2026, 2, 1), datetime(2026, 3, 1), datetime(2026, 4, 1))


@dataclass
class Seen:
    """What one resource went through: its first delivery, and the stores after each more."""

    balance: Balance
    findings: Counter[tuple[str, str, str, str]]
    landed: list[list[int]] = field(default_factory=list)
    balances: list[Balance] = field(default_factory=list)
    held: list[tuple[int, int, int]] = field(default_factory=list)
    ended: list[dict[str, Any]] = field(default_factory=list)


def table_under(heading: str) -> list[list[str]]:
    """Return the cells of the first table under a heading of the page, without its header."""
    part = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n", 1)[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines[2:]]


def number(text: str) -> int:
    return int(text.replace(",", ""))


@pytest.fixture(scope="module")
def story(
    real_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Resource, Seen]]:
    """Run both packs once, and tell what each resource went through."""
    told: dict[str, tuple[Resource, Seen]] = {}
    for pack in PACKS:
        city = RealCity(tmp_path_factory.mktemp(pack), pack, real_data)
        try:
            assert lint_pack(city.pack, [city.engine]) == []
            told |= {resource.id: (resource, first(city, resource)) for resource in city.order()}
            for resource in city.order():
                repeat(city, resource, told[resource.id][1])
        finally:
            city.close()
    return told


def first(city: RealCity, resource: Resource) -> Seen:
    city.run(resource)
    (balance,) = city.balances(resource)
    return Seen(balance, city.findings(resource), held=[held(city, resource)])


def repeat(city: RealCity, resource: Resource, seen: Seen) -> None:
    """Deliver the same file again, the same rows in another file, and a changed one."""
    (path,) = city.front(resource).glob(Path(str(getattr(resource.source, "path", ""))).name)
    again = path.with_name(f"{path.stem}_again{path.suffix}")
    seen.landed.append(city.run(resource, LATER[0]))
    seen.held.append(held(city, resource))
    # A blank line at the end makes other bytes of the same rows.
    again.write_bytes(path.read_bytes() + b"\n")
    seen.landed.append(city.run(resource, LATER[1]))
    seen.held.append(held(city, resource))
    if resource.id in CHANGED:
        change(path, path.with_name(f"{path.stem}_changed{path.suffix}"), *CHANGED[resource.id])
        seen.landed.append(city.run(resource, LATER[2]))
        seen.held.append(held(city, resource))
        names = ", ".join(f'"{f.name}"' for f in resource.fields)
        seen.ended = city.rows(stores.history(resource), names)
    seen.balances = city.balances(resource)


def held(city: RealCity, resource: Resource) -> tuple[int, int, int]:
    """Return how many records, ended versions and refused rows the stores hold."""
    tables = (stores.current(resource), stores.history(resource), stores.refused(resource))
    return tuple(city.rows(table, "COUNT(*) AS n")[0]["n"] for table in tables)  # type: ignore[return-value]


def change(path: Path, to: Path, column: str, value: str) -> None:
    """Write the file without its second-last row, and with another value in its last."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    rows[-1][header.index(column)] = value
    del rows[-2]
    with to.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


@pytest.fixture(scope="module")
def raw(real_data: Path) -> dict[str, list[dict[str, str]]]:
    """Return every file's rows by its name, as Python's csv reads them."""
    found = {}
    for name in (name for names in FRONTS.values() for name in names):
        encoding = "gbk" if "10qualification" in name else "utf-8-sig"
        with (real_data / name).open(encoding=encoding, newline="") as file:
            found[Path(name).stem] = list(csv.DictReader(file))
    return found


def file_of(resource: Resource, names: Iterator[str] | list[str]) -> str:
    pattern = Path(str(getattr(resource.source, "path", ""))).name
    return next(name for name in names if Path(f"{name}.csv").match(pattern))


@pytest.mark.parametrize("name", RESOURCES)
def test_every_row_is_accounted_for(name: str, story: Any, raw: Any) -> None:
    resource, seen = story[name]

    rows = raw[file_of(resource, list(raw))]

    assert all(balance.is_closed for balance in [seen.balance, *seen.balances])
    assert seen.balance.pulled == len(rows)


def test_the_outcome_is_the_documented_one(story: Any) -> None:
    documented = {row[0]: [number(cell) for cell in row[1:5]] for row in table_under("Outcome")}

    happened = {
        name: [b.pulled, b.accepted, b.repeated, b.refused]
        for name, b in ((name, seen.balance) for name, (_, seen) in story.items())
    }

    assert happened == documented
    assert {seen.balance.lost for _, seen in story.values()} == {0}


def test_the_findings_are_the_documented_ones(story: Any) -> None:
    documented = {
        (row[0], row[1], row[2], row[3].replace("–", ""), row[4]): number(row[5])
        for row in table_under("Findings")
    }

    happened = {
        (name, *finding): rows
        for name, (_, seen) in story.items()
        for finding, rows in seen.findings.items()
    }

    assert happened == documented


@pytest.mark.parametrize("name", RESOURCES)
def test_a_second_delivery_changes_nothing(name: str, story: Any) -> None:
    seen = story[name][1]

    assert seen.landed[0] == []
    assert seen.landed[1] == [2]
    assert seen.held[0] == seen.held[1] == seen.held[2]
    assert (seen.balances[1].accepted, seen.balances[1].refused) == (0, seen.balance.refused)


@pytest.mark.parametrize("name", CHANGED)
def test_a_changed_delivery_changes_those_rows_alone(name: str, story: Any, raw: Any) -> None:
    resource, seen = story[name]
    gone, changed = raw[file_of(resource, list(raw))][-2:]
    records, ended, refused = seen.held[2]

    assert seen.held[3] == (records - 1, ended + 2, refused)
    assert (seen.balances[2].accepted, seen.balances[2].refused) == (1, refused)
    by_column = {f.name: f.column or f.label for f in resource.fields}
    ids = {"uscc": "统一社会信用代码"} | by_column
    key = resource.key or ("company_id", "held_id")
    assert {tuple(str(row[k]) for k in key) for row in seen.ended} == {
        tuple(row[str(ids[k])] for k in key) for row in (gone, changed)
    }


# What can be known of the raw files without the platform.


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
