"""The declaration of an entity is read strictly, and held against its resources."""

from __future__ import annotations

from pathlib import Path

import pytest

from chengshu.catalog import load_pack
from chengshu.catalog.lint import lint_pack
from tests.support.home import CITY, PLACE, write

FILE = "base/place.yaml"


def lint(root: Path, old: str = "", new: str = "") -> list[str]:
    assert old in PLACE[FILE]
    for path, text in (CITY | {FILE: PLACE[FILE].replace(old, new, 1)}).items():
        write(root / path, text)
    return [str(problem) for problem in lint_pack(load_pack(root), [])]


def test_a_sound_entity_has_no_problems(tmp_path: Path):
    assert lint(tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("office/street, key", "office/lane, key", ":5: unknown resource 'office/lane'"),
        ("source: street.name", "source: street.nam", ":10: office/street has no field 'nam'"),
        ("street.name,", "street.name, also: [street.opened],", ":10: 'place_name' cannot be"),
        ("newest: changed", "newest: person", ":6: newest: 'person' is kept as VARCHAR, no date"),
        ("key: code}", "key: opened}", ":5: its key 'opened' is kept as DATE, not a text"),
        ("key: code}", "key: code, only: codes = '1'}", ":5: only: unknown field"),
        ("key: code}", "key: code, only: code}", ":5: only: is a value"),
        ("type: text}", "type: date}", ":3: a key is a text, and date is kept as DATE"),
        ("label: 编码, type: text", "element: code", ":3: field 'place_code' has unknown element"),
        ("source: street.opened", "source: lane.opened", "unknown source: lane"),
        ("name: opened", "name: place_name", "two attributes share the name: place_name"),
        ("basis: 条例}", "basis: ' '}", "is blank"),
        ("key: street,", "", "give either key or roles"),
        ("entity: place", "entity: plaice", "is not the file name"),
        ("label: 地方\nkey", "labl: x\nkey", ":2: labl: not a known key"),
    ],
)
def test_a_mistake_names_its_line(tmp_path: Path, old: str, new: str, said: str):
    problems = lint(tmp_path, old, new)

    assert len(problems) == 1
    assert problems[0].startswith(FILE)
    assert said in problems[0]
