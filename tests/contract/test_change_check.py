"""Change check on every engine: what deliveries, in any order, make of a record."""

from __future__ import annotations

import pytest

from chengshu.catalog import Resource
from chengshu.engine.port import Engine
from chengshu.libraries import stores
from tests.support.city import TestCity, counts

KEYED = """\
key: [code]
fields:
  - {name: code, label: 编码, type: text}
  - {name: name, label: 名称, type: text}
  - {name: born, label: 日期, type: date}
"""
A, B, C = ({"code": "1", "name": name, "born": "2020-01-01"} for name in ("A", "B", "C"))
OTHER = {"code": "2", "name": "other", "born": None}
BAD = {"code": "1", "name": "bad", "born": None, "_problem": "ragged_short"}


@pytest.fixture
def city(engine: Engine) -> TestCity:
    return TestCity(engine)


@pytest.fixture
def keyed(city: TestCity) -> Resource:
    return city.declare("keyed", KEYED)


def test_a_then_b_then_a_is_three_versions(city: TestCity, keyed: Resource):
    outcomes = [counts(city.deliver(keyed, [row])) for row in (A, B, A)]

    assert outcomes == [(1, 0, 0, 0)] * 3
    assert city.current(keyed, "code", "name") == [("1", "A")]
    assert city.history(keyed, "name") == [("A", 1, 2), ("B", 2, 3)]


def test_a_record_deleted_and_inserted_again_has_a_gap(city: TestCity, keyed: Resource):
    outcomes = [counts(city.deliver(keyed, rows)) for rows in ([A, OTHER], [OTHER], [A, OTHER])]

    assert outcomes == [(2, 0, 0, 0), (0, 1, 0, 0), (1, 1, 0, 0)]
    assert city.history(keyed, "name") == [("A", 1, 2)]
    assert len(city.current(keyed, "code")) == 2


@pytest.mark.parametrize("order", [(1, 3, 2), (3, 1, 2), (3, 2, 1)])
def test_late_and_out_of_order_batches_land_in_their_place(
    city: TestCity, keyed: Resource, order: tuple[int, ...]
):
    days = {1: [A, OTHER], 2: [B], 3: [A, OTHER]}

    for day in order:
        city.deliver(keyed, days[day], day=day)

    assert city.current(keyed, "code", "name") == [("1", "A"), ("2", "other")]
    assert city.history(keyed, "name") == [("A", 1, 2), ("other", 1, 2), ("B", 2, 3)]
    assert all(balance.is_closed for balance in city.balances(keyed))


def test_a_batch_replayed_under_its_key_lands_once(city: TestCity, keyed: Resource):
    city.deliver(keyed, [A, OTHER], key="x")
    city.deliver(keyed, [A, OTHER], key="x")

    assert [counts(b) for b in city.balances(keyed)] == [(2, 0, 0, 0)]


def test_a_batch_that_lands_before_the_one_before_it_is_refined_counts(
    city: TestCity, keyed: Resource
):
    city.deliver(keyed, [A, OTHER])
    city.land(keyed, [B, OTHER])
    city.land(keyed, [A, OTHER])

    city.refine(keyed)

    assert city.current(keyed, "code", "name") == [("1", "A"), ("2", "other")]
    assert city.history(keyed, "name") == [("A", 1, 2), ("B", 2, 3)]
    assert [counts(b) for b in city.balances(keyed)] == [(2, 0, 0, 0), (1, 1, 0, 0), (1, 1, 0, 0)]


def test_a_batch_replayed_as_a_new_one_changes_nothing(city: TestCity, keyed: Resource):
    bad = {**BAD, "code": "3"}
    city.deliver(keyed, [A, bad, OTHER])
    before = city.rows(stores.current(keyed))

    assert counts(city.deliver(keyed, [A, bad, OTHER])) == (0, 2, 0, 1)
    assert city.rows(stores.current(keyed)) == before
    assert len(city.rows(stores.landing(keyed))) == 3
    assert city.history(keyed, "name") == []


