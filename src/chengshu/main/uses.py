"""Uses of data: how one is written to the usage record, and the command `usage`."""

from __future__ import annotations

import os
import pwd
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from chengshu.kernel.errors import InputError
from chengshu.main.home import Home, open_home
from chengshu.main.render import say, show_json, show_table
from chengshu.security.usage import list_uses, record_use

if TYPE_CHECKING:
    from chengshu.main.shows import Look
    from chengshu.state import Database


def record_look(home: Home, resource: str, look: Look) -> None:
    """Write who is about to see what; a record's key is written as a digest."""
    what = f"{resource} {look.store or 'department'}"
    if look.record is not None:
        what = f"{resource} {_digest(home, look.record)}"
    else:
        what += f" batch {look.batch}" if look.batch is not None else ""
        what += f", first {look.limit} rows"
    _record(home, "break-glass view", what, look.reason)


def record_entity_look(home: Home, entity: str, key: str, reason: str) -> None:
    """Write who is about to see an entity in the clear; its key is written as a digest."""
    _record(home, "break-glass view", f"{entity} {_digest(home, key)}", reason)


def record_explanation(home: Home, what: str, limit: int, reason: str) -> None:
    """Write who is about to see the rows behind a number in the clear."""
    _record(home, "break-glass view", f"{what}, first {limit} rows of each input", reason)


def record_return(home: Home, resource: str, batch: int, reason: str) -> None:
    """Write who is about to give a batch back to its department, marked and in the clear."""
    _record(home, "return to owner", f"{resource} batch {batch}, marked workbook", reason)


def record_delivery(state: Database, purpose: str, what: str, reason: str) -> None:
    """Write what the platform is about to hand over by itself: once, though it is tried again."""
    who = f"platform ({person()})"
    record_use(state, person=who, purpose=purpose, what=what, reason=reason, once=True)


def _record(home: Home, purpose: str, what: str, reason: str) -> None:
    with closing(home.open_state()) as state:
        record_use(state, person=person(), purpose=purpose, what=what, reason=reason)


def reasoned(reason: str, what: str) -> str:
    """Return who is here and why, for the record.

    Raises:
        InputError: No reason is given.
    """
    if not reason.strip():
        raise InputError(f"{what} needs a reason", hint='Give one: --reason "…"')
    return f"{person()}: {reason}"


def usage(root: Path, record: str | None, json: bool) -> None:
    """Print the usage record of a home, oldest first; of one record when its key is given."""
    home = open_home(root)
    with closing(home.open_state()) as state:
        uses = list_uses(state)
    if record is not None:
        digest = _digest(home, record)
        uses = [use for use in uses if str(use["what"]).endswith(f" {digest}")]
    if json:
        show_json(uses)
    elif uses:
        names = ("at", "person", "purpose", "what", "reason")
        show_table("uses of data (time in UTC)", names, [[use[n] for n in names] for use in uses])
    else:
        say("no use of data is on record: nobody has looked at, or been given, anything")


def _digest(home: Home, record: str) -> str:
    with home.open_secrets() as secrets:
        return f"record {secrets.digest(record)}"


def person() -> str:
    """Return the name that the operating system knows; what the environment says anyone can set."""
    user = os.getuid()
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"uid {user}"
