"""Make the world's tables, step by step, each a file of SQL over the facts and the seed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from math import sqrt
from pathlib import Path
from typing import Any

from chengshu.engine.lake import bare_connection
from chengshu.engine.sql import literal
from chengshu.standards.types import citizen_id, organisation_code, uscc

DAY_0 = date(2026, 3, 31)
"""The business day of the first delivery; the SQL has it as ``first_day()``."""

_HERE = Path(__file__).parent
_FACTS = {
    "birth": "births",
    "surname": "surnames",
    "given_name": "given_names",
    "marital": "marital",
    "industry": "industries",
    "district": "districts",
    "subject": "topics",
}
# Their codes are text, zeros in front included.
_CODED = ", types = {'code': 'VARCHAR'}"


def open_world(folder: Path, memory_mb: int = 350) -> Any:
    """Return a connection to a new database in ``folder``; what is too much spills there."""
    con = bare_connection(
        memory_limit=f"{memory_mb}MB", temp_directory=str(folder / "spill"), threads="2"
    )
    con.execute(f"ATTACH {literal(str(folder / 'world.duckdb'))} AS world")
    con.execute("USE world")
    return con


def make_world(
    con: Any, size: int, seed: int, days: int, on_step: Callable[[str], None] = lambda _: None
) -> None:
    """Make every table of the city in the database of ``con``.

    Args:
        con: As `open_world` returns it.
        size: Residents in the register on day 0.
        seed: Another seed is another city.
        days: Deliveries after the first; what happens in them is part of the world.
        on_step: Told the name of each step before it runs.

    Cost: windows and hash joins over as many rows as people; memory is bounded by `open_world`.
    """
    for name, value in _scale(size, seed, days).items():
        con.execute(f"SET VARIABLE {name} = {literal(value)}")
    con.execute(f"SET VARIABLE today = DATE '{DAY_0}'")
    for table, file in _FACTS.items():
        path = literal(str(_HERE / "facts" / f"{file}.csv"))
        types = _CODED if table in ("district", "industry", "subject") else ""
        con.execute(f"CREATE TABLE {table} AS FROM read_csv({path}{types})")
    _make_checks(con)
    for step in sorted((_HERE / "sql").glob("*.sql")):
        on_step(step.stem[3:])
        con.execute(step.read_text("utf-8"))


def _scale(size: int, seed: int, days: int) -> dict[str, int | str]:
    """Return what the SQL asks for: how much there is of what does not have ids of its own."""
    streets = max(1, round(sqrt(size / 50_000)))
    return {
        "seed": str(seed),
        "size": size,
        "days": days,
        "streets": streets,
        "quarters": max(2, round(sqrt(size / 10 / streets**2 / 1_500))),
        "addresses": max(800, size * 8 // 100),
        "firms": size * 15 // 100,
        "requests": max(2, size * 3 // 2000),
        "sensors": max(20, size // 100),
    }


def _make_checks(con: Any) -> None:
    """Make the macros of the check characters, by the standards' own tables."""
    terms = " + ".join(
        f"(strpos('{uscc.ALPHABET}', substr(body, {at}, 1)) - 1) * {weight}"
        for at, weight in enumerate(uscc.WEIGHTS, 1)
    )
    # Luhn's sum of 62000000 and ten digits, and a last digit that does not fit it (see numbers).
    luhn = " + ".join(
        f"id // {10**at} % 10 * {2 - at % 2}"
        + ("" if at % 2 else f" - if(id // {10**at} % 10 > 4, 9, 0)")
        for at in range(10)
    )
    con.execute(
        "CREATE MACRO bank_account(id) AS "
        f"'62000000' || lpad(CAST(id AS VARCHAR), 10, '0') || ((1000 + 5 - (10 + {luhn})) % 10)"
    )
    for name, sql in {
        "citizen_check": citizen_id.check_character_sql("CAST(body AS BIGINT)"),
        "organisation_check": organisation_code.check_character_sql("body", "NULL::BIGINT"),
        "uscc_check": f"substr('{uscc.CHECKS}', 1 + ({terms}) % 31, 1)",
    }.items():
        con.execute(f"CREATE MACRO {name}(body) AS {sql}")
