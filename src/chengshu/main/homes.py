"""Commands about a home: init and secret."""

from __future__ import annotations

import sys
from pathlib import Path

import typer
from pydantic import TypeAdapter, ValidationError

from chengshu.catalog.declared import Name
from chengshu.kernel.errors import InputError
from chengshu.main.home import make_home, open_home
from chengshu.main.render import say


def init(folder: Path, pack: Path | None) -> None:
    """Make a home whose city pack is ``pack``, or ``packs/city`` in it when none is given."""
    home = make_home(folder, pack)
    say(f"home      {home.root}")
    say(f"city pack {home.pack}{'' if home.pack.exists() else '  (not there yet)'}")
    say("")
    say(f"next: chengshu --home {folder} check, then chengshu --home {folder} run")


def secret(home: Path, name: str) -> None:
    """Store a secret that is asked for, or read from a pipe."""
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError as err:
        raise InputError(
            f"no city pack can name a secret {name!r}",
            hint="Names are small letters, digits and single underscores: front_password.",
        ) from err
    piped = not sys.stdin.isatty()
    value = _piped() if piped else _asked(name)
    if not value:
        raise InputError("a secret is not empty", hint="Type it when asked, or pipe it in.")
    with open_home(home).open_secrets() as secrets:
        secrets.put(name, value)
    say(f"stored {name}")


def _piped() -> str:
    """Return the first line, or all lines of a private key."""
    first = sys.stdin.readline()
    if first.startswith("-----BEGIN "):
        return first + sys.stdin.read()
    return first.rstrip("\r\n")


def _asked(name: str) -> str:
    return str(typer.prompt(f"value of {name}", hide_input=True))
