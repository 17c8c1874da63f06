"""Which department delivers what, where, on which days, and in which form."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

from chengshu.demo.world import DAY_0

_DAILY = frozenset(range(366))
_TENTH = frozenset(range(0, 366, 10))
_HALF_MONTHS = frozenset(range(0, 366, 15))
_MONTHS = frozenset(range(0, 366, 30))


@dataclass(frozen=True, slots=True)
class Front:
    """One resource as its department keeps it.

    What it says stands in ``sql/<department>/<resource>.sql``.

    Attributes:
        resource: ``department/resource``.
        path: File below ``front/``; ``{d}`` is the business day, ``{n}`` the number of the batch.
        days: On which it delivers, 0 is the first.
        table: Table of an SQLite file.
        index: Columns of that table that have an index, the watermark first.
        is_reloaded: Whether the table is filled anew each time; else rows are changed in place.
        encoding: Codec of a text file.
        separator: Between the columns of a text file.
        types: Column → SQL type, for a Parquet file; others are text.
    """

    resource: str
    path: str
    days: Set[int] = _DAILY
    table: str = ""
    index: tuple[str, ...] = ()
    is_reloaded: bool = False
    encoding: str = "utf-8"
    separator: str = ","
    types: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def path_on(self, day: int) -> str:
        """Return the file of a day's delivery, below ``front/``."""
        return self.path.format(d=f"{DAY_0 + timedelta(day):%Y%m%d}", n=f"{day + 1:04}")


PLACES = 8
"""Numbers of ``rowid`` for each thing in a table of SQLite: a department may have it twice."""

_RETURN = {"SBRQ": "DATE"} | dict.fromkeys(("XSE", "YNSE", "SJSE"), "DECIMAL(14, 2)")
_READING = {"监测时间": "TIMESTAMP", "数值": "DECIMAL(12, 3)"}
_HUKOU, _GB = "public_security/hukou.sqlite", "gb18030"

FRONTS = (
    Front("natural_resources/community", "natural_resources/community_{d}.csv", {0}),
    Front("natural_resources/cell", "natural_resources/cell_{d}.csv", {0}),
    Front("natural_resources/address", "natural_resources/address_{d}.csv", _MONTHS),
    Front("public_security/resident", _HUKOU, table="T_CZRK", index=("GXSJ",)),
    Front("public_security/residence_permit", _HUKOU, table="T_JZZ", index=("GXSJ",)),
    Front("civil_affairs/marriage", "civil_affairs/marriage_{d}.xlsx", _TENTH),
    Front("civil_affairs/aid_payment", "civil_affairs/aid_{d}.tsv", {0, 10}, separator="\t"),
    Front("health/birth_certificate", "health/birth_{d}.jsonl"),
    Front("health/death_certificate", "health/death_{d}.jsonl"),
    Front(
        "human_resources/employment", "human_resources/employment_{n}.csv", encoding="utf-8-sig"
    ),
    Front(
        "medical_insurance/enrolment", "medical_insurance/enrolment_{d}.csv", _HALF_MONTHS,
        encoding=_GB, separator="|",
    ),
    Front("education/student", "education/student_{d}.csv", _MONTHS, encoding=_GB),
    Front("disabled_federation/disability", "disabled_federation/disability_{d}.xlsx", _MONTHS),
    Front(
        "market_regulation/enterprise", "market_regulation/market.sqlite",
        table="E_BASE", index=("S_EXT_TIMESTAMP",),
    ),
    Front("market_regulation/enterprise_officer", "market_regulation/officer_{d}.jsonl"),
    Front("market_regulation/enterprise_holder", "market_regulation/holder_{d}.csv", _HALF_MONTHS),
    Front("market_regulation/penalty", "market_regulation/penalty_{d}.jsonl"),
    Front("tax/tax_return", "tax/return_{d}.parquet", frozenset(range(16)), types=_RETURN),
    Front("government_services/licence", "government_services/licence_{d}.csv"),
    Front(
        "government_services/request", "government_services/requests.sqlite",
        table="requests", index=("updateTime", "requestNo"),
    ),
    Front(
        "development_reform/dishonesty", "development_reform/dishonesty_{d}.csv", _TENTH,
        encoding=_GB,
    ),
    Front(
        "ecology/pollution_permit", "ecology/permits.sqlite", _TENTH,
        table="pollution_permit", is_reloaded=True,
    ),
    Front("ecology/sensor", "ecology/sensor_{d}.csv", _MONTHS),
    Front("ecology/sensor_reading", "ecology/reading_{d}.parquet", types=_READING),
    Front("power/electricity", "power/power_{d}.csv", {0, 5}),
)  # fmt: skip
