"""What the made-up city's departments deliver: the same again by seed, and day after day."""

from __future__ import annotations

import json
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from chengshu.catalog.yaml import load_model
from chengshu.demo import deliver, generate
from chengshu.demo.defects.model import Layouts, shipped
from chengshu.demo.fronts import FRONTS, Front
from chengshu.demo.fronts.api import serve_requests
from chengshu.demo.fronts.write import columns_of
from chengshu.demo.generate import make_delivered, open_city
from chengshu.demo.world import DAY_0
from chengshu.kernel.errors import InputError
from chengshu.main.cli import run_command

SIZE, DAYS = 2_000, 30
ADDRESSED = {
    "public_security/resident": ("XZZ", "SQDM"),
    "public_security/residence_permit": ("JZDZ", "SQDM"),
    "market_regulation/enterprise": ("DOM", None),
    "power/electricity": ("用电地址", None),
    "government_services/request": ("address", "communityCode"),
}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("city")
    generate(folder, SIZE, 7, DAYS)
    return folder


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    con = open_city(tmp_path_factory.mktemp("living"), SIZE, 7, DAYS)
    yield con
    con.close()


def on_day(con: Any, day: int, business_day: int | None = None) -> None:
    """Set the delivery; ``business_day`` apart asks for all that is known by then."""
    today = DAY_0 + timedelta(day if business_day is None else business_day)
    con.execute(f"SET VARIABLE day = {day}; SET VARIABLE today = DATE '{today}'")


def digests(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".sqlite":
            with closing(sqlite3.connect(path)) as con:
                found[path.name] = sha256("\n".join(con.iterdump()).encode()).hexdigest()
        elif path.is_file():
            found[path.name] = sha256(path.read_bytes()).hexdigest()
    return found


def table_of(folder: Path, front: Front) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "front" / front.path)) as con:
        return con.execute(f"SELECT * FROM {front.table} ORDER BY rowid").fetchall()


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path):
    for name in ("one", "two"):
        generate(tmp_path / name, SIZE, 3, 15)

    one, two = (digests(tmp_path / name / "front") for name in ("one", "two"))

    assert len(one) > 90
    assert one == two


def test_departments_deliver_what_they_promise(city: Path):
    expected = {front.path_on(day) for front in FRONTS for day in front.days if day <= DAYS}

    found = {str(path.relative_to(city / "front")) for path in (city / "front").rglob("*.*")}

    # Who has no news sends no file of JSON lines.
    silent = {path for path in expected - found if path.endswith(".jsonl")}
    assert found == expected - silent
    assert not (city / "days").exists()


@pytest.mark.parametrize("front", [f for f in FRONTS if f.table], ids=lambda f: f.table)
def test_a_table_changed_day_by_day_is_what_is_known_on_the_last_day(
    city: Path, living: Any, front: Front
):
    on_day(living, 0, DAYS)
    make_delivered(living, front)
    known = living.execute("SELECT * EXCLUDE (_row, _id) FROM delivered ORDER BY _id").fetchall()

    assert len(known) > 20
    assert table_of(city, front) == known


@pytest.mark.parametrize("front", FRONTS, ids=lambda front: front.resource)
def test_columns_are_those_that_defects_are_declared_for(living: Any, front: Front):
    layouts = load_model(Layouts, shipped("columns.yaml"), "columns.yaml").resources
    on_day(living, 0)
    make_delivered(living, front)

    assert columns_of(living) == list(layouts[front.resource].columns.values())


@pytest.mark.parametrize("resource", ADDRESSED)
@pytest.mark.parametrize("day", [0, DAYS])
def test_every_address_is_one_of_the_citys(living: Any, resource: str, day: int):
    column, community = ADDRESSED[resource]
    on_day(living, 0, day)
    make_delivered(living, next(front for front in FRONTS if front.resource == resource))
    same = f'AND code = "{community}"' if community else ""

    (lost,) = living.execute(
        f"""SELECT count(*) FROM delivered WHERE NOT EXISTS (
            SELECT 1 FROM address JOIN community ON community.id = community
            WHERE address = regexp_extract("{column}", '^.*?[路街巷道]\\d+号') {same})"""
    ).fetchone()

    assert lost == 0


