"""The peers' side, run in their own environment (``.venv-bench``); nothing of chengshu is there.

The rules are those of `bench.people`, as far as a peer can say them (see docs/benchmarks.md).
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

from bench.measure import Costs, main_of, timed

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"
ID = r"^[1-8][0-9]{5}(18|19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9X]$"
NAME = NAME_PYTHON = r"^[一-鿿·]{2,20}$"
PHONE = r"^1[0-9]{10}$"
SEXES, MARRIED = ["0", "1", "2", "9"], ["10", "20", "21", "22", "23", "30", "40", "90"]
ETHNICITIES = [f"{n:02}" for n in range(1, 57)]
DATES = ["birth_date", "registered_on", "left_on"]


def pandera(path: str, divisions: str) -> Costs:
    """Read and judge lazily, all failure cases collected; no row is written."""
    import pandera.polars as pa
    import polars as pl
    from pandera.errors import SchemaErrors

    costs: Costs = {}
    with timed(costs, "pandera"):
        frame = pl.read_parquet(path)
        number = pl.col("citizen_id")
        total = sum(
            number.str.slice(at, 1).cast(pl.Int32, strict=False) * weight
            for at, weight in enumerate(WEIGHTS)
        )
        check = (total % 11).replace_strict(dict(enumerate(CHECKS)), return_dtype=pl.String)
        born = pl.col("birth_date").str.to_date(strict=False)
        given = number.str.slice(6, 8).str.to_date("%Y%m%d", strict=False)
        sex = 2 - number.str.slice(16, 1).cast(pl.Int32, strict=False) % 2
        days = [
            pa.Check(lambda data, d=d: data.lazyframe.select(
                pl.col(d).str.to_date(strict=False).is_not_null() | pl.col(d).is_null()))
            for d in DATES
        ]  # fmt: skip
        codes = Path(divisions).read_text(encoding="utf-8").split()
        schema = pa.DataFrameSchema(
            {
                "citizen_id": pa.Column(str, pa.Check.str_matches(ID), nullable=False),
                "name": pa.Column(str, pa.Check.str_matches(NAME)),
                "sex": pa.Column(str, pa.Check.isin(SEXES)),
                "ethnicity": pa.Column(str, pa.Check.isin(ETHNICITIES)),
                "marital_status": pa.Column(str, pa.Check.isin(MARRIED)),
                "division": pa.Column(str, pa.Check.isin(codes)),
                "phone": pa.Column(str, pa.Check.str_matches(PHONE)),
            },
            checks=[
                pa.Check(lambda data: data.lazyframe.select(check == number.str.slice(17, 1))),
                pa.Check(lambda data: data.lazyframe.select(pl.col("sex") == sex.cast(pl.String))),
                pa.Check(lambda data: data.lazyframe.select(born == given)),
                pa.Check(lambda data: data.lazyframe.select(
                    pl.col("left_on").str.to_date(strict=False)
                    >= pl.col("registered_on").str.to_date(strict=False))),
                *days,
            ],
        )  # fmt: skip
        try:
            schema.validate(frame, lazy=True)
            cases = 0
        except SchemaErrors as err:
            cases = len(err.failure_cases)
    print(f"pandera: {cases} failure cases", file=sys.stderr)
    return costs


def gx(path: str, divisions: str) -> Costs:
    """Read into pandas and judge a batch; columns for rules across fields are made first."""
    warnings.filterwarnings("ignore")
    import great_expectations as gx
    import great_expectations.expectations as gxe
    import pandas as pd

    costs: Costs = {}
    with timed(costs, "gx"):
        frame = pd.read_parquet(path)
        number = frame["citizen_id"]
        frame["id_is_right"] = number.map(_is_right, na_action="ignore")
        frame["born_by_id"] = pd.to_datetime(number.str[6:14], format="%Y%m%d", errors="coerce")
        frame["sex_by_id"] = number.str[16:17].map(lambda d: str(2 - int(d) % 2), "ignore")
        for day in DATES:
            frame[f"{day}_read"] = pd.to_datetime(frame[day], format="%Y-%m-%d", errors="coerce")
        codes = Path(divisions).read_text(encoding="utf-8").split()
        suite = gx.ExpectationSuite(
            name="person",
            expectations=[
                gxe.ExpectColumnValuesToNotBeNull(column="citizen_id"),
                gxe.ExpectColumnValuesToMatchRegex(column="citizen_id", regex=ID),
                gxe.ExpectColumnValuesToBeInSet(column="id_is_right", value_set=[True]),
                gxe.ExpectColumnValuesToMatchRegex(column="name", regex=NAME_PYTHON),
                gxe.ExpectColumnValuesToBeInSet(column="sex", value_set=SEXES),
                gxe.ExpectColumnValuesToBeInSet(column="ethnicity", value_set=ETHNICITIES),
                gxe.ExpectColumnValuesToBeInSet(column="marital_status", value_set=MARRIED),
                gxe.ExpectColumnValuesToBeInSet(column="division", value_set=codes),
                gxe.ExpectColumnValuesToMatchRegex(column="phone", regex=PHONE),
                gxe.ExpectColumnValuesToNotBeNull(column="birth_date_read"),
                gxe.ExpectColumnPairValuesToBeEqual(column_A="sex", column_B="sex_by_id"),
                gxe.ExpectColumnPairValuesToBeEqual(
                    column_A="birth_date_read", column_B="born_by_id"
                ),
                gxe.ExpectColumnPairValuesAToBeGreaterThanB(
                    column_A="left_on_read", column_B="registered_on_read", or_equal=True,
                    ignore_row_if="either_value_is_missing",
                ),
            ],
        )  # fmt: skip
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        asset = context.data_sources.add_pandas("people").add_dataframe_asset("people")
        batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
        result = batch.validate(suite, result_format="SUMMARY")
    bad = {
        f"{one.expectation_config.type} {one.expectation_config.kwargs.get('column', '')}":
            one.result.get("unexpected_count")
        for one in result.results
    }  # fmt: skip
    print(f"great_expectations: {bad}", file=sys.stderr)
    return costs


def dlt(url: str, folder: str) -> Costs:
    """Load the table ``people`` into a DuckDB file with the backend connectorx."""
    import os
    import shutil

    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    import dlt
    from dlt.sources.sql_database import sql_table

    shutil.rmtree(folder, ignore_errors=True)
    Path(folder).mkdir(parents=True)
    costs: Costs = {}
    with timed(costs, "dlt"):
        table = sql_table(
            credentials=url.replace("postgresql://", "postgresql+psycopg://"),
            table="people",
            backend="connectorx",
            backend_kwargs={"conn": url, "return_type": "arrow"},
        )
        pipeline = dlt.pipeline(
            "people",
            pipelines_dir=folder,
            destination=dlt.destinations.duckdb(f"{folder}/people.duckdb"),
            dataset_name="bench",
        )
        pipeline.run(table, write_disposition="replace")
    import duckdb

    with duckdb.connect(f"{folder}/people.duckdb") as con:
        print("dlt:", con.execute("SELECT COUNT(*) FROM bench.people").fetchone(), file=sys.stderr)
    return costs


def _is_right(number: str) -> bool:
    if len(number) != 18 or not number[:17].isdigit():
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number, WEIGHTS, strict=False))
    return CHECKS[total % 11] == number[17]


if __name__ == "__main__":
    main_of({"pandera": pandera, "gx": gx, "dlt": dlt}, sys.argv)
