"""APIs that fail, lie or change while they are read: nothing half lands, and no secret is shown."""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from chengshu.exchange.port import Incoming, Past
from chengshu.kernel.errors import ExternalError, InputError
from tests.functional.test_http import OFFSET, PAGE, TOKEN, find, ids, make_home, rows_of
from tests.support.api import Api, Reply, Request, department_api, number_rows, paged
from tests.support.commands import finish, kill
from tests.support.proxy import Fault, proxy_to

pytestmark = pytest.mark.fault
TOTAL = {"total": "data.total"}
BEARER = {"auth": {"kind": "bearer", "secret": "key"}}


@pytest.fixture
def api() -> Iterator[Api]:
    with department_api() as api:
        yield api


def refused(api: Api, spool: Path, **more: Any) -> ExternalError:
    """Return the error of a pull that fails, having checked that nothing of it is left."""
    with pytest.raises(ExternalError) as caught:
        find(api, spool, **more)
    assert not (spool / "spool" / "pulled.json").exists()
    return caught.value


FAULTS = {
    "refused": Fault("refuse"),
    "cut at once": Fault("cut"),
    "cut in the headers": Fault("cut", after=20),
    "cut in the body": Fault("cut", after=3000),
    "truncated in the body": Fault("truncate", after=3000),
    "stalled in the body": Fault("stall", after=3000),
    "stalled at once": Fault("stall"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_connection_that_fails_twice_is_tried_again(api: Api, tmp_path: Path, case: str):
    api.rows = number_rows(100)
    with proxy_to(api.port) as proxy:
        proxy.faults = [FAULTS[case]] * 2

        (incoming,) = find(api, tmp_path, url=f"http://127.0.0.1:{proxy.port}/x", timeout_s=0.5)

    assert len(ids(incoming)) == 100
    assert proxy.connections == 3


@pytest.mark.parametrize("case", FAULTS)
def test_a_connection_that_always_fails_ends_the_pull(api: Api, tmp_path: Path, case: str):
    api.rows = number_rows(100)
    with proxy_to(api.port) as proxy:
        proxy.always = FAULTS[case]
        url = f"http://127.0.0.1:{proxy.port}/x"

        error = refused(api, tmp_path, url=url, timeout_s=0.3, attempts=3, **BEARER)

    assert proxy.connections == 3
    assert error.retryable
    assert "(3 tries)" in str(error)
    assert TOKEN not in str(error)


def test_a_server_that_is_not_there_is_told(api: Api, tmp_path: Path):
    with proxy_to(api.port) as proxy:
        proxy.close_door()

        error = refused(api, tmp_path, url=f"http://127.0.0.1:{proxy.port}/x", attempts=2)

    assert "no connection to it (2 tries)" in str(error)


def test_an_answer_that_trickles_in_for_ever_has_an_end(api: Api, tmp_path: Path):
    api.rows = number_rows(4000)
    with proxy_to(api.port) as proxy:
        proxy.always = Fault("delay", seconds=0.09)
        url = f"http://127.0.0.1:{proxy.port}/x"

        error = refused(api, tmp_path, url=url, timeout_s=0.1, attempts=1)

    assert "does not answer within 0.1 s" in str(error)


def make_certificate(folder: Path) -> Path:
    """Write a key and a certificate that it signs itself, for 127.0.0.1, into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "department")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "department.pem"
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(key.private_bytes(*form) + made.public_bytes(Encoding.PEM))
    return path


def test_only_certificates_that_are_trusted_or_declared_are_believed(tmp_path: Path):
    path = make_certificate(tmp_path)
    with department_api(path) as api:
        api.rows = number_rows(1)

        error = refused(api, tmp_path, **BEARER)
        assert api.seen == []
        (incoming,) = find(api, tmp_path, ca_file=path.name, **BEARER)
        assert ids(incoming) == ["1"]
        with pytest.raises(InputError, match=r"ca_file none\.pem is missing"):
            find(api, tmp_path, Past("next"), ca_file="none.pem")

    assert "its certificate is not trusted" in str(error)
    assert not error.retryable


def test_a_slow_server_is_waited_for(api: Api, tmp_path: Path):
    api.rows = number_rows(100)
    with proxy_to(api.port) as proxy:
        proxy.always = Fault("delay", seconds=0.2)

        (incoming,) = find(api, tmp_path, url=f"http://127.0.0.1:{proxy.port}/x", timeout_s=2)

    assert len(ids(incoming)) == 100


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_api_is_asked_again(api: Api, tmp_path: Path, status: int):
    api.rows, api.next = number_rows(1), [Reply(status=status)] * 4

    (incoming,) = find(api, tmp_path)

    assert (ids(incoming), len(api.seen)) == (["1"], 5)


def test_waits_grow_and_are_not_all_alike(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    waits: list[float] = []
    monkeypatch.setattr("chengshu.exchange.connectors.http.client.time.sleep", waits.append)
    api.next = [Reply(status=503)] * 9

    refused(api, tmp_path, attempts=5, backoff_s=2)

    assert [low <= wait <= 2 * low for low, wait in zip([1, 2, 4, 8], waits, strict=True)] == [
        True, True, True, True,
    ]  # fmt: skip
    assert len({wait / 2**at for at, wait in enumerate(waits)}) == 4


@pytest.mark.parametrize("how", ["seconds", "date"])
def test_the_wait_that_an_api_asks_for_is_kept(api: Api, tmp_path: Path, how: str):
    moment = datetime.now(UTC) + timedelta(seconds=2)
    said = "1" if how == "seconds" else format_datetime(moment, usegmt=True)
    api.rows, api.next = number_rows(1), [Reply(status=429, headers={"Retry-After": said})]
    started = time.monotonic()

    (incoming,) = find(api, tmp_path)

    assert ids(incoming) == ["1"]
    assert 0.9 < time.monotonic() - started < 5


def test_an_api_that_wants_us_back_much_later_ends_the_pull(api: Api, tmp_path: Path):
    api.next = [Reply(status=503, headers={"Retry-After": "86400"})]

    error = refused(api, tmp_path)

    assert "wants us back in 86400 s" in str(error)
    assert error.retryable
    assert len(api.seen) == 1


PAGE_HTML = "\n<!DOCTYPE html><title>登录</title>"
# Reply, what is declared, how often it is asked, whether it may be tried later, the message.
REPLIES: dict[str, tuple[Reply, dict[str, Any], int, bool, str]] = {
    "not known": (Reply(status=401), BEARER, 1, False, "let us in (status 401). Nothing was taken. "
                  "Check the secret 'key'"),
    "forbidden": (Reply(status=403), {}, 1, False, "does not let us in (status 403)"),
    "nowhere": (Reply(status=404), {}, 1, False, "nothing is there (status 404)"),
    "broken": (Reply(status=500), {}, 1, True, "answers with status 500"),
    "no content": (Reply(status=204), {}, 1, False, "answers with status 204"),
    "a login page": (Reply(PAGE_HTML), BEARER, 1, True, "a web page, not JSON"),
    "an empty answer": (Reply(""), {}, 3, True, "an answer is empty (3 tries)"),
    "cut JSON": (Reply('{"data": {"items": [{"id": "1"}'), {}, 3, True, "not whole JSON"),
    "no gzip": (Reply("{}", headers={"Content-Encoding": "gzip"}), {}, 3, True, "too early"),
    "deep JSON": (Reply("[" * 100_000), {}, 3, True, "not whole JSON"),
    "an error in it": (Reply('{"code": 500, "msg": "身份证330203199001010018"}'),
                       {"ok": {"code": "0"}}, 3, True, "code is 500, not 0"),
    "barred in it": (Reply('{"code": "401"}'), {"ok": {"code": "0"}, **BEARER}, 1, False,
                     "code is 401, not 0"),
    "a name in it": (Reply('{"code": "330203199001010018"}'), {"ok": {"code": "0"}}, 3, True,
                     "code is something else, not 0"),
    "no success in it": (Reply('{"data": {"items": []}}'), {"ok": {"success": "true"}}, 3, True,
                         "success is absent, not true"),
    "no rows": (Reply('{"data": {}}'), {}, 1, True, "not a list at data.items"),
    "null rows": (Reply('{"data": null}'), {}, 1, True, "needs ok"),
    "rows that are none": (Reply('{"data": {"items": {"a": 1}}}'), {}, 1, True, "not a list"),
    "no total": (Reply('{"data": {"items": [], "total": "many"}}'), TOTAL, 1, True,
                 "not a whole number at data.total"),
    "data twice": (Reply('{"data": {"items": []}, "data": {"items": []}}'), {}, 1, True,
                   "a key stands twice"),
    "GBK that does not say so": (Reply('{"data": {"items": ["联通公司"]}}'.encode("gbk")), {}, 1,
                                 False, "Declare what it is in: encoding: gb18030"),
    "nothing at all": (Reply('{"data": {"items": []}}'), {}, 1, True, "no rows at all"),
    "a loop": (Reply(status=302, headers={"Location": "/api/rows"}), {}, 5, True,
               "from address to address"),
}  # fmt: skip


@pytest.mark.parametrize("case", REPLIES)
def test_an_answer_that_is_none_is_told(api: Api, tmp_path: Path, case: str):
    reply, more, asked, later, message = REPLIES[case]
    api.next = [reply] * 20

    error = refused(api, tmp_path, attempts=3, **more)

    assert message in str(error)
    assert (len(api.seen), error.retryable) == (asked, later)
    assert TOKEN not in str(error)
    assert "330203" not in str(error)


def test_rows_that_are_no_objects_are_no_delivery(api: Api, tmp_path: Path):
    api.rows = ["1", "[2]"]

    with pytest.raises(InputError, match="none of its 2 rows is a whole JSON object"):
        find(api, tmp_path)


def nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


def test_a_nested_value_is_taken_as_its_text(api: Api, tmp_path: Path):
    api.rows = [f'{{"id": "1", "deep": {nested(300)}}}']

    (incoming,) = find(api, tmp_path)

    assert [row["deep"] for row in rows_of(incoming)] == [nested(300)]


@pytest.mark.parametrize("depth", [600, 900, 5000])
def test_a_row_that_is_nested_too_deep_is_told(api: Api, tmp_path: Path, depth: int):
    api.rows = [f'{{"id": "1", "deep": {nested(depth)}}}']

    error = refused(api, tmp_path)

    assert "nested too deep" in str(error) or "not whole JSON" in str(error)


def test_no_log_shows_a_secret_whatever_its_level(
    api: Api, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    api.rows, api.next = number_rows(1), [Reply(status=503)]

    for auth in ({"kind": "query", "parameter": "key"}, {"kind": "bearer"}):
        find(api, tmp_path, Past(str(auth)), "s3cr3t", auth={**auth, "secret": "key"})

    assert [r.given.get("key") for r in api.seen] == ["s3cr3t", "s3cr3t", None]
    assert "s3cr3t" not in caplog.text


def test_a_secret_that_would_break_a_header_is_refused(api: Api, tmp_path: Path):
    with pytest.raises(InputError, match="the secret 'key' cannot stand in a header") as caught:
        find(api, tmp_path, secret="a\r\nX-B: b", **BEARER)

    assert "X-B" not in str(caught.value)
    assert api.seen == []


def test_paging_without_end_is_an_error_and_never_a_cut(api: Api, tmp_path: Path):
    api.answer = lambda api, request: api.wrapped([json.dumps({"id": len(api.seen)})])

    error = refused(api, tmp_path, paging=PAGE, max_pages=30)

    assert "more than 30 pages" in str(error)
    assert not error.retryable


@pytest.mark.parametrize("kind", ["cursor", "link"])
def test_a_next_page_that_is_the_same_again_is_told(api: Api, tmp_path: Path, kind: str):
    api.answer = lambda api, request: api.wrapped(['{"id": "1"}'], "/api/rows?x=1")
    more = {"parameter": "cursor"} if kind == "cursor" else {}

    error = refused(api, tmp_path, paging={"kind": kind, "next": "data.next", **more})

    assert "the same" in str(error)
    assert len(api.seen) == 2


def change_once(api: Api, at: int, change: Callable[[list[str]], object]) -> None:
    """Change the rows before the request of that number."""
    api.before = lambda number: change(api.rows) if number == at else None


def added(rows: list[str]) -> None:
    rows.insert(0, '{"id": "new"}')


def removed(rows: list[str]) -> None:
    del rows[0]


def replaced(rows: list[str]) -> None:
    del rows[0]
    rows.append('{"id": "new"}')


CHANGES = {"added": added, "removed": removed}


@pytest.mark.parametrize("paging", [PAGE, OFFSET], ids=["page", "offset"])
@pytest.mark.parametrize("total", [TOTAL, {}], ids=["total", "no total"])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("at", [2, 3])
def test_a_change_between_pages_is_found_and_all_is_read_again(
    api: Api, tmp_path: Path, paging: dict[str, Any], total: dict[str, Any], change: str, at: int
):
    api.rows = number_rows(6)
    change_once(api, at, CHANGES[change])

    (incoming,) = find(api, tmp_path, paging=paging, **total)

    assert sorted(ids(incoming)) == sorted(json.loads(row)["id"] for row in api.rows)


def test_without_a_total_a_change_that_no_page_shows_is_found(api: Api, tmp_path: Path):
    api.rows = number_rows(6)
    change_once(api, 2, replaced)

    (incoming,) = find(api, tmp_path, paging=PAGE)

    assert sorted(ids(incoming)) == ["2", "3", "4", "5", "6", "new"]


def test_a_row_that_moves_while_it_is_read_is_known_by_its_key(api: Api, tmp_path: Path):
    api.rows = number_rows(6)
    change_once(api, 2, lambda rows: rows.append(rows.pop(0).replace("第", "改")))

    (incoming,) = find(api, tmp_path, Past("run", key=[["id"]]), paging=PAGE, **TOTAL)

    assert sorted(ids(incoming)) == list("123456")


def test_an_api_that_never_keeps_still_is_no_delivery(api: Api, tmp_path: Path):
    api.rows = number_rows(6)
    api.before = lambda number: api.rows.insert(0, f'{{"id": "new {number}"}}')

    error = refused(api, tmp_path, paging=PAGE, **TOTAL)

    assert "changed during each of 5 readings, so rows may be missing: the total" in str(error)
    assert error.retryable


def test_a_total_that_more_rows_are_promised_by_is_no_delivery(api: Api, tmp_path: Path):
    api.envelope = '{"data": {"total": 9, "items": ROWS}}'
    api.rows = number_rows(6)

    error = refused(api, tmp_path, paging=PAGE, **TOTAL)

    assert "6 rows came, and the total says 9" in str(error)


def test_rows_in_a_new_order_for_each_page_are_no_delivery(api: Api, tmp_path: Path):
    # As of a query without ORDER BY: the total is right, and rows are missing.
    api.rows = number_rows(60)

    def shuffled(api: Api, request: Request) -> Reply:
        kept = list(api.rows)
        random.Random(request.given["page"] + request.given["size"]).shuffle(api.rows)
        reply = paged(api, request)
        api.rows = kept
        return reply

    api.answer = shuffled
    error = refused(api, tmp_path, paging={**PAGE, "size": 20}, **TOTAL)

    assert "rows came on two pages" in str(error)
    assert "a fixed order" in str(error)


def test_rows_that_really_are_there_twice_land_twice_and_are_told(api: Api, tmp_path: Path):
    api.rows = [*number_rows(4), *number_rows(3)]

    (incoming,) = find(api, tmp_path, paging=PAGE, **TOTAL)

    assert sorted(ids(incoming)) == ["1", "1", "2", "2", "3", "3", "4"]
    assert [f.code for f in incoming.findings] == ["row_on_two_pages"]


def asked(api: Api, tmp_path: Path, run: str) -> tuple[Incoming, int]:
    before = len(api.seen)
    (incoming,) = find(api, tmp_path, Past(run))
    return incoming, len(api.seen) - before


def test_what_a_run_has_read_is_kept_until_it_lands_and_no_longer(api: Api, tmp_path: Path):
    api.rows = number_rows(1)
    spool = tmp_path / "spool"

    assert [asked(api, tmp_path, "one")[1] for _ in range(2)] == [1, 0]
    (spool / "pulled.json").write_text('{"run": "one", "dec')
    assert asked(api, tmp_path, "one")[1] == 1
    incoming, times = asked(api, tmp_path, "two")
    assert times == 1
    incoming.landed()

    assert list(spool.iterdir()) == []


def test_a_spool_that_cannot_be_written_is_told(api: Api, tmp_path: Path):
    api.rows = number_rows(1)
    (tmp_path / "spool").write_text("no folder")

    with pytest.raises(ExternalError, match="it cannot be written"):
        find(api, tmp_path)


def test_what_cannot_be_read_whole_ends_no_record(api: Api, tmp_path: Path):
    home = make_home(tmp_path / "home", api.url)
    api.rows = number_rows(50)
    home.run()
    before = home.snapshot(times=True)

    api.before = lambda _: removed(api.rows)
    moving = home.call("run", "big")
    api.before = lambda _: None
    api.next = [Reply(PAGE_HTML)]
    barred = home.call("run", "big")
    api.rows = []
    empty = home.call("run", "big")

    assert [done.code for done in (moving, barred, empty)] == [3, 3, 3]
    assert "changed during each of 5 readings" in moving.text
    assert "web page" in barred.text
    assert "no rows at all" in empty.text
    assert home.snapshot(times=True) == before
    assert TOKEN not in moving.text + barred.text + empty.text
    api.rows = number_rows(49)
    assert [(line["pulled"], line["unchanged"]) for line in home.run()] == [(49, 49)]


def test_a_pull_that_is_killed_begins_again_and_lands_once(api: Api, tmp_path: Path):
    home = make_home(tmp_path / "home", api.url)
    api.rows = number_rows(100)
    stop = False

    def slowly(number: int) -> None:
        if number > 2 and not stop:
            time.sleep(60 if number > 3 else 0)

    api.before = slowly
    run = home.start("run", "big")
    try:
        until = time.monotonic() + 60
        while len(api.seen) < 4 and run.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        going = run.poll() is None
    finally:
        kill(run)
    stop = True
    spool = home.root / "spool" / "office__big"
    half = [path.name for path in spool.iterdir()]

    done = finish(home.start("run", "big", "--json"))

    assert (going, half) == (True, ["pulled.jsonl"])
    assert done.code == 0, done
    assert home.rows("SELECT COUNT(*) FROM lake.department.office__big") == [(100,)]
    # The run that was killed is taken up again, too: it lands nothing that is new.
    assert sum(line["accepted"] for line in home.balances()) == 100
    assert list(spool.iterdir()) == []