def test_a_partial_batch_does_not_retire_absent_keys(city: TestCity, keyed: Resource):
    city.deliver(keyed, [A, OTHER])
    city.deliver(keyed, [B], mode="incremental")

    assert city.current(keyed, "code", "name") == [("1", "B"), ("2", "other")]


def test_null_and_empty_are_one_value_and_two_rows(city: TestCity, keyed: Resource):
    city.deliver(keyed, [{**A, "born": None}])

    assert counts(city.deliver(keyed, [{**A, "born": ""}])) == (0, 1, 0, 0)
    assert counts(city.deliver(keyed, [{**A, "born": " "}])) == (0, 1, 0, 0)
    assert city.rows(stores.landing(keyed), "born", "_batch") == [(None,), ("",), (" ",)]
    # The second spelling is known by now: it is neither landed nor judged again.
    assert counts(city.deliver(keyed, [{**A, "born": " "}])) == (0, 1, 0, 0)
    assert len(city.rows(stores.landing(keyed))) == 3


def test_rows_that_differ_in_where_a_value_ends_are_different_rows(city: TestCity):
    resource = city.declare("two", KEYED.replace("key: [code]", "identity: content"))
    rows = [("x", "y\x1e\x1fz"), ("x\x1e\x1fy", "z"), ("\x1e", "w"), (None, "w"), ("", "w")]
    rows += [("\x1e\x1f", ""), ("", "\x1e\x1f"), ("\x1e", None), (None, "\x1e"), (None, None)]

    city.deliver(resource, [{"code": code, "name": name} for code, name in rows])

    digests = city.rows(stores.landing(resource), "_digest")
    assert len(set(digests)) == len(rows)


def test_two_changes_of_one_key_in_one_batch_are_two_versions(city: TestCity, keyed: Resource):
    city.deliver(keyed, [A])

    assert counts(city.deliver(keyed, [B, B, C, A], mode="incremental")) == (3, 0, 1, 0)
    assert city.current(keyed, "name") == [("A",)]
    assert city.history(keyed, "name") == [("A", 1, 2), ("B", 2, 2), ("C", 2, 2)]
    # One delivery contradicting itself is told to its department, once for each thing it said.
    found = city.rows(stores.findings(keyed), "rule, reason, effect, _position", "_position")
    assert found == [("identity", "contradicted", "warn", n) for n in (1, 3, 4)]


def test_a_row_said_again_after_a_change_is_no_repeat(city: TestCity, keyed: Resource):
    city.deliver(keyed, [A])

    assert counts(city.deliver(keyed, [A, B, A])) == (2, 1, 0, 0)
    assert city.current(keyed, "name") == [("A",)]


def test_a_key_that_changes_case_or_width_is_the_same_record(city: TestCity):
    resource = city.declare(
        "firms",
        "key: [uscc]\nfields:\n"
        "  - {name: uscc, label: 代码, type: uscc}\n  - {name: name, label: 名称, type: text}\n",
    )
    spellings = ("91350100M000100Y43", "91350100m000100y43", "９１３５０１００Ｍ０００１００Ｙ４３")

    outcomes = [counts(city.deliver(resource, [{"uscc": text, "name": "x"}])) for text in spellings]

    assert outcomes == [(1, 0, 0, 0), (0, 1, 0, 0), (0, 1, 0, 0)]
    assert city.current(resource, "uscc") == [("91350100M000100Y43",)]


def test_a_blocked_newer_version_leaves_the_last_good_one_awaiting(city: TestCity, keyed: Resource):
    city.deliver(keyed, [A, OTHER])

    assert counts(city.deliver(keyed, [BAD, OTHER])) == (0, 1, 0, 1)
    assert city.current(keyed, "code", "name", "_awaiting") == [
        ("1", "A", 2),
        ("2", "other", None),
    ]
    assert counts(city.deliver(keyed, [BAD, OTHER])) == (0, 1, 0, 1)
    assert city.current(keyed, "code", "_awaiting") == [("1", 2), ("2", None)]
    assert counts(city.deliver(keyed, [A, OTHER])) == (0, 2, 0, 0)
    assert city.current(keyed, "_awaiting") == [(None,), (None,)]


