"""Pulling from a MariaDB server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chengshu.catalog.source import MysqlSource
from chengshu.engine.lake import load_extensions
from chengshu.engine.sql import listed
from chengshu.exchange.connectors.mysql import find_mysql
from chengshu.exchange.port import Past, Surroundings
from tests.support.mariadb import DATABASE, MariadbServer
from tests.support.processes import PASSWORD, USER

ZONE = "Asia/Shanghai"


def source(server: MariadbServer, table: str, **more: Any) -> MysqlSource:
    return MysqlSource.model_validate(
        {
            "kind": "mysql", "host": "127.0.0.1", "port": str(server.port), "user": USER,
            "database": DATABASE, "secret": "front", "table": table, **more,
        }
    )  # fmt: skip


def around(password: str = PASSWORD, zone: str = ZONE) -> Surroundings:
    return Surroundings(Path(), zone, lambda _: password, Path(), Path())


def pull(
    found: MysqlSource, watermark: str | None = None, zone: str = ZONE
) -> tuple[list[dict[str, str | None]], str | None]:
    """Return the rows of one pull, read in either way, and its watermark."""
    import duckdb

    (incoming,) = find_mysql(found, Past("run", watermark), around(zone=zone))
    batches = list(incoming.batches())
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert incoming.scan is not None
    with duckdb.connect() as con:
        load_extensions(con, ("mysql_scanner",))
        with incoming.scan.attached(con) as sql:
            names = listed(["_line", *incoming.header, "_rest", "_problem"])
            scanned = con.execute(f"SELECT * FROM ({sql}) AS scan({names})").fetchall()
            assert scanned == [tuple(row.values()) for row in rows]
        assert con.execute("SELECT name FROM duckdb_secrets()").fetchall() == []
    return rows, incoming.watermark
