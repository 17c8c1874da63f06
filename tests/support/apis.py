"""Pulling from a department's API: what it is declared as, and what of it comes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chengshu.catalog.web_source import HttpSource
from chengshu.exchange.connectors.http import find_http
from chengshu.exchange.port import Incoming, Past, Surroundings
from chengshu.kernel.errors import ExternalError
from tests.support.api import Api
from tests.support.home import TestHome, make_test_home

ZONE, TOKEN = "Asia/Shanghai", "t0k-/+= 'en"
PAGE = {"kind": "page", "size_parameter": "size", "size": 2}
OFFSET = {"kind": "offset", "size_parameter": "limit", "size": 2}
CURSOR = {"kind": "cursor", "parameter": "cursor", "next": "data.next", "size_parameter": "size",
          "size": 2}  # fmt: skip
PAGINGS: dict[str, tuple[Any, ...]] = {
    "page": (PAGE, {"total": "data.total"}),
    "page without total": (PAGE, {}),
    "offset": (OFFSET, {"total": "data.total"}),
    "offset without total": (OFFSET, {}),
    "cursor": (CURSOR, {}),
    "cursor with more": ({**CURSOR, "more": "data.next"}, {"total": "data.total"}),
}
PAGE_HTML = "\n<!DOCTYPE html><title>登录</title>"


def source(api: Api, **more: Any) -> HttpSource:
    given = {"kind": "http", "url": api.url, "rows": "data.items", "backoff_s": 0.01, **more}
    return HttpSource.model_validate(given)


def find(
    api: Api, spool: Path, past: Past | None = None, secret: str = TOKEN, **more: Any
) -> list[Incoming]:
    around = Surroundings(spool, ZONE, lambda _: secret, spool / "spool", spool)
    return find_http(source(api, **more), past or Past("run"), around)


def rows_of(incoming: Incoming) -> list[dict[str, Any]]:
    return [row for batch in incoming.batches() for row in batch.to_pylist()]


def ids(incoming: Incoming) -> list[str]:
    return [row["id"] for row in rows_of(incoming)]


DECLARED = """\
name: big
label: 大表
owner: office
sharing: unconditional
update: daily
key: [id]
fields:
  - {{name: id, label: 编号, type: text}}
  - {{name: note, label: 说明, type: text}}
source:
  kind: http
  url: {url}?dept=12
  headers: {{X-Client: chengshu}}
  auth: {{kind: query, parameter: appkey, secret: key}}
  ok: {{code: "0"}}
  rows: data.items
  total: data.total
  paging: {{kind: page, size_parameter: size, size: 20}}
  backoff_s: 0.01
"""


def make_home(folder: Path, url: str) -> TestHome:
    home = make_test_home(folder, {
        "city.yaml": f"name: x\nlabel: x\ndivision: 330200\ntimezone: {ZONE}\n",
        "departments.yaml": "departments: {office: {label: 办公室}}\n",
        "resources/office/big.yaml": DECLARED.format(url=url),
    })  # fmt: skip
    with home.home.open_secrets() as secrets:
        secrets.put("key", TOKEN)
    return home


def refused(api: Api, spool: Path, **more: Any) -> ExternalError:
    """Return the error of a pull that fails, having checked that nothing of it is left."""
    with pytest.raises(ExternalError) as caught:
        find(api, spool, **more)
    assert not (spool / "spool" / "pulled.json").exists()
    return caught.value
