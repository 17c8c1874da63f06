"""The code sets that ship with the platform, against facts anybody can look up."""

from __future__ import annotations

import csv
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from chengshu.kernel.errors import NotFoundError
from chengshu.standards.codes import (
    Code,
    CodeSet,
    Source,
    describe_sources,
    division_rows,
    list_code_sets,
    load_code_set,
    load_divisions,
    rows_of,
)
from tools.derive_codes import SHARED, derive

DATA = Path(str(files("chengshu.standards.codes") / "data"))

# A section and its only division share a name in the standard itself.
SHARED_NAMES = {"gb4754": {"房地产业", "教育", "国际组织"}}

# County codes of the statistics bureau (2023) that are no current division, function zones aside.
NBS_EXCEPTIONS = {
    "232761": "managed by 大兴安岭地区, no division",
    "232762": "managed by 大兴安岭地区, no division",
    "232763": "managed by 大兴安岭地区, no division",
    "232764": "managed by 大兴安岭地区, no division",
    "460321": "西沙群岛 is 460302 in GB/T 2260",
    "460322": "南沙群岛 is 460303 in GB/T 2260",
    "460323": "中沙群岛 belongs to 460302",
    "500105": "江北区, joined into 500157 after 2023",
    "500112": "渝北区, joined into 500157 after 2023",
    "620201": "嘉峪关市 has no counties: a heading",
    "632857": "大柴旦 is an administrative committee",
}

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"{SHARED} is missing: the lists the code sets derive from"
)


@pytest.mark.parametrize(
    ("code", "name", "status", "successors"),
    [
        ("330205", "江北区", "current", ()),
        ("330212", "鄞州区", "current", ()),
        ("330227", "鄞县", "abolished", ("330212",)),
        ("330204", "江东区", "abolished", ("330212",)),
        ("330202", "镇明区", "abolished", ("330203",)),
        ("330283", "奉化市", "abolished", ("330213",)),
        ("332226", "鄞县", "abolished", ("330212",)),
        ("330201", "市辖区", "heading", ("330200",)),
        ("130602", "竞秀区", "current", ()),
        ("130603", "北市区", "abolished", ("130606",)),
        ("130605", "郊区", "abolished", ("130602", "130606")),
        ("130671", "保定高新技术产业开发区", "other", ("130600",)),
        ("132433", "安新县", "abolished", ("130632",)),
        ("133100", "雄安新区", "other", ("130629", "130632", "130638")),
        ("110103", "崇文区", "abolished", ("110101",)),
        ("110100", "市辖区", "heading", ("110000",)),
        ("310108", "闸北区", "abolished", ("310106",)),
        ("320212", "马山区", "abolished", ("320211",)),
        ("321028", "泰县", "abolished", ("321204",)),
        ("371200", "莱芜市", "abolished", ("370116", "370117")),
        ("420321", "郧县", "abolished", ("420304",)),
        ("420106", "武昌区", "current", ()),
        ("429000", "省直辖县级行政区划", "heading", ("420000",)),
        ("442129", "儋县", "abolished", ("460400",)),
        ("510200", "重庆市", "abolished", ("500000",)),
        ("510202", "市中区", "abolished", ("500103",)),
        ("710000", "台湾省", "current", ()),
        ("830000", "台湾居民居住证", "other", ("710000",)),
    ],
)
def test_division_has_its_status_and_successors(
    code: str, name: str, status: str, successors: tuple[str, ...]
) -> None:
    division = load_divisions()[code]

    assert (division.name, division.status, division.successors) == (name, status, successors)


def test_renamed_division_keeps_its_former_name() -> None:
    assert load_divisions()["130602"].former_names == ("新市区",)


def test_full_name_goes_down_from_the_province() -> None:
    divisions = load_divisions()

    assert divisions["330205"].full_name == "浙江省宁波市江北区"
    assert divisions["110105"].full_name == "北京市朝阳区"
    assert divisions["429004"].full_name == "湖北省仙桃市"
    assert divisions["332226"].full_name == "浙江省宁波地区鄞县"


