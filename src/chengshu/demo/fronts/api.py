"""The hotline's API: ``GET /api/requests?page=&size=&since=`` with a bearer token."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hmac import compare_digest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

PATH = "/api/requests"
_MOST = 1_000


@contextmanager
def serve_requests(database: Path, token: str, port: int = 0) -> Iterator[str]:
    """Answer on 127.0.0.1 while the block runs; yield the API's address.

    An answer is ``{"total": rows in all, "items": [one page]}``, in the order of ``updateTime`` and
    ``requestNo``; ``since`` keeps what was updated then or later. Every value is text or null.

    Args:
        database: ``requests.sqlite`` as `chengshu.demo.deliver` fills it.
        token: What ``Authorization: Bearer`` must say.
        port: 0 for any that is free.
    """
    server = ThreadingHTTPServer(("127.0.0.1", port), _handler(database, token))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{PATH}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def read_page(database: Path, page: int, size: int, since: str) -> dict[str, Any]:
    """Return one page of requests (see `serve_requests`); pages are numbered from 1."""
    with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as con:
        con.row_factory = sqlite3.Row
        (total,) = con.execute(
            "SELECT count(*) FROM requests WHERE updateTime >= ?", [since]
        ).fetchone()
        rows = con.execute(
            "SELECT * FROM requests WHERE updateTime >= ? "
            "ORDER BY updateTime, requestNo, rowid LIMIT ? OFFSET ?",
            [since, size, (page - 1) * size],
        )
        return {"total": total, "items": [dict(row) for row in rows]}


def _handler(database: Path, token: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Answer one request."""
            status, answer = self._answer()
            body = json.dumps(answer, ensure_ascii=False).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _answer(self) -> tuple[int, dict[str, Any]]:
            said = self.headers.get("Authorization", "")
            if not compare_digest(said.encode(), f"Bearer {token}".encode()):
                return 401, {"error": "unauthorised"}
            address = urlsplit(self.path)
            if address.path != PATH:
                return 404, {"error": "not found"}
            asked = {name: values[-1] for name, values in parse_qs(address.query).items()}
            try:
                page, size = int(asked.get("page", "1")), int(asked.get("size", "100"))
            except ValueError:
                return 400, {"error": "page and size are whole numbers"}
            if page < 1 or not 1 <= size <= _MOST:
                return 400, {"error": f"page from 1, size from 1 to {_MOST}"}
            return 200, read_page(database, page, size, asked.get("since", ""))

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler
