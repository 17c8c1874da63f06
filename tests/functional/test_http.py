"""Pulling from a department's HTTP API: every page, every value as its exact text."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chengshu.exchange.port import Past
from chengshu.kernel.errors import ExternalError, InputError
from tests.support.api import Api, Reply, Request, department_api, linked, number_rows
from tests.support.apis import (
    CURSOR,
    OFFSET,
    PAGE,
    PAGINGS,
    TOKEN,
    find,
    ids,
    make_home,
    rows_of,
    source,
)


@pytest.fixture
def api() -> Iterator[Api]:
    with department_api() as api:
        yield api


@pytest.mark.parametrize("count", [1, 2, 5, 6])
@pytest.mark.parametrize("case", PAGINGS)
def test_every_kind_of_paging_gives_every_row_once(api: Api, tmp_path: Path, case: str, count: int):
    paging, more = PAGINGS[case]
    api.rows = number_rows(count)

    (incoming,) = find(api, tmp_path, paging=paging, **more)

    assert ids(incoming) == [str(n) for n in range(1, count + 1)]
    assert incoming.findings == []


def test_links_to_the_next_page_are_followed(api: Api, tmp_path: Path):
    api.rows, api.answer = number_rows(5), linked

    (incoming,) = find(api, tmp_path, paging={"kind": "link"}, total="data.total")

    assert ids(incoming) == list("12345")
    assert [r.given.get("at") for r in api.seen] == [None, "2", "4"]


def test_an_api_that_gives_less_than_it_is_asked_loses_nothing(api: Api, tmp_path: Path):
    api.rows, api.cap = number_rows(7), 3

    (with_total,) = find(api, tmp_path, paging={**OFFSET, "size": 100}, total="data.total")
    assert ids(with_total) == list("1234567")
    (without,) = find(api, tmp_path, Past("next"), paging={**PAGE, "size": 100})

    assert ids(without) == list("1234567")


def test_an_api_that_repeats_its_last_page_for_ever_has_an_end(api: Api, tmp_path: Path):
    # As a widespread paging library does with `reasonable` switched on.
    api.rows = number_rows(5)

    def last_again(api: Api, request: Request) -> Reply:
        size = int(request.given["size"])
        page = min(int(request.given["page"]), -(-len(api.rows) // size))
        return api.wrapped(api.rows[(page - 1) * size : page * size])

    api.answer = last_again
    (incoming,) = find(api, tmp_path, paging=PAGE)

    assert ids(incoming) == list("12345")


def test_one_answer_may_be_the_list_itself(api: Api, tmp_path: Path):
    api.rows, api.envelope = number_rows(3), "ROWS"

    (incoming,) = find(api, tmp_path, rows=None)

    assert ids(incoming) == list("123")


def test_a_post_says_its_parameters_in_its_body(api: Api, tmp_path: Path):
    api.rows = number_rows(3)

    (incoming,) = find(
        api, tmp_path, method="POST", body={"dept": "民政"}, paging=PAGE, total="data.total"
    )

    assert ids(incoming) == list("123")
    assert [json.loads(r.body) for r in api.seen] == [
        {"dept": "民政", "size": 2, "page": 1}, {"dept": "民政", "size": 2, "page": 2},
    ]  # fmt: skip


# JSON of a value, the text that must land.
VALUES = [
    ("1.10", "1.10"), ("1e5", "1e5"), ("-0", "-0"), ("1E+400", "1E+400"),
    ("123456789012345678901234567890", "123456789012345678901234567890"),
    ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
    ("null", None), ('""', ""), ("true", "true"), ('" 甲 "', " 甲 "), (r'"\u4e01\n"', "丁\n"),
    ('"\u2028"', "\u2028"), ('{"b": 1.50, "a": [null, "x"]}', '{"b":1.50,"a":[null,"x"]}'),
    ("[]", "[]"), (r'"\ud83d\ude00"', "😀"), ('"00123"', "00123"),
]  # fmt: skip


def test_every_awkward_value_comes_as_its_exact_text(api: Api, tmp_path: Path):
    cells = ", ".join(f'"c{at}": {text}' for at, (text, _) in enumerate(VALUES))
    api.rows = [f"{{{cells}}}", '{"c0": "only this"}']

    (incoming,) = find(api, tmp_path)
    first, second = rows_of(incoming)

    got = [(text, first[f"c{at}"]) for at, (text, _) in enumerate(VALUES)]
    assert got == VALUES
    assert (second["c0"], second["c1"], second["_line"]) == ("only this", None, 2)


def test_rows_that_are_no_good_objects_land_as_they_are(api: Api, tmp_path: Path):
    api.rows = [
        '{"id": "1"}', '{"id": "2", "id": "3"}', "[4]", "null", r'{"id": "\ud800"}',
        '{"id": "6", "late": 1.0}', r'{"id": "\u0000"}',
    ]  # fmt: skip

    (incoming,) = find(api, tmp_path)
    rows = rows_of(incoming)

    assert [(r["id"], r["late"], r["_rest"], r["_problem"]) for r in rows] == [
        ("1", None, None, None), (None, None, '{"id":"2","id":"3"}', "duplicate_key"),
        (None, None, "[4]", "not_json"), (None, None, "null", "not_json"),
        (None, None, r'{"id":"\ud800"}', "half_character"), ("6", "1.0", None, None),
        ("\0", None, None, "nul"),
    ]  # fmt: skip
    assert [(f.line, f.code) for f in incoming.findings] == [
        (2, "duplicate_key"), (3, "not_json"), (4, "not_json"), (5, "half_character"), (7, "nul"),
    ]  # fmt: skip


TEXT = '{"data": {"items": [{"id": "1", "note": "联通公司"}]}}'
PLAIN = "application/json"
# Body, content type, what is declared, what is found.
BODIES: dict[str, tuple[bytes, str, str | None, list[str]]] = {
    "plain": (TEXT.encode(), PLAIN, None, []),
    "with a mark": (TEXT.encode("utf-8-sig"), PLAIN, None, []),
    "UTF-16": (TEXT.encode("utf-16"), PLAIN, None, []),
    "GBK that says so": (TEXT.encode("gbk"), f"{PLAIN};charset=GBK", None, []),
    "GBK as declared": (TEXT.encode("gbk"), PLAIN, "gb18030", []),
    "UTF-8 that says GBK": (TEXT.encode(), f"{PLAIN};charset=gb2312", None, ["charset_wrong"]),
    "UTF-8 that says Latin": (TEXT.encode(), "text/html;charset=ISO-8859-1", None, []),
}


@pytest.mark.parametrize("case", BODIES)
def test_the_encoding_of_an_answer_is_known_or_told(api: Api, tmp_path: Path, case: str):
    body, kind, encoding, told = BODIES[case]
    api.next = [Reply(body, headers={"Content-Type": kind})]

    (incoming,) = find(api, tmp_path, encoding=encoding)

    assert [row["note"] for row in rows_of(incoming)] == ["联通公司"]
    assert [f.code for f in incoming.findings] == told


def test_bytes_that_are_no_text_spoil_their_row_only(api: Api, tmp_path: Path):
    text = '{"data": {"items": [{"id": "1", "note": "好"}, {"id": "2", "note": "坏"}]}}'
    api.next = [Reply(text.encode().replace("坏".encode(), b"\xe5\x9d"))]

    (incoming,) = find(api, tmp_path)

    assert [(r["id"], r["note"], r["_problem"]) for r in rows_of(incoming)] == [
        ("1", "好", None), (None, None, "half_character"),
    ]  # fmt: skip
    assert [f.code for f in incoming.findings] == ["undecodable", "half_character"]


@pytest.mark.parametrize(
    ("auth", "seen"),
    [
        ({"kind": "bearer"}, ("Authorization", f"Bearer {TOKEN}")),
        ({"kind": "header", "header": "X-App-Key"}, ("X-App-Key", TOKEN)),
        ({"kind": "basic", "user": "部"},
         ("Authorization", "Basic " + base64.b64encode(f"部:{TOKEN}".encode()).decode())),
    ],
    ids=["bearer", "header", "basic"],
)  # fmt: skip
def test_the_secret_goes_where_it_is_declared(
    api: Api, tmp_path: Path, auth: dict[str, str], seen: tuple[str, str]
):
    api.rows = number_rows(1)

    find(api, tmp_path, auth={**auth, "secret": "key"}, headers={"X-Client": "chengshu"})

    assert seen in api.seen[0].headers.items()
    assert api.seen[0].headers["X-Client"] == "chengshu"


def test_a_secret_in_the_address_stands_beside_what_is_fixed(api: Api, tmp_path: Path):
    api.rows = number_rows(1)

    find(api, tmp_path, url=f"{api.url}?dept=%E6%B0%91&x=1",
         auth={"kind": "query", "parameter": "appkey", "secret": "key"})  # fmt: skip

    assert api.seen[0].given == {"dept": "民", "x": "1", "appkey": TOKEN}


def test_client_credentials_get_a_token_and_a_new_one_when_it_expires(api: Api, tmp_path: Path):
    api.rows = number_rows(4)
    tokens: list[str] = []

    def answer(api: Api, request: Request) -> Reply:
        if request.path == "/token":
            assert dict(pair.split("=") for pair in request.body.split("&"))["client_id"] == "us"
            tokens.append(f"token{len(tokens)}")
            return Reply(json.dumps({"access_token": tokens[-1]}))
        if request.headers.get("Authorization") != f"Bearer {tokens[-1]}" or len(api.seen) == 3:
            return Reply("{}", 401)
        return api.wrapped(api.rows[2:] if request.given["page"] == "2" else api.rows[:2])

    api.answer = answer
    auth = {"kind": "client", "token_url": f"http://127.0.0.1:{api.port}/token",
            "client_id": "us", "secret": "key"}  # fmt: skip
    (incoming,) = find(api, tmp_path, auth=auth, paging=PAGE, total="data.total")

    assert ids(incoming) == list("1234")
    assert tokens == ["token0", "token1"]


def test_a_redirect_to_another_host_does_not_carry_the_secret(api: Api, tmp_path: Path):
    api.rows = number_rows(1)
    with department_api() as other:
        other.rows = number_rows(1)
        for auth in ({"kind": "header", "header": "X-Key"}, {"kind": "bearer"},
                     {"kind": "query", "parameter": "key"}):  # fmt: skip
            moved = {"Location": f"{other.url}?key={TOKEN}"}
            api.next = [Reply(status=302, headers={"Location": "/api/here"}),
                        Reply(status=307, headers=moved)]  # fmt: skip
            (incoming,) = find(
                api, tmp_path, Past(str(auth)), auth={**auth, "secret": "key"}, headers={"X-A": "b"}
            )
            assert ids(incoming) == ["1"]

    assert [request.path for request in api.seen] == ["/api/rows", "/api/here"] * 3
    assert not [r for r in other.seen if {"X-Key", "Authorization", "X-A"} & set(r.headers)]
    assert other.seen[2].given == {}


def test_the_next_page_is_not_looked_for_at_another_host(api: Api, tmp_path: Path):
    api.envelope = '{"data": {"items": ROWS}, "next": "http://localhost:1/api/rows?key=x"}'

    with pytest.raises(ExternalError, match="not at its own host") as caught:
        find(api, tmp_path, paging={"kind": "link", "next": "next"})

    assert "key=x" not in str(caught.value)


MARKED = [("1", "2026-01-01 08:00:00"), ("2", "2026-01-03 08:00:00"), ("3", None)]


def marked(api: Api, request: Request) -> Reply:
    """Answer with the rows that are not older than what the request says."""
    since = request.given.get("since", "")
    rows = [row for row in api.rows if (json.loads(row)["at"] or "9") >= since]
    return api.wrapped(rows)


def test_an_incremental_pull_asks_for_what_changed_and_reaches_back(api: Api, tmp_path: Path):
    api.answer = marked
    api.rows = [json.dumps({"id": number, "at": at}) for number, at in MARKED]
    more = {"mode": "incremental", "watermark": "at", "since": "since", "overlap": "1 day"}

    (first,) = find(api, tmp_path, **more)
    assert (ids(first), first.watermark) == (["1", "2", "3"], "2026-01-03 08:00:00")
    api.rows += [
        json.dumps({"id": number, "at": at})
        for number, at in [("4", "2026-01-02 20:00:00"), ("5", "9999-12-31 00:00:00")]
    ]
    (second,) = find(api, tmp_path, Past("next", first.watermark), **more)
    assert (ids(second), second.watermark) == (["2", "3", "4", "5"], "2026-01-03 08:00:00")
    assert [f.code for f in second.findings] == ["watermark_ahead"]
    api.rows = []
    third = find(api, tmp_path, Past("last", second.watermark), **more)

    assert [r.given.get("since") for r in api.seen] == [
        None, "2026-01-02 08:00:00", "2026-01-02 08:00:00",
    ]  # fmt: skip
    assert third == []


# The marks that come as JSON, where the last pull ended, the overlap; what is asked, what is kept.
MARKS: dict[str, tuple[list[str], str | None, str | None, str | None, str | None, int]] = {
    "numbers": (["9", "10", "1e1"], "8", None, "8", "10", 0),
    "milliseconds": (["1767225600001"], "1767225600000", "1000", "1767225599000",
                     "1767225600001", 0),
    "digits in text": (['"000124"', '"000200"'], "000123", "3", "000120", "000200", 0),
    "garbage beside": (['"zzz"', '"2026-01-02"', "true"], "2026-01-01", None, "2026-01-01",
                       "2026-01-02", 2),
    "another form": (['"2026/01/02"', '"2026/01/03"', '"2026-01-02"'], "2026-01-01", None,
                     "2026-01-01", "2026-01-02", 2),
    "with an offset": (['"2026-01-02T08:00:00+08:00"'], None, None, None, None, 1),
}  # fmt: skip


@pytest.mark.parametrize("case", MARKS)
def test_no_watermark_keeps_a_row_out(api: Api, tmp_path: Path, case: str):
    values, last, overlap, asked, kept, unlike = MARKS[case]
    api.rows = [f'{{"id": {at}, "at": {value}}}' for at, value in enumerate(values)]
    more = {"overlap": overlap} if overlap else {}

    (incoming,) = find(api, tmp_path, Past("run", last), mode="incremental", watermark="at",
                       since="since", **more)  # fmt: skip

    assert api.seen[0].given.get("since") == asked
    assert incoming.watermark == kept
    told = [f.message.split()[0] for f in incoming.findings if f.code == "watermark_unlike"]
    assert told == ([str(unlike)] if unlike else [])


def test_a_watermark_that_no_row_has_is_told(api: Api, tmp_path: Path):
    api.rows = number_rows(2)

    with pytest.raises(InputError, match="none of its 2 rows has the watermark 'at'"):
        find(api, tmp_path, mode="incremental", watermark="at", since="since")


def test_a_run_brings_an_api_into_the_stores_and_ends_what_is_gone(api: Api, tmp_path: Path):
    home = make_home(tmp_path / "home", api.url)
    api.rows = number_rows(50, surplus=1.5)

    (first,) = home.run()
    api.rows = [json.dumps({"id": "1", "note": "改"}), *api.rows[2:]]
    (second,) = home.run()

    assert (first["pulled"], first["accepted"]) == (50, 50)
    assert (second["pulled"], second["accepted"], second["unchanged"]) == (49, 1, 48)
    assert home.current("big", "id")[:3] == [("1",), ("10",), ("11",)]
    assert home.rows("SELECT COUNT(*) FROM lake.department.office__big__history") == [(2,)]
    rest = home.rows("SELECT DISTINCT _rest FROM lake.landing.office__big WHERE id = '50'")
    assert rest == [('{"surplus":"1.5"}',)]
    assert list((home.root / "spool" / "office__big").iterdir()) == []


def test_a_misspelt_key_of_a_part_is_told_with_those_that_are_known(api: Api, tmp_path: Path):
    home = make_home(tmp_path / "home", api.url)
    home.mend("resources/office/big.yaml", "size: 20", "sise: 20")

    done = home.call("check")

    assert "sise: not a known key. Known: first, kind, parameter, size, size_parameter" in done.text


def test_a_stream_lands_what_comes_again_once(api: Api, tmp_path: Path):
    home = make_home(tmp_path / "home", api.url)
    path = "resources/office/big.yaml"
    home.mend(path, "key: [id]", "identity: none")
    home.mend(
        path, "  backoff_s", "  mode: incremental\n  watermark: at\n  since: since\n  backoff_s"
    )
    api.rows = number_rows(2, at="2026-01-01 08:00:00")

    home.run()
    api.rows += [*number_rows(1, at="2026-01-01 08:00:00"), *number_rows(1, at="2026-01-02")]
    (line,) = home.run()

    assert line["pulled"] == 2
    assert api.seen[-1].given["since"] == "2026-01-01 08:00:00"
    assert home.current("big", "id") == [("1",), ("1",), ("1",), ("2",)]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"url": "ftp://x/y"}, "not an address"),
        ({"url": "https://u:p@x/y"}, "user or password"),
        ({"headers": {"Authorization": "Bearer x"}}, "looks like a secret"),
        ({"headers": {"X-A": "a\r\nX-B: b"}}, "visible ASCII"),
        ({"method": "POST"}, "a body belongs to"),
        ({"mode": "incremental", "watermark": "at"}, "since"),
        ({"paging": {**CURSOR, "size": None}}, "belong together"),
        ({"max_pages": 0}, "greater than or equal to 1"),
    ],
)
def test_a_declaration_that_cannot_be_meant_is_refused(
    api: Api, more: dict[str, Any], message: str
):
    with pytest.raises(ValueError, match=message):
        source(api, **more)
