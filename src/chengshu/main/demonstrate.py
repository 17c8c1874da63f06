"""The command `demo`: a made-up city lived through day by day, and what came of it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from chengshu.catalog import Pack, usable_pack
from chengshu.demo import KEY, PACK, deliver
from chengshu.demo.fronts.api import serve_requests
from chengshu.demo.fronts.resources import FRONTS
from chengshu.demo.world import DAY_0
from chengshu.flows.asks import Outcome
from chengshu.flows.worker import serving
from chengshu.kernel.errors import InputError
from chengshu.libraries.base.tables import current, disagreements
from chengshu.main.card import EntityLook
from chengshu.main.entities import show_entity
from chengshu.main.generate import City
from chengshu.main.home import Home, make_home
from chengshu.main.render import Days, progress_of_days, say, show_table
from chengshu.main.runs import How, run_home
from chengshu.main.scores import score
from chengshu.main.shows import show_status_of
from chengshu.main.themes import Meant, theme

HOTLINE = "government_services/request"
SECRET, TOKEN = "hotline", "demo-only"
DECLARED_PORT = "127.0.0.1:8912"


def demo(folder: Path, city: City) -> None:
    """Make the city in a home folder, live through its days, and show what came of it."""
    started = time.monotonic()
    if folder.exists() and any(folder.iterdir()):
        raise InputError(
            f"{folder} is not empty; a made-up city would mix with what it holds",
            hint="Choose a new folder, or remove this one first.",
        )
    home = make_home(folder)
    shutil.copytree(PACK, folder / "packs" / "city")
    with progress_of_days(city.days + 2) as tell:
        tell(0, f"a city of {city.size:,} residents is made")
        city.make(folder, lambda step: tell(0, step))
        made = time.monotonic()
        troubles = _live(home, city.days, tell)
    ended = time.monotonic()
    pack = usable_pack(home.pack)
    say(f"临江市: {city.size:,} residents, {len(pack.departments.departments)} departments, "
        f"{len(pack.resources)} resources, {city.days + 1} days of deliveries.")  # fmt: skip
    say(f"made in {made - started:.0f} s, lived through in {ended - made:.0f} s")
    say("")
    show_status_of(home, pack)
    if troubles:
        show_table("runs that ended with an error", ("day", "what", "error"), troubles)
    key = _most_disputed(home, pack)
    show_entity(home, EntityLook("person", key), json=False)
    for name in pack.themes:
        theme(home.root, Meant(name, 12, compute=False, recompute=None), json=False)
    score(home.root, folder / KEY, city.defects, json=False, markdown=False)
    _tell_next(folder, key, time.monotonic() - started)


def _live(home: Home, days: int, tell: Days) -> list[tuple[int, str, str]]:
    """Let the departments deliver and the platform run, day after day; return what went wrong."""
    troubles = []
    with home.open_secrets() as secrets:
        secrets.put(SECRET, TOKEN)
    with _hotline(home), serving(lambda: home.writing(tell.run), home.flows, home.lock):
        for day in range(days + 1):
            date = DAY_0 + timedelta(day)
            tell(day + 1, f"{date}")
            deliver(home.root, day)
            names = [front.resource for front in FRONTS if day in front.days]
            outcomes = run_home(home, names, How(date.isoformat()))
            troubles += [(day, *_trouble(o)) for o in outcomes if o.error]
    return troubles


def _trouble(outcome: Outcome) -> tuple[str, str]:
    return outcome.resource, str((outcome.error or {})["message"])


@contextmanager
def _hotline(home: Home) -> Iterator[None]:
    """Answer as the hotline's API, and let the pack's resource name the port."""
    database = home.root / "front" / Path(HOTLINE).with_name("requests.sqlite")
    with serve_requests(database, TOKEN) as address:
        declared = home.pack / "resources" / f"{HOTLINE}.yaml"
        text = declared.read_text("utf-8")
        port = address.partition("//")[2].partition("/")[0]
        declared.write_text(text.replace(DECLARED_PORT, port), "utf-8")
        yield


def _most_disputed(home: Home, pack: Pack) -> str:
    """Return the person of whom most departments speak, one that they disagree on first."""
    entity = pack.entities["person"]
    disputed = f"SELECT _key FROM lake.{disagreements(entity)}"
    with home.reading() as engine, engine.session() as session:
        (row,) = session.rows(
            f"SELECT {entity.key.name} AS key FROM lake.{current(entity)} ORDER BY "
            f"CASE WHEN {entity.key.name} IN ({disputed}) THEN 0 ELSE 1 END, "
            "LENGTH(REPLACE(_by, '-', '')) DESC, 1 LIMIT 1",
            step="a person",
        )
    return str(row["key"])


def _tell_next(folder: Path, key: str, seconds: float) -> None:
    say(f"done in {seconds:.0f} s; what to look at next:")
    for command in (
        "status market_regulation/enterprise",
        "show civil_affairs/marriage --store management",
        f"show person {key}",
        'show public_security/resident --unmasked --reason "trying the demo"',
        "theme business_environment",
        "schedule",
        f"score --key {folder / KEY}",
    ):
        say(f"  chengshu --home {folder} {command}")
    say(f"  {folder}/packs/city/resources: what the departments declare")
