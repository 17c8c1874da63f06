"""City packs that are edited or broken while runs are under way."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.support.commands import finish
from tests.support.home import (
    RESIDENT,
    STREET,
    make_test_home,
    query,
    without,
)

pytestmark = pytest.mark.fault


def test_a_pack_edited_while_a_run_is_under_way_stops_it_cleanly(tmp_path: Path):
    home = make_test_home(tmp_path / "home", without(RESIDENT, "office/visit"))
    home.deliver_all()
    run = home.start("run", STREET, "--json")
    landed = "SELECT COUNT(*) FROM operation_outputs WHERE function_name = 'land'"
    while run.poll() is None and not query(home.root / "flows.sqlite", landed):
        time.sleep(0.002)
    run.send_signal(signal.SIGSTOP)
    home.mend("resources/office/street.yaml", "name: name, label: 名称", "name: name, label: 街名")
    home.mend("resources/office/street.yaml", "type: date}", "type: date, required: true}")
    run.send_signal(signal.SIGCONT)

    done = finish(run)

    told = [line["error"] for line in done.lines if "error" in line]
    assert done.code == 1, done
    assert [error["code"] for error in told] == ["conflict"]
    assert "the city pack was edited while the run was under way" in told[0]["message"]
    home.run()
    assert [b["refused"] for b in home.balances()] == [3, 0]


def test_a_pack_broken_while_a_run_is_under_way_stops_it_cleanly(tmp_path: Path):
    home = make_test_home(tmp_path / "home", without(RESIDENT, "office/visit"))
    home.deliver_all()
    home.run()
    home.mend("resources/office/street.yaml", "label: 街道", "lable: 街道")

    done = home.call("run")

    assert (done.code, done.out) == (2, "")
    assert "resources/office/street.yaml:2: lable: not a known key" in done.err
