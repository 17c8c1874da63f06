"""APIs that fail or lie: nothing half lands, and no secret is shown."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
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

from chengshu.exchange.port import Past
from chengshu.kernel.errors import InputError
from tests.support.api import Api, Reply, department_api, number_rows
from tests.support.apis import PAGE, PAGE_HTML, TOKEN, find, ids, refused, rows_of
from tests.support.proxy import Fault, proxy_to

pytestmark = pytest.mark.fault
TOTAL = {"total": "data.total"}
BEARER = {"auth": {"kind": "bearer", "secret": "key"}}


@pytest.fixture
def api() -> Iterator[Api]:
    with department_api() as api:
        yield api


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
    api.rows = [f'{{"id": "1", "deep": {nested(299)}}}']

    (incoming,) = find(api, tmp_path)

    assert [row["deep"] for row in rows_of(incoming)] == [nested(299)]


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
