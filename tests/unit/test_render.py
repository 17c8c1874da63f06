"""On a screen ids stay whole, long texts fold, codes have names, whatever the width."""

from __future__ import annotations

import io
from datetime import date

import pytest
from rich.console import Console

from chengshu.main import render
from chengshu.standards.registry import value_type

SCOPE = "经营范围" * 20
LINES = [("scope", SCOPE, "office/street"), ("city", "宁波市", "office/street")]


@pytest.mark.parametrize(
    ("width", "folds", "heads", "whole"),
    [
        (200, None, 1, True),
        (60, "value", 1, False),  # the long value is broken into lines
        (60, None, 2, True),  # record by record
        (30, "value", 2, True),  # too narrow even so
    ],
)
def test_a_table_fits_the_screen(
    width: int, folds: str | None, heads: int, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.StringIO()
    monkeypatch.setattr(render, "OUT", Console(file=out, width=width, highlight=False))

    render.show_table("t", ["attribute", "value", "source"], LINES, folds)

    said = out.getvalue()
    assert said.count("attribute") == heads
    assert said.count("office/street") == 2
    assert (SCOPE in said) is whole
    assert SCOPE in "".join(said.split()) or folds


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        ("uscc", "91330205YYYY35098X", "91330205YYYY35098X"),
        ("date", date(2016, 7, 9), "2016年7月9日"),
        ("division", "330203", "浙江省宁波市海曙区"),
        ("text", "-", "-"),
    ],
)
def test_a_value_is_read_by_its_type(kind: str, value: object, read: str) -> None:
    assert render.caption_of(value_type(kind), value) == read
