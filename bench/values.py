"""CPU of each value type's SQL beside a bare ``length()`` over the same column in memory.

The values are those of the person resource where it has the type, else made here; every value is
written plainly. A type's cost covers its canonical value and its reason, summed up, not stored.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from bench.measure import WORK, Cost, Costs, main_of, run_part, timed
from bench.people import make_people
from chengshu.engine.lake import Lake
from chengshu.standards.facts import load_facts
from chengshu.standards.registry import value_type
from chengshu.standards.types.organisation_code import check_character as organisation_check
from chengshu.standards.types.uscc import check_character as uscc_check

ROWS, REPEATS = 1_000_000, 3
OF_PERSONS = {
    "citizen_id": ("citizen_id", {}),
    "person_id": ("citizen_id", {}),
    "person_name": ("name", {}),
    "code": ("ethnicity", {"codes": "gb3304"}),
    "division": ("division", {}),
    "address": ("address", {}),
    "phone": ("phone", {}),
    "date": ("registered_on", {}),
    "datetime": ("updated_at", {}),
    "text": ("address", {}),
}
MADE: Mapping[str, str] = {
    "count": "CAST(i % 90000 AS VARCHAR)",
    "number": "CAST(i % 90000 AS VARCHAR) || '.' || (i % 90 + 10)",
    "money": "CAST(i % 90000 AS VARCHAR) || '.' || (i % 90 + 10)",
    "longitude": "'121.' || (100000 + i % 800000)",
    "latitude": "'29.' || (100000 + i % 800000)",
    "enterprise_name": "'宁波市' || chr(CAST(19968 + i % 9000 AS INTEGER)) || '华贸易有限公司'",
    "uscc": "uscc.value",
    "organisation_code": "organisation.value",
}


def run() -> None:
    """Measure every type in one process, as the machine's speed drifts."""
    costs = run_part("values", "measure")
    length = costs.pop("length()")
    print(f"\nvalues, CPU s a million, least of {REPEATS}; length(): {length.cpu:.3f}")
    print("| type | CPU s | × length() |\n| --- | ---: | ---: |")
    for name, cost in sorted(costs.items(), key=lambda item: item[1].cpu):
        print(f"| {name} | {cost.cpu:.2f} | {cost.cpu / max(length.cpu, 0.001):.0f} |")


def measure() -> Costs:
    """Return the least CPU of each type over the repeats, scaled to a million values."""
    from chengshu.engine.lake import connect

    root = WORK / "values"
    con = connect(Lake(root / "catalog.sqlite", root / "data", root / "tmp"))
    file = make_people(WORK / f"people_{ROWS}.parquet", ROWS)
    texts = {name: f'"{column}"' for name, (column, _) in OF_PERSONS.items()} | MADE
    columns = ", ".join(f'{sql} AS "{name}"' for name, sql in texts.items())
    _stage_codes(con)
    con.execute(
        f"CREATE TEMP TABLE texts AS SELECT {columns} FROM (SELECT *, row_number() OVER () AS i "
        f"FROM '{file}') AS p JOIN uscc ON uscc.n = i % 20000 "
        "JOIN organisation ON organisation.n = i % 20000"
    )
    found: Costs = {}
    for _ in range(REPEATS):
        _least(found, con, "length()", 'SELECT SUM(LENGTH("address")) FROM texts')
        for name in texts:
            parameters = OF_PERSONS.get(name, ("", {}))[1]
            _least(found, con, name, _sql(con, name, parameters))
    con.close()
    return found


def _stage_codes(con: object) -> None:
    for name, values in {
        "organisation": [f"{n:08}" + organisation_check(f"{n:08}") for n in range(20_000)],
        "uscc": [f"91330200{n:08}" + organisation_check(f"{n:08}") for n in range(20_000)],
    }.items():
        rows = [(n, v + uscc_check(v) if name == "uscc" else v) for n, v in enumerate(values)]
        _stage(con, name, {"n": "BIGINT", "value": "VARCHAR"}, rows)


def _stage(con, name: str, columns: Mapping[str, str], rows) -> None:
    import pyarrow as pa

    arrow = pa.table(dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True)))
    con.register("rows_in", arrow)
    con.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS SELECT * FROM rows_in')
    con.unregister("rows_in")


def _sql(con, name: str, parameters: Mapping[str, str]) -> str:
    """Return SQL that reads every value and counts what came out."""
    sql = f'SELECT "{name}" AS raw FROM texts'
    for stage in value_type(name, **parameters).stages('"raw"', "v"):
        joins = ""
        for look in stage.lookups:
            facts = load_facts(look.table)
            _stage(con, f"facts__{look.table}", facts.columns, facts.rows)
            joins += f' LEFT JOIN "facts__{look.table}" AS "{look.alias}" '
            joins += f'ON {look.on} = "{look.alias}".key'
        made = "".join(f', {value} AS "{column}"' for column, value in stage.columns.items())
        sql = f"SELECT s.*{made} FROM ({sql}) AS s{joins}"
    return f'SELECT COUNT("v"), COUNT("v__why") FROM ({sql}) AS done'


def _least(found: Costs, con, name: str, sql: str) -> None:
    costs: Costs = {}
    with timed(costs, name):
        con.execute(sql).fetchall()
    if name not in found or costs[name].cpu < found[name].cpu:
        found[name] = Cost(costs[name].cpu, costs[name].wall)


if __name__ == "__main__":
    main_of({"measure": measure}, sys.argv)
