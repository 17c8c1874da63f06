"""Zero reports 零报告: a department confirms, without a delivery, that nothing has changed.

A report is a small file in the spool until it has landed as a batch without rows; so it can be
made while another process writes the stores.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from chengshu.catalog import Resource
from chengshu.exchange.files import Finding
from chengshu.exchange.port import Incoming, zero_report
from chengshu.exchange.spool import save_notes


def keep_report(
    spool: Path, resource: Resource, person: str, reason: str, as_of: datetime | None
) -> None:
    """Keep a report until the next pull.

    Args:
        spool: The home's spool.
        resource: What has not changed.
        person: Who reports.
        reason: What the report rests on.
        as_of: Business time for which nothing has changed; the time of the pull if None.
    """
    path = _folder(spool, resource) / f"{uuid.uuid4().hex}.json"
    told = {"person": person, "reason": reason, "as_of": as_of.isoformat() if as_of else None}
    save_notes(path, told)


def find_reports(spool: Path, resource: Resource) -> list[Incoming]:
    """Return the reports that have not landed, in the order of their time."""
    found = _reports(_folder(spool, resource))
    return sorted(found, key=lambda report: (str(report.as_of), report.key))


def _folder(spool: Path, resource: Resource) -> Path:
    return spool / "reports" / resource.table


def _reports(folder: Path) -> Iterator[Incoming]:
    for path in folder.glob("*.json"):
        told = json.loads(path.read_text(encoding="utf-8"))
        message = f"{told['person']} reports that nothing has changed: {told['reason']}"
        yield zero_report(
            "zero report",
            f"zero report {path.stem}",
            as_of=datetime.fromisoformat(told["as_of"]) if told["as_of"] else None,
            findings=[Finding(0, "zero_report", message)],
            landed=lambda path=path: path.unlink(missing_ok=True),
        )
