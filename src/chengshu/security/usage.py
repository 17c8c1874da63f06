"""The usage record: who saw or was given what and why, written before it is."""

from __future__ import annotations

from sqlalchemy import insert, select

from chengshu.kernel.clock import utc_now
from chengshu.kernel.errors import InputError
from chengshu.security.store import USAGE
from chengshu.state import Database


def record_use(
    database: Database, *, person: str, purpose: str, what: str, reason: str, once: bool = False
) -> None:
    """Write one use.

    With ``once`` the same for the same purpose stays one use: an act that is tried until it is
    done.

    Raises:
        InputError: No reason is given.
    """
    if len(reason.strip()) < 4:
        raise InputError(
            "unmasked data needs a reason of four characters at least",
            hint='Say it with --reason "why you must see it"; it is recorded with your name.',
        )
    row = {"at": utc_now(), "person": person, "purpose": purpose, "what": what, "reason": reason}
    same = select(USAGE.c.id).where(USAGE.c.purpose == purpose, USAGE.c.what == what)
    with database.transaction() as connection:
        if once and connection.execute(same).first():
            return
        connection.execute(insert(USAGE).values(row))


def list_uses(database: Database) -> list[dict[str, object]]:
    """Return the record, oldest first."""
    with database.transaction() as connection:
        return [
            dict(row._mapping) for row in connection.execute(select(USAGE).order_by(USAGE.c.id))
        ]
