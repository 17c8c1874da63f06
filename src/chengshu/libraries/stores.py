"""What the tables of a resource are called in each store, and what their columns are.

Names of fields never start with ``_``, so the stores' own columns cannot collide with them.
"""

from __future__ import annotations

from collections.abc import Mapping

from chengshu.catalog import Resource, Types
from chengshu.engine import Engine
from chengshu.engine.sql import quote

BATCHES = "landing.batches"
BATCH_COLUMNS = {
    "batch": "BIGINT",
    "resource": "VARCHAR",
    "step_key": "VARCHAR",  # What makes a repeated step find that it is done already.
    "mode": "VARCHAR",  # full or incremental
    "as_of": "TIMESTAMP",  # business time of the delivery, the city's wall time
    "landed_at": "TIMESTAMP",  # UTC
    "source": "VARCHAR",
    "source_digest": "VARCHAR",
    "watermark": "VARCHAR",
    "row_count": "BIGINT",
    "number": "BIGINT",  # what the source calls it, where it numbers its deliveries
}
STEPS = "management.steps"
STEP_COLUMNS = {
    "batch": "BIGINT",
    "resource": "VARCHAR",
    "step": "VARCHAR",
    "rules": "VARCHAR",
    "looked_into": "VARCHAR",  # state of the rows that its rules look into
    "engine": "VARCHAR",
    "done_at": "TIMESTAMP",
    "note": "VARCHAR",  # who decided, and why
}
SOURCE_FINDINGS = "management.source_findings"
SOURCE_FINDING_COLUMNS = {
    "batch": "BIGINT",
    "resource": "VARCHAR",
    "line": "BIGINT",
    "code": "VARCHAR",
    "message": "VARCHAR",
}
PLACE = {"_digest": "VARCHAR", "_batch": "BIGINT", "_position": "BIGINT"}


def landing(resource: Resource) -> str:
    """Return the table of rows as they came, each distinct one since it last changed."""
    return f"landing.{resource.table}"


def repeats(resource: Resource) -> str:
    """Return the table of arrivals of rows that landing holds already, by digest."""
    return f"landing.{resource.table}__repeats"


def current(resource: Resource) -> str:
    """Return the department store's table of records as they are now."""
    return f"department.{resource.table}"


def history(resource: Resource) -> str:
    """Return the department store's table of versions that have ended."""
    return f"department.{resource.table}__history"


def refused(resource: Resource) -> str:
    """Return the management store's table of blocked rows, whole, one for each digest."""
    return f"management.{resource.table}__refused"


def findings(resource: Resource) -> str:
    """Return the management store's table of what failed: digest, rule, field, reason."""
    return f"management.{resource.table}__findings"


def aliases(resource: Resource) -> str:
    """Return the table of raw rows that say what the current version says, in other words."""
    return f"management.{resource.table}__aliases"


def endings(resource: Resource) -> str:
    """Return the table of rows by which the source ended records."""
    return f"management.{resource.table}__endings"


def held(resource: Resource) -> str:
    """Return the table of records that a held delivery would end."""
    return f"management.{resource.table}__held"


def rule_counts(resource: Resource) -> str:
    """Return the table of how many rows each rule was held against, and how many failed."""
    return f"management.{resource.table}__rule_counts"


def counts_sql(tables: Mapping[str, str]) -> str:
    """Return a select list of how many rows tables have; ``tables`` maps a name to each."""
    return ", ".join(
        f"(SELECT COUNT(*) FROM lake.{table}) AS {quote(name)}" for name, table in tables.items()
    )


def arrivals_sql(resource: Resource) -> str:
    """Return SQL of where every row came: ``_digest, _batch, _position``."""
    return " UNION ALL ".join(
        f"SELECT {', '.join(PLACE)} FROM lake.{table}"
        for table in (landing(resource), repeats(resource))
    )


def alias_of(alias: str, version: str) -> str:
    """Return the condition that an alias speaks of a version, and not of an earlier one."""
    return " AND ".join(
        f"{alias}.{column} = {version}.{column}" for column in ("_record", "_batch", "_position")
    )


def raw_columns(resource: Resource) -> dict[str, str]:
    """Return the columns of a row as it came."""
    fields = {f.name: "VARCHAR" for f in resource.fields}
    own = {"_rest": "VARCHAR", "_problem": "VARCHAR", "_operation": "VARCHAR"}
    return {**PLACE, "_source": "VARCHAR", **fields, **own}


def version_columns(resource: Resource, types: Types) -> dict[str, str]:
    """Return the columns of a version of a record."""
    fields = {f.name: types[f.name].column for f in resource.fields}
    own = {"_rules": "VARCHAR", "_since": "TIMESTAMP", "_awaiting": "BIGINT"}
    return {"_record": "VARCHAR", **fields, **PLACE, **own}


FINDING_COLUMNS = {
    **PLACE,
    "_record": "VARCHAR",
    "rule": "VARCHAR",
    "field": "VARCHAR",
    "reason": "VARCHAR",
    "effect": "VARCHAR",
    "_references": "VARCHAR",
}
RULE_COUNT_COLUMNS = {
    "_batch": "BIGINT",
    "rule": "VARCHAR",
    "field": "VARCHAR",
    "effect": "VARCHAR",
    "evaluated": "BIGINT",
    "failed": "BIGINT",
}


def tables_of(resource: Resource, types: Types) -> Mapping[str, Mapping[str, str]]:
    """Return every table of the resource with its columns, in the order in which they are made."""
    version = version_columns(resource, types)
    return {
        BATCHES: BATCH_COLUMNS,
        STEPS: STEP_COLUMNS,
        SOURCE_FINDINGS: SOURCE_FINDING_COLUMNS,
        landing(resource): raw_columns(resource),
        repeats(resource): PLACE,
        current(resource): version,
        history(resource): {**version, "_until": "TIMESTAMP", "_ended": "BIGINT"},
        refused(resource): {
            **raw_columns(resource),
            "_record": "VARCHAR",
            "_rules": "VARCHAR",
        },
        findings(resource): FINDING_COLUMNS,
        aliases(resource): {**PLACE, "_record": "VARCHAR"},
        endings(resource): {**PLACE, "_record": "VARCHAR", "_rules": "VARCHAR"},
        held(resource): {"_batch": "BIGINT", "_record": "VARCHAR"},
        rule_counts(resource): RULE_COUNT_COLUMNS,
    }


def ensure_tables(engine: Engine, resource: Resource, types: Types) -> None:
    """Make the resource's tables, or widen them to what is declared now."""
    engine.ensure_tables(tables_of(resource, types))
