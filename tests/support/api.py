"""A department's API: rows from a list in pages, in its own ways, and as badly as it is told."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Headers = dict[str, str]


@dataclass
class Reply:
    """What is sent back."""

    body: bytes | str = b""
    status: int = 200
    headers: Headers = field(default_factory=dict)

    @property
    def raw(self) -> bytes:
        return self.body.encode() if isinstance(self.body, str) else self.body


@dataclass
class Request:
    """What came: ``given`` are the query's parameters, and a POST's body if it is JSON."""

    path: str
    given: dict[str, str]
    headers: Headers
    body: str


@dataclass
class Api:
    """A server; tests change it while it runs.

    Attributes:
        rows: What it has, each row as JSON text, in its order.
        next: Replies to the next requests instead of rows, in order.
        before: Called before each request is answered, with the number of requests so far.
        answer: Makes a request into a reply; `paged` by default.
        cap: It gives no more rows a page than this, whatever it is asked.
        envelope: Text around a page, with ``ROWS``, ``TOTAL`` and ``NEXT`` in it.
        headers: What every page's reply has.
        seen: All requests.
    """

    rows: list[str] = field(default_factory=list)
    next: list[Reply] = field(default_factory=list)
    before: Callable[[int], None] = lambda _: None
    answer: Callable[[Api, Request], Reply] = field(default_factory=lambda: paged)
    cap: int = 10_000
    envelope: str = '{"code": 0, "data": {"total": TOTAL, "items": ROWS, "next": NEXT}}'
    headers: Headers = field(default_factory=dict)
    seen: list[Request] = field(default_factory=list)
    port: int = 0
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/api/rows"

    def reply(self, request: Request) -> Reply:
        self.seen.append(request)
        self.before(len(self.seen))
        return self.next.pop(0) if self.next else self.answer(self, request)

    def wrapped(self, rows: list[str], following: object = None) -> Reply:
        """Return rows as a page."""
        text = self.envelope.replace("TOTAL", str(len(self.rows)))
        text = text.replace("NEXT", json.dumps(following)).replace("ROWS", f"[{', '.join(rows)}]")
        return Reply(text, headers={"Content-Type": "application/json", **self.headers})


def paged(api: Api, request: Request) -> Reply:
    """Answer by page and size, by offset and limit, or by cursor."""
    given = request.given
    size = min(int(given.get("size") or given.get("limit") or api.cap), api.cap)
    if "page" in given:
        start = (int(given["page"]) - 1) * size
    else:
        start = int(given.get("offset") or given.get("cursor") or 0)
    end = start + size
    return api.wrapped(api.rows[start:end], str(end) if end < len(api.rows) else None)


def linked(api: Api, request: Request) -> Reply:
    """Answer by the header ``Link``."""
    start, size = int(request.given.get("at", 0)), int(request.given.get("size", 2))
    reply = api.wrapped(api.rows[start : start + size])
    if start + size < len(api.rows):
        link = f'<{request.path}?at={start + size}&size={size}>; rel="next", <x>; rel="last"'
        reply.headers["Link"] = link
    return reply


def number_rows(count: int, **more: Any) -> list[str]:
    """Return rows with ids from 1."""
    return [json.dumps({"id": str(n), "note": f"第{n}行", **more}) for n in range(1, count + 1)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._answer("")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

    def _answer(self, body: str) -> None:
        parts = urlsplit(self.path)
        given = dict(parse_qsl(parts.query))
        if body.startswith("{"):
            given |= {key: str(value) for key, value in json.loads(body).items()}
        request = Request(parts.path, given, dict(self.headers.items()), body)
        reply = self.server.api.reply(request)
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.raw)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.raw)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: Api) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that went away."""


@contextmanager
def department_api(certificate: Path | None = None) -> Iterator[Api]:
    """Make an API on a free loopback port, and take it away again.

    With a file of key and certificate it speaks TLS.
    """
    api = Api()
    with _Server(api) as server:
        api.port = server.server_address[1]
        if certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            server.socket = tls.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
            api.scheme = "https"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()