CONTENT = """\
identity: content
fields:
  - {name: serial, label: 序号, type: text, compared: false}
  - {name: kind, label: 种类, type: text}
  - {name: day, label: 日期, type: date}
"""


def content(*kinds: str, serial: int = 0) -> list[dict[str, str | None]]:
    return [
        {"serial": str(serial + at), "kind": kind, "day": "2024-01-01"}
        for at, kind in enumerate(kinds)
    ]


def test_regenerated_serial_ids_with_the_same_content_change_nothing(city: TestCity):
    resource = city.declare("rows", CONTENT)
    city.deliver(resource, content("a", "b", "b", serial=100))

    assert counts(city.deliver(resource, content("b", "a", "b", serial=900))) == (0, 3, 0, 0)
    assert city.current(resource, "kind", "serial") == [("a", "100"), ("b", "101"), ("b", "102")]
    assert city.history(resource, "kind") == []


def test_rows_without_a_key_are_compared_as_a_multiset(city: TestCity):
    resource = city.declare(
        "rows",
        CONTENT.replace("  - {name: serial, label: 序号, type: text, compared: false}\n", ""),
    )
    deliveries = [content("a", "b", "b"), content("b", "a"), content("b", "b", "b"), content("b")]

    outcomes = [counts(city.deliver(resource, rows)) for rows in deliveries]

    assert outcomes == [(3, 0, 0, 0), (0, 2, 0, 0), (2, 1, 0, 0), (0, 1, 0, 0)]
    assert city.current(resource, "kind") == [("b",)]
    assert sorted(city.history(resource, "kind")) == [
        ("a", 1, 3), ("b", 1, 2), ("b", 3, 4), ("b", 3, 4),
    ]  # fmt: skip


def test_a_stream_keeps_equal_rows_of_different_batches_apart(city: TestCity):
    resource = city.declare(
        "stream", "identity: none\nfields:\n  - {name: kind, label: 种类, type: text}\n"
    )
    row = {"kind": "beep"}

    assert counts(city.deliver(resource, [row, row], mode="incremental")) == (2, 0, 0, 0)
    assert counts(city.deliver(resource, [row], mode="incremental")) == (1, 0, 0, 0)
    assert len(city.current(resource, "kind")) == 3


def test_a_column_added_widened_and_removed(city: TestCity):
    city.declare("keyed", KEYED)
    city.deliver(city.resources["office/keyed"], [A, OTHER])

    added = city.declare("keyed", KEYED + "  - {name: size, label: 大小, type: count}\n")
    assert counts(city.deliver(added, [{**A, "size": None}, {**OTHER, "size": "7"}])) == (
        1, 1, 0, 0,
    )  # fmt: skip
    assert city.current(added, "code", "size") == [("1", None), ("2", 7)]

    widened = city.declare("keyed", KEYED + "  - {name: size, label: 大小, type: money}\n")
    assert counts(city.deliver(widened, [{**A, "size": "1.50"}, {**OTHER, "size": "7"}])) == (
        1, 1, 0, 0,
    )  # fmt: skip
    assert [(c, str(s)) for c, s in city.current(widened, "code", "size")] == [
        ("1", "1.50"), ("2", "7.00"),
    ]  # fmt: skip

    removed = city.declare("keyed", KEYED)
    assert counts(city.deliver(removed, [A, OTHER])) == (0, 2, 0, 0)
    assert city.current(removed, "code", "name") == [("1", "A"), ("2", "other")]
    assert all(balance.is_closed for balance in city.balances(removed))
