"""How values are written: every type has words, and an example that it reads itself."""

from __future__ import annotations

import pytest

from chengshu.exchange.fillin.forms import FORMS, choices, form_of
from chengshu.standards.codes import load_code_set
from chengshu.standards.model import Verdict
from chengshu.standards.registry import list_parameters, list_value_types, value_type
from chengshu.standards.types.coded import Coded

PLAIN = [name for name in list_value_types() if not any(list_parameters(name).values())]


def test_every_type_has_a_form():
    assert sorted(FORMS) == list(list_value_types())


@pytest.mark.parametrize("name", PLAIN)
def test_an_example_is_read_without_complaint(name: str):
    kind = value_type(name)

    form = form_of(name, kind)

    assert kind.read(form.example).verdict in (Verdict.OK, Verdict.CORRECTED)


@pytest.mark.parametrize("codes", ["gb2261_1", "gb2261_3", "gb2659", "gb3304", "gb4658", "gb4754"])
def test_whatever_is_chosen_means_its_code(codes: str):
    kind = Coded(load_code_set(codes))

    chosen = choices(kind)

    current = [code.code for code in kind.codes.codes.values() if not code.retired]
    assert [kind.read(text).canonical for text in chosen] == current


def test_an_example_that_the_parameters_rule_out_is_left_out():
    assert form_of("text", value_type("text", max_length="1")).example == ""
