"""The command `demo`: a made-up city, two deliveries, and what came of them."""

from __future__ import annotations

import time
from pathlib import Path

from chengshu.catalog import Pack, Resource, usable_pack
from chengshu.engine import Session
from chengshu.kernel.errors import InputError
from chengshu.libraries import report, stores
from chengshu.libraries.base.tables import current, disagreements
from chengshu.main.card import EntityLook
from chengshu.main.demo import DELIVERED, deliver_again, make_demo_city
from chengshu.main.entities import show_entity
from chengshu.main.home import Home, make_home
from chengshu.main.render import say, show_table
from chengshu.main.runs import How, run_home, show_outcomes
from chengshu.main.shows import show_status_of
from chengshu.security.mask import shown_columns

FIRST, SECOND = (day.isoformat() for day in DELIVERED)


def demo(folder: Path) -> None:
    """Make the demo city in a home folder, run its two deliveries and show the stores."""
    started = time.monotonic()
    if folder.exists() and any(folder.iterdir()):
        raise InputError(
            f"{folder} is not empty; a made-up city would mix with what it holds",
            hint="Choose a new folder, or remove this one first.",
        )
    home = make_home(folder)
    make_demo_city(folder)
    say(f"A made-up city stands in {folder}: four departments, their front stores, its city pack.")
    say("")
    for title, as_of in (("First delivery", FIRST), ("Second delivery, a month later", SECOND)):
        if as_of == SECOND:
            deliver_again(folder)
        say(title)
        say("")
        show_outcomes(home, run_home(home, [], How(as_of)))
    key = _report(home)
    say(f"done in {time.monotonic() - started:.0f} s; what to look at next:")
    for command in (
        "status",
        "show civil_affairs/marriage --store management",
        "show market_regulation/enterprise",
        f"show person {key}",
        'show public_security/resident --unmasked --reason "trying the demo"',
        "theme population",
        "explain population division=330203 sex=2 age_band=80+",
        "schedule",
    ):
        say(f"  chengshu --home {folder} {command}")
    say(f"  {folder}/packs/city/resources: what the departments declare")


def _report(home: Home) -> str:
    """Print the stores, a record's history and a person; return the person's key."""
    pack = usable_pack(home.pack)
    show_status_of(home, pack)
    key = _most_disputed(home, pack)
    show_entity(home, EntityLook("person", key), json=False)
    with home.reading() as engine, engine.session() as session:
        for resource in pack.resources.values():
            record = _most_changed(session, resource)
            if record is not None:
                _show_record(session, pack, resource, record)
                break
    return key


def _most_disputed(home: Home, pack: Pack) -> str:
    """Return the person of whom most departments speak, one that they disagree on first."""
    entity = pack.entities["person"]
    disputed = f"SELECT _key FROM lake.{disagreements(entity)}"
    with home.reading() as engine, engine.session() as session:
        (row,) = session.rows(
            f"SELECT citizen_id FROM lake.{current(entity)} ORDER BY "
            f"CASE WHEN citizen_id IN ({disputed}) THEN 0 ELSE 1 END, "
            "LENGTH(REPLACE(_by, '-', '')) DESC, citizen_id LIMIT 1",
            step="a person",
        )
    return str(row["citizen_id"])


def _most_changed(session: Session, resource: Resource) -> str | None:
    """Return the record with the most ended versions, when it is still current."""
    if resource.identity != "key":
        return None
    rows = session.rows(
        f"SELECT h._record FROM lake.{stores.history(resource)} AS h "
        f"JOIN lake.{stores.current(resource)} AS c ON h._record = c._record "
        "GROUP BY h._record ORDER BY COUNT(*) DESC, h._record LIMIT 1",
        step="a record that changed",
    )
    return rows[0]["_record"] if rows else None


def _show_record(session: Session, pack: Pack, resource: Resource, record: str) -> None:
    types = {f.name: pack.type_of(f) for f in resource.fields}
    columns = shown_columns(resource, types, typed=True, masked=True)
    versions = report.list_versions(session, resource, record, columns)
    show_table(
        f"one record's history in {resource.label} {resource.id}, masked by grade",
        list(versions[0]),
        [list(version.values()) for version in versions],
    )