def test_years_are_those_of_the_snapshots() -> None:
    divisions = load_divisions()

    assert (divisions["330204"].valid_from, divisions["330204"].valid_to) == (1980, 2016)
    assert (divisions["330212"].valid_from, divisions["330212"].valid_to) == (2002, None)


def test_successors_are_current_and_current_codes_have_no_end() -> None:
    divisions = load_divisions()

    for division in divisions.values():
        assert all(divisions[code].is_current for code in division.successors), division.code
        if division.is_current:
            assert (division.valid_to, division.successors) == (None, ()), division.code


def test_codes_without_any_successor_are_named_here() -> None:
    lost = [d.code for d in load_divisions().values() if not d.is_current and not d.successors]

    assert " ".join(lost) == "350619 350909 412411 412933 423022 430504 610106 652403 660000"


def test_divisions_are_complete_and_consistent() -> None:
    divisions = load_divisions()
    current = [d for d in divisions.values() if d.is_current]

    levels = Counter(d.level for d in current)

    assert levels["province"] == 34
    assert 333 <= levels["city"] <= 343
    assert 2840 <= levels["county"] <= 2880
    assert {d.status for d in divisions.values()} == {"current", "abolished", "heading", "other"}
    assert not [d for d in divisions if d[:2] in ("71", "81", "82", "83") and d[2:] != "0000"]
    assert [n for n, many in Counter(d.full_name for d in current).items() if many > 1] == []


@needs_shared
def test_county_codes_of_the_statistics_bureau_are_current() -> None:
    divisions = load_divisions()
    with (SHARED / "nbs2023" / "areas.csv").open(encoding="utf-8", newline="") as lines:
        counties = [row["code"] for row in csv.DictReader(lines)]

    odd = {code for code in counties if not divisions[code].is_current}
    zones = {c for c in odd if c[4] == "7" and divisions[c].status == "other"}

    assert len(counties) == 2978
    assert odd - zones == set(NBS_EXCEPTIONS)
    assert 120 <= len(zones) <= 130


@needs_shared
def test_derived_files_are_fresh() -> None:
    stale = [n for n, text in derive(SHARED).items() if (DATA / n).read_text("utf-8") != text]

    assert stale == [], "run: python tools/derive_codes.py"


def test_every_derived_file_is_marked_so() -> None:
    marked = {name for name, source in describe_sources().items() if source.derived}

    assert marked == {"gb2260", "gb3304"}


def test_sources_describe_every_file_and_nothing_else() -> None:
    shipped = tuple(sorted(path.stem for path in DATA.glob("*.csv")))

    assert list_code_sets() == shipped
    for source in describe_sources().values():
        assert all([source.title, source.standard, source.source, source.licence, source.notes])


@pytest.mark.parametrize("name", list_code_sets())
def test_file_is_plain_sorted_and_without_repeats(name: str) -> None:
    raw = (DATA / f"{name}.csv").read_bytes()
    rows = list(csv.DictReader(raw.decode("utf-8").splitlines()))
    codes = [row["code"] for row in rows]

    assert b"\r" not in raw
    assert not raw.startswith(b"\xef\xbb\xbf")
    assert codes == sorted(set(codes))
    assert all(value == value.strip() for row in rows for value in row.values())


