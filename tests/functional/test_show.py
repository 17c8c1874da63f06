"""The command `show`: masked by grade, in the clear only on record."""

from __future__ import annotations

import hashlib
import os
import pwd
import re
from datetime import datetime
from pathlib import Path

import pytest

from chengshu.security.usage import list_uses
from tests.support.home import RESIDENT, STREET, TestHome, make_test_home


def uses(home: TestHome) -> list[dict[str, object]]:
    state = home.home.open_state()
    try:
        return list_uses(state)
    finally:
        state.close()


def test_show_masks_by_grade(home: TestHome):
    done = home.call("show", "resident", "--json")

    assert done.code == 0
    assert [(row["number"], row["person"]) for row in done.lines] == [
        ("1", "王**"), ("2", "李**"), ("5", "周**"),
    ]  # fmt: skip
    assert "王小明" not in home.call("show", RESIDENT, "--record", "1").text


def test_refused_rows_of_a_graded_resource_are_hidden_whole(home: TestHome):
    rows = home.call("show", RESIDENT, "--store", "management", "--json").lines

    assert [row["_why"] for row in rows] == ["street_known", "person required missing"]
    assert {row["person"] for row in rows} == {"＊＊＊", None}
    assert "赵小刚" not in str(rows)


@pytest.mark.parametrize("reason", [[], ["--reason", "  x "]])
def test_without_a_reason_nothing_is_shown_in_the_clear(home: TestHome, reason: list[str]):
    before = uses(home)

    done = home.call("show", RESIDENT, "--unmasked", *reason)

    assert (done.code, done.out) == (1, "")
    assert "needs a reason" in done.err
    assert uses(home) == before


LOOKS: dict[str, tuple[list[str], str]] = {
    "rows": ([], "department, first 20 rows"),
    "batch": (["--store", "landing", "--batch", "1", "--limit", "3"],
              "landing batch 1, first 3 rows"),
    "record": (["--record", "1"], "record [0-9a-f]{64}"),
}  # fmt: skip


@pytest.mark.parametrize("case", LOOKS)
def test_a_look_in_the_clear_is_recorded_whatever_the_environment_says(
    home: TestHome, case: str, monkeypatch: pytest.MonkeyPatch
):
    args, what = LOOKS[case]
    for name in ("LOGNAME", "USER"):
        monkeypatch.setenv(name, "mayor")

    done = home.call("show", RESIDENT, *args, "--unmasked", "--reason", "case 17", "--json")

    assert "王小明" in [row["person"] for row in done.lines]
    use = home.call("usage", "--json").lines[-1]
    assert re.fullmatch(f"{RESIDENT} {what}", use["what"])
    assert (use["person"], use["reason"]) == (pwd.getpwuid(os.getuid()).pw_name, "case 17")
    assert datetime.fromisoformat(use["at"])


def test_who_looked_at_one_record_can_be_told_and_its_key_cannot(tmp_path: Path):
    home = make_test_home(tmp_path / "home")
    home.deliver_all()
    home.run(RESIDENT, STREET)
    for record in ("王1", "2", "2"):
        home.call("show", RESIDENT, "--record", record, "--unmasked", "--reason", "case 17")

    digests = [use["what"] for use in home.call("usage", "--json").lines]
    found = home.call("usage", "--record", "2", "--json").lines

    assert [use["what"] for use in found] == digests[1:]
    assert hashlib.sha256(b"2").hexdigest() not in str(digests)
    assert "王1".encode() not in (home.root / "state.sqlite").read_bytes()
    assert "uses of data" in home.call("usage").out


def test_nobody_has_used_anything_yet(tmp_path: Path):
    done = make_test_home(tmp_path / "home").call("usage")

    assert done.out.startswith("no use of data is on record")


@pytest.mark.parametrize("more", [["--store", "landing"], ["--store", "department"],
                                  ["--batch", "1"]])  # fmt: skip
def test_a_records_history_goes_with_no_store_or_batch(home: TestHome, more: list[str]):
    done = home.call("show", RESIDENT, "--record", "1", *more)

    assert (done.code, done.out) == (2, "")
    assert "--store and --batch do not go with it" in done.err


def test_one_batch_and_one_record(home: TestHome):
    batch = home.call("show", STREET, "--store", "landing", "--batch", "2", "--json").lines
    versions = home.call("show", STREET, "--record", "a", "--json").lines

    assert [row["code"] for row in batch] == ["a", "b", "d"]
    assert [(v["name"], v["_since"][:10], v["_until"]) for v in versions] == [
        ("甲街", "2026-01-01", "2026-02-01 00:00:00"),
        ("甲大街", "2026-02-01", None),
    ]


@pytest.mark.parametrize(
    "record", ["x' OR '1'='1", "a'; DROP TABLE lake.department.office__street; --", '"', "a\\"]
)
def test_a_record_id_is_never_read_as_sql(home: TestHome, record: str):
    done = home.call("show", STREET, "--record", record)

    assert (done.code, done.out) == (0, "no rows\n")
    assert len(home.current(STREET, "code")) == 3


def test_a_field_that_was_declared_since_is_said_so(tmp_path: Path):
    home = make_test_home(tmp_path / "home")
    home.deliver_all()
    home.run(STREET)
    new = "fields:\n  - {name: size, label: 大小, type: text}"
    home.mend("resources/office/street.yaml", "fields:", new)

    done = home.call("show", STREET)

    assert (done.code, done.out) == (1, "")
    assert "size declared since the last run. Do: chengshu run" in done.err