def test_days_come_one_after_the_other(tmp_path: Path):
    generate(tmp_path, SIZE, 7, 2, deliver_days=False)
    assert not (tmp_path / "front").exists()

    deliver(tmp_path, 0)
    first = table_of(tmp_path, next(front for front in FRONTS if front.table == "requests"))
    with pytest.raises(InputError, match=r"day 2 cannot be delivered now.*next is 1"):
        deliver(tmp_path, 2)
    deliver(tmp_path, 1)
    second = table_of(tmp_path, next(front for front in FRONTS if front.table == "requests"))

    assert len(second) > len(first)
    assert not set(first) <= set(second)


@pytest.mark.parametrize(
    ("size", "days", "said"), [(1_999, 5, "size is 1999"), (2_000, 93, "days is 93")]
)
def test_what_cannot_be_is_refused(tmp_path: Path, size: int, days: int, said: str):
    with pytest.raises(InputError, match=said):
        generate(tmp_path, size, 7, days)


def test_a_second_city_does_not_go_over_the_first(city: Path):
    with pytest.raises(InputError, match="holds a city already"):
        generate(city, SIZE, 7, 1)


def test_a_workbook_has_dates_in_cells_of_dates(city: Path):
    from openpyxl import load_workbook

    sheet = load_workbook(city / "front/civil_affairs/marriage_20260331.xlsx")["台账"]
    title, header, *rows = sheet.iter_rows(values_only=True)

    assert title[0] == "临江市婚姻登记台账"
    assert header[0] == "登记证号"
    assert len(rows) > 300
    assert {isinstance(row[5], date) for row in rows} == {True}


def test_a_department_writes_in_its_own_encoding(city: Path):
    front = city / "front"

    gb = (front / "medical_insurance/enrolment_20260331.csv").read_text("gb18030")
    marked = (front / "human_resources/employment_0001.csv").read_bytes()

    assert gb.startswith("序号|证件号码|姓名|险种|")
    assert marked.startswith("\ufeff操作,个人编号".encode())


def ask(url: str, token: str = "open") -> dict[str, Any]:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def test_the_api_gives_every_request_once_in_order(city: Path):
    with serve_requests(city / "front/government_services/requests.sqlite", "open") as url:
        first = ask(f"{url}?page=1&size=50")
        pages = [ask(f"{url}?page={page}&size=50") for page in range(1, first["total"] // 50 + 2)]
        items = [item for page in pages for item in page["items"]]
        since = items[len(items) // 2]["updateTime"]
        later = ask(f"{url}?page=1&size=1000&since={since.replace(' ', '%20')}")

    keys = [(item["updateTime"], item["requestNo"]) for item in items]
    assert keys == sorted(set(keys))
    assert len(keys) == first["total"]
    assert later["items"] == [item for item in items if item["updateTime"] >= since]


def test_the_api_asks_for_its_token(city: Path):
    with (
        serve_requests(city / "front/government_services/requests.sqlite", "open") as url,
        pytest.raises(urllib.error.HTTPError, match="401"),
    ):
        ask(url, "other")


def test_the_command_spoils_and_leaves_an_answer_key(tmp_path: Path):
    code = run_command(
        ["generate", str(tmp_path / "city"), "--size", "2000", "--days", "1", "--wait"]
    )
    answers = pq.read_table(tmp_path / "city/answer_key.parquet").to_pydict()
    deliver(tmp_path / "city", 1)

    assert code == 0
    assert set(answers["day"]) == {0, 1}
    assert len(set(answers["kind"])) > 20
    assert (tmp_path / "city/front/government_services/licence_20260401.csv").exists()
