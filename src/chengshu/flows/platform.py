"""What a flow needs of the platform it runs in; `main` makes it, tests make it too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chengshu.catalog import Pack
from chengshu.engine import Engine
from chengshu.exchange.port import Surroundings


def silent(resource: str, stage: str, rows: int) -> None:
    """Show no progress."""


@dataclass(frozen=True)
class Platform:
    """One home folder, opened by the one process that may write it.

    Attributes:
        engine: Where data is pulled, landed and refined.
        pack: Reads the city pack anew; a run sees one reading from its start to its end.
        flows: The SQLite file of the durable flows.
        spool: Folder for what has been received and has not landed yet.
        objects: Folder of the object store.
        progress: Told ``resource, stage, rows so far``.
    """

    engine: Engine
    pack: Callable[[], Pack]
    flows: Path
    secret: Callable[[str], str]
    spool: Path
    objects: Path
    progress: Callable[[str, str, int], None] = silent

    def around(self, pack: Pack) -> Surroundings:
        """Return what connectors need."""
        zone = pack.city.timezone if pack.city else "UTC"
        return Surroundings(pack.root, zone, self.secret, self.spool, self.objects)
