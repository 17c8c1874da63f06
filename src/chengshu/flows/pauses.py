"""What is paused: resources, and whole departments, that are not pulled until a person resumes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, DateTime, String, Table, delete, insert, select

from chengshu.catalog import Pack, Resource
from chengshu.kernel.clock import utc_now
from chengshu.kernel.errors import InputError, NotFoundError
from chengshu.state import METADATA, Database

PAUSES = Table(
    "pause",
    METADATA,
    Column("name", String, primary_key=True),  # department/resource, or a department
    Column("since", DateTime, nullable=False),
    Column("person", String, nullable=False),
    Column("reason", String, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Pause:
    """Who paused what, and why; ``since`` is in UTC."""

    name: str
    since: datetime
    person: str
    reason: str


def pause(database: Database, pack: Pack, name: str, person: str, reason: str) -> None:
    """Pause a resource or a department; one that is paused stays as it is.

    Raises:
        InputError: No reason is given.
        NotFoundError: There is neither a resource nor a department of that name.
    """
    owners = {resource.owner for resource in pack.resources.values()}
    if name not in owners and name not in pack.resources:
        raise NotFoundError("resource or department", name, owners | set(pack.resources))
    if not reason.strip():
        raise InputError("a pause needs a reason", hint='Give one: --reason "…"')
    row = {"name": name, "since": utc_now(), "person": person, "reason": reason}
    with database.transaction() as connection:
        if connection.execute(select(PAUSES).where(PAUSES.c.name == name)).first() is None:
            connection.execute(insert(PAUSES).values(row))


def resume(database: Database, name: str) -> None:
    """End a pause.

    Raises:
        NotFoundError: Nothing of that name is paused.
    """
    with database.transaction() as connection:
        done = connection.execute(delete(PAUSES).where(PAUSES.c.name == name))
    if not done.rowcount:
        raise NotFoundError("pause of", name, list_pauses(database))


def list_pauses(database: Database) -> dict[str, Pause]:
    """Return what is paused, by name."""
    with database.transaction() as connection:
        rows = connection.execute(select(PAUSES).order_by(PAUSES.c.name))
        return {row.name: Pause(**row._mapping) for row in rows}


def pause_of(pauses: Mapping[str, Pause], resource: Resource) -> Pause | None:
    """Return the pause of a resource, its own or its department's."""
    return pauses.get(resource.id) or pauses.get(resource.owner)
