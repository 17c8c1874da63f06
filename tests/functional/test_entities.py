"""Entities of the base store on the command line: shown, explained by their sources, linked."""

from __future__ import annotations

import pytest

from tests.support.home import CITY, PLACE, TestHome, make_test_home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> TestHome:
    """A home with an entity, after its first run."""
    home = make_test_home(tmp_path_factory.mktemp("entities") / "home", CITY | PLACE)
    home.deliver_all()
    home.run()
    return home


def test_a_run_tells_what_it_merged(home: TestHome):
    lines = home.run()

    assert [x for x in lines if "touched" in x] == [
        {"resource": "base/place", "touched": 0, "changed": 0}
    ]


def test_an_entity_is_shown_with_where_each_value_came_from(home: TestHome):
    lines = home.call("show", "place", "a", "--json").lines

    by_name = {x["attribute"]: x for x in lines if x["about"] == "attribute"}
    assert (by_name["place_name"]["value"], by_name["place_name"]["resource"]) == (
        "甲大街", "office/street",
    )  # fmt: skip
    assert (by_name["place_name"]["batch"], by_name["place_name"]["row"]) == (2, 2)
    assert by_name["last_resident"]["value"] == "王**"
    assert [x["number"] for x in lines if x["about"] == "residents"] == ["1"]
    assert [x["changed"] for x in lines if x["about"] == "history"][-1] == "first known"


def test_an_entity_is_read_on_a_screen(home: TestHome):
    out = home.call("show", "place", "a").out

    assert out.count("office/street") == 1
    assert ("who says so" in out, "编号" in out, "王**" in out) == (True, True, True)


def test_an_entity_as_it_was(home: TestHome):
    lines = home.call("show", "place", "a", "--as-of", "2026-01-15", "--json").lines

    assert [x["value"] for x in lines if x.get("attribute") == "place_name"] == ["甲街"]
    assert home.call("show", "place", "a", "--known", "2020-01-01").code == 1


def test_an_entity_in_the_clear_is_on_record(home: TestHome):
    assert home.call("show", "place", "a", "--unmasked").code == 1
    done = home.call("show", "place", "a", "--unmasked", "--reason", "test of it", "--json")

    assert "王小明" in done.out
    assert "base/place record" in home.call("usage", "--record", "a").out


def test_status_counts_entities(home: TestHome):
    lines = home.call("status", "--json").lines

    (counts,) = [x for x in lines if x["about"] == "entity"]
    assert (counts["entity"], counts["entities"], counts["waiting"]) == ("base/place", 3, 1)


def test_who_answers_for_what(home: TestHome):
    done = home.call("show", "place")

    assert done.code == 0
    assert "办公室" in done.out
    assert "条例" in done.out
    assert {x["about"] for x in home.call("show", "place", "--json").lines} == {
        "count", "authority",
    }  # fmt: skip


def test_keys_are_linked_and_parted(home: TestHome):
    assert home.call("link", "place", "d", "b").code == 1
    done = home.call("link", "place", "d", "b", "--reason", "one street", "--json")
    assert done.lines == [{"resource": "base/place", "touched": 2, "changed": 1}]
    assert "乙街" in home.call("show", "place", "d").out
    back = home.call("link", "place", "b", "d", "--reason", "and back")
    assert (back.code, "leads back" in back.text) == (1, True)

    home.call("link", "place", "d", "--undo", "--reason", "no, two")

    assert "丁街" in home.call("show", "place", "d").out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["show", "place", "nowhere"], "no such entity"),
        (["show", "place", "a", "--as-of", "soon"], "not an ISO date"),
        (["show", "place", "a", "--store", "landing"], "does not go with it"),
        (["show", "office/street", "a"], "does not go with it"),
        (["link", "plaice", "a", "b", "--reason", "why not"], "plaice"),
    ],
)
def test_what_cannot_be_shown_is_told(home: TestHome, args: list[str], said: str):
    done = home.call(*args)

    assert done.code in (1, 2)
    assert said in done.text