@pytest.mark.parametrize("name", [name for name in list_code_sets() if name != "gb2260"])
def test_label_means_one_code_of_its_set(name: str) -> None:
    code_set = load_code_set(name)
    labels = Counter(
        label for code in code_set.codes.values() for label in {code.name, *code.aliases}
    )

    repeated = {label for label, many in labels.items() if many > 1}

    assert repeated == SHARED_NAMES.get(name, set())
    assert not [c for c in code_set.codes.values() if c.code in labels and c.code not in c.aliases]


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("gb2261_1", "男", "1"),
        ("gb2261_1", "女性", "2"),
        ("gb2261_2", "离异", "40"),
        ("gb2261_3", "1", "10"),
        ("gb2261_4", "退休", "80"),
        ("gb2261_4", "退(离)休人员", "80"),
        ("gb2261_4", "退（离）休人员", "80"),
        ("gb2659", "CN", "156"),
        ("gb2659", "USA", "840"),
        ("gb2659", "中国台湾", "158"),
        ("gb2659", "刚果（金）", "180"),
        ("gb2659", "刚果(金)", "180"),
        ("gb3304", "汉", "01"),
        ("gb3304", "基诺族", "56"),
        ("gb4658", "本科", "20"),
        ("gb4658", "博士", "11"),
        ("gb4658", "大学", None),
        ("gb4754", "C13", "13"),
        ("gb4754", "住宿业", "61"),
        ("gb4754", "教育", None),
        ("gb4762", "中共党员", "01"),
        ("gb10114", "街道", "001-099"),
        ("uscc_registrars", "91", "91"),
        ("uscc_registrars", "个体工商户", "92"),
        ("currency", "人民币", "CNY"),
        ("currency", "840", "USD"),
        ("gb2260", "330227", "330227"),
        ("gb2260", "浙江省宁波市江北区", "330205"),
        ("gb2260", "余姚市", "330281"),
        ("gb2260", "江北区", "330205"),
        ("gb2260", "朝阳区", None),
        ("gb2260", "鄞县", None),
        ("gb2261_1", "", None),
    ],
)
def test_text_finds_its_code(name: str, text: str, code: str | None) -> None:
    found = load_code_set(name).find_code(text)

    assert (found.code if found else None) == code


def test_rows_say_the_same_as_find_code() -> None:
    code_set = load_code_set("gb2261_1")

    rows = dict(rows_of(code_set))

    assert {"1", "男", "男性", "M"} <= {text for text, code in rows.items() if code == "1"}
    assert all((found := code_set.find_code(t)) and found.code == c for t, c in rows.items())


def test_division_rows_give_a_successor_only_when_there_is_one() -> None:
    rows = {
        code: (current, successor) for code, current, successor in division_rows(load_divisions())
    }

    assert rows["330205"] == (True, None)
    assert rows["330227"] == (False, "330212")
    assert rows["371200"] == (False, None)
    assert len(rows) == len(load_divisions())


def test_ambiguous_alias_and_retired_name_are_not_found() -> None:
    source = Source("t", "s", "s", "d", "l", "n", derived=False)
    codes = [Code("1", "甲", ("x",)), Code("2", "乙", ("x",)), Code("3", "丙", retired=True)]

    code_set = CodeSet("t", "t", source, {code.code: code for code in codes})

    assert [code_set.find_code(text) for text in ("x", "丙")] == [None, None]
    assert rows_of(code_set) == [("1", "1"), ("2", "2"), ("3", "3"), ("乙", "2"), ("甲", "1")]


def test_unknown_set_names_the_known_ones() -> None:
    with pytest.raises(NotFoundError) as refused:
        load_code_set("gb9999")

    assert refused.value.known == list_code_sets()


def test_sets_have_the_size_their_standard_gives() -> None:
    ethnic = load_code_set("gb3304").codes
    industry = load_code_set("gb4754").codes.values()

    assert set(ethnic) == {f"{n:02}" for n in range(1, 57)} | {"97", "98"}
    assert len({c.attributes["alpha"] for c in ethnic.values()} - {""}) == 56
    assert Counter(c.attributes["level"] for c in industry) == {"section": 20, "division": 97}
    assert len(load_code_set("gb2659").codes) == 249
    assert len(load_code_set("currency").codes) >= 40
    assert tuple(load_code_set("gb4762").codes) == tuple(f"{n:02}" for n in range(1, 14))


def test_memory_of_the_amendment_is_marked_unsure() -> None:
    registrars = load_code_set("uscc_registrars").codes.values()

    sure = {c.attributes["registrar"] for c in registrars if c.attributes["certainty"] == "known"}

    assert sure == {"1", "5", "9", "Y"}
