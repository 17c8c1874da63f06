"""What pulling from a MySQL or MariaDB server and delivering to one have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from chengshu.catalog.mysql_server import MysqlServer
from chengshu.exchange.connectors.mysql_text import Column, literal_mysql, quote_mysql
from chengshu.kernel.errors import ExternalError

Refused = Literal["user", "database", "tls"]
# What a server refuses → what is wrong, and what to do.
_REFUSALS: dict[Refused, tuple[str, str]] = {
    "user": (
        "the server does not let us in",
        "Check the user, its right to the database, and the secret {secret!r}.",
    ),
    "database": ("the server has no such database", "Check the declaration."),
    "tls": (
        "no TLS connection as declared can be made",
        "Check tls and ca, and the server's certificate.",
    ),
}


def refusal_of(system: str, server: MysqlServer, refused: Refused | None) -> ExternalError:
    """Return the error of a server that does not let us in; None where it does not answer."""
    if refused is None:
        return ExternalError(
            system, "the server cannot be reached", retryable=True, hint="Check that it runs."
        )
    problem, hint = _REFUSALS[refused]
    return ExternalError(system, problem, retryable=False, hint=hint.format(secret=server.secret))


def qualified(server: MysqlServer, table: str) -> str:
    """Return a table's name, with its database, as SQL."""
    return ".".join(quote_mysql(part) for part in server.locate(table))


def columns_sql(server: MysqlServer, table: str) -> str:
    """Return the query of a table's columns, for `read_columns`."""
    schema, name = (literal_mysql(part) for part in server.locate(table))
    return (
        "SELECT CAST(column_name AS CHAR) AS a, CAST(data_type AS CHAR) AS b, "
        "CAST(character_set_name AS CHAR) AS c, CAST(numeric_precision AS CHAR) AS d "
        f"FROM information_schema.columns WHERE {_is_table(schema, name)} ORDER BY ordinal_position"
    )


def engine_sql(server: MysqlServer, table: str) -> str:
    """Return the query of a table's storage engine: no row without the table, NULL of a view."""
    schema, name = (literal_mysql(part) for part in server.locate(table))
    return (
        "SELECT CAST(engine AS CHAR) AS a FROM information_schema.tables "
        f"WHERE {_is_table(schema, name)}"
    )


def read_columns(rows: Iterable[Sequence[Any]]) -> list[Column]:
    """Return a table's columns, in their order."""
    return [
        Column(str(name), str(kind).lower(), charset, int(precision or 0))
        for name, kind, charset, precision in rows
    ]


def _is_table(schema: str, name: str) -> str:
    return (
        f"table_schema = {schema} AND table_name = {name} "
        "AND (@@lower_case_table_names > 0 OR (CAST(table_schema AS BINARY) = "
        f"CAST({schema} AS BINARY) AND CAST(table_name AS BINARY) = CAST({name} AS BINARY)))"
    )
