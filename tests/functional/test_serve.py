"""A home that is served: what is due is pulled, what hangs or is paused holds up nobody."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.functional.test_mqtt import make_home as make_mqtt_home
from tests.functional.test_mqtt import reading
from tests.support.brokers import mqtt_broker
from tests.support.commands import finish, kill
from tests.support.home import RESIDENT, STREET, VISIT, TestHome, make_test_home

EVERY = "schedule: {every: 1 hour}\n"
HANGING = """\
name: hanging_%d
label: 不答
owner: office
sharing: unconditional
update: daily
key: [id]
fields:
  - {name: id, label: 编号, type: text}
source: {kind: http, url: "http://127.0.0.1:%d/rows", rows: data, timeout_s: 300}
schedule: {every: 1 hour, priority: high}
"""


def served_home(root: Path, *names: str) -> TestHome:
    home = make_test_home(root)
    home.deliver_all()
    for name in names or ("street", "resident", "visit"):
        path = f"resources/office/{name}.yaml"
        home.declare(path, (home.pack / path).read_text(encoding="utf-8") + EVERY)
    return home


@contextmanager
def serving(home: TestHome) -> Iterator[subprocess.Popen[str]]:
    process = home.start("serve", "--json")
    try:
        yield process
    finally:
        if process.poll() is None:
            kill(process)


def schedule(home: TestHome) -> dict[str, dict[str, Any]]:
    done = home.call("schedule", "--json")
    assert done.code == 0, done
    return {line["resource"]: line for line in done.lines}


def wait_for(home: TestHome, seen: Callable[[dict[str, dict[str, Any]]], bool]) -> None:
    until = time.monotonic() + 120
    while not seen(schedule(home)):
        assert time.monotonic() < until, schedule(home)
        time.sleep(0.3)


def stop(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    process.send_signal(signal.SIGTERM)
    done = finish(process)
    assert done.code == 0, done
    return done.lines


def all_done(*names: str) -> Callable[[dict[str, dict[str, Any]]], bool]:
    return lambda lines: all(lines[name]["ended"] == "done" for name in names)


def test_what_is_due_is_pulled_once_and_what_others_ask_for_is_done_too(tmp_path: Path):
    home = served_home(tmp_path / "home", "street", "resident")
    with serving(home) as process:
        wait_for(home, all_done(STREET, RESIDENT))
        asked = home.run(VISIT)
        told = stop(process)

    assert [line["pulled"] for line in asked] == [4]
    assert [(line["resource"], line["batch"]) for line in told] == [
        (STREET, 1), (STREET, 2), (RESIDENT, 1),
    ]  # fmt: skip
    assert all(line["closed"] and line["at"] for line in told)
    lines = schedule(home)
    assert lines[STREET]["next"] > lines[STREET]["last_run"]
    assert lines[VISIT]["schedule"] is None
    with serving(home) as process:
        time.sleep(3)
        assert stop(process) == [], "it was not due again"
    home.balances()


def test_a_killed_worker_goes_on_at_the_next_start(tmp_path: Path):
    home = served_home(tmp_path / "home")
    with serving(home) as process:
        wait_for(home, lambda lines: any(line["ended"] == "running" for line in lines.values()))
        kill(process)

    with serving(home) as process:
        wait_for(home, all_done(STREET, RESIDENT, VISIT))
        stop(process)

    assert len(home.current(STREET, "code")) == 3
    home.balances()


@contextmanager
def silent_servers(count: int) -> Iterator[list[int]]:
    """Listen on so many ports, and never answer."""
    listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        yield [one.getsockname()[1] for one in listening]
    finally:
        for one in listening:
            one.close()


def test_sources_that_hang_hold_up_nobody(tmp_path: Path):
    """More of them than may pull at once, and of a higher priority."""
    home = served_home(tmp_path / "home", "street", "visit")
    home.mend("city.yaml", "division", "limits: {127.0.0.1: 20}\ndivision")
    with silent_servers(10) as ports:
        for at, port in enumerate(ports):
            home.declare(f"resources/office/hanging_{at}.yaml", HANGING % (at, port))
        with serving(home) as process:
            wait_for(home, all_done(STREET, VISIT))
            lines = schedule(home)
            assert [lines[f"office/hanging_{at}"]["ended"] for at in range(10)] == ["running"] * 10
            process.send_signal(signal.SIGTERM)
            done = finish(process)

    assert done.code == 0, done
    assert "runs that were under way go on" in done.err
    home.balances()


def test_what_is_paused_is_not_pulled_until_it_is_resumed(tmp_path: Path):
    home = served_home(tmp_path / "home", "street", "visit")
    assert "needs a reason" in home.call("pause", STREET).err
    assert "no resource or department 'nobody'" in home.call("pause", "nobody").err
    assert home.call("pause", STREET, "--reason", "前置机搬迁").code == 0

    by_name, of_all = home.call("run", STREET), home.call("run", "--json")
    with serving(home) as process:
        wait_for(home, all_done(VISIT))
        assert schedule(home)[STREET]["ended"] is None
        assert home.call("resume", STREET).code == 0
        wait_for(home, all_done(STREET))
        stop(process)

    assert by_name.code == 1
    assert "前置机搬迁" in by_name.err
    assert f"resume {STREET}" in by_name.err
    assert of_all.code == 0, of_all
    assert f"{STREET} is paused" in of_all.err
    assert STREET not in {line["resource"] for line in of_all.lines}
    assert home.call("resume", STREET).code == 1


def test_a_department_is_paused_as_a_whole(tmp_path: Path):
    home = served_home(tmp_path / "home")
    home.call("pause", "office", "--reason", "搬迁")

    done = home.call("run")

    assert (done.code, done.out) == (0, "")
    assert "nothing to run" in done.err
    assert all("搬迁" in line["paused"] for line in schedule(home).values())


def test_only_what_failed_is_run_again_by_hand(tmp_path: Path):
    home = served_home(tmp_path / "home")
    table = home.front / "residents.sqlite"
    away = table.rename(table.with_suffix(".away"))
    home.run(code=3)
    away.rename(table)

    again = home.run("--failed")

    assert {line["resource"] for line in again} == {RESIDENT}
    assert "nothing to run" in home.call("run", "--failed").err


def test_a_pull_that_takes_too_long_is_given_up(tmp_path: Path):
    """Its server sends a little, again and again."""
    from chengshu.flows.platform import Platform

    home = served_home(tmp_path / "home")
    home.mend("resources/office/street.yaml", "every: 1 hour", "every: 1 hour, longest: 1 minute")
    with home.home.writing(lambda *_: None) as platform:
        assert isinstance(platform, Platform)
        pack = platform.pack()
        with (
            pytest.MonkeyPatch.context() as patch,
            pytest.raises(Exception, match="took longer than 1 minute") as caught,
            platform.pulling(pack, pack.get(STREET)) as around,
        ):
            around.moved()
            begun = time.monotonic()
            patch.setattr(time, "monotonic", lambda: begun + 61)
            around.moved()
    assert caught.value.retryable  # type: ignore[attr-defined]


def test_messages_are_received_all_the_time_and_land_with_the_next_run(tmp_path: Path):
    with mqtt_broker() as broker:
        home = make_mqtt_home(tmp_path / "home", broker, "key: [device, value]", "a")
        path = "resources/office/air.yaml"
        declared = (home.pack / path).read_text(encoding="utf-8")
        home.declare(path, declared + "schedule: {every: 1 hour}\n")
        with serving(home) as process:
            wait_for(home, lambda lines: lines["office/air"]["ended"] == "done")
            broker.publish([("a/sensors/east/d1/air", reading(n)) for n in range(5)])
            spool = home.root / "spool" / "office__air"
            wait_for(home, lambda _: any(spool.glob("*.jsonl")))
            assert [line["pulled"] for line in home.run()] == [5]
            stop(process)

    assert home.rows("SELECT COUNT(*) FROM lake.department.office__air") == [(5,)]
    home.balances()
