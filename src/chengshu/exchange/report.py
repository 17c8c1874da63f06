"""Zero reports 零报告: a department confirms, without a delivery, that nothing has changed.

A report is a small file in the spool until it has landed as a batch without rows; so it can be
made while another process writes the stores.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from chengshu.exchange.files import Finding
from chengshu.exchange.port import Incoming, zero_report

PREFIX = "zero-"


def keep_report(folder: Path, person: str, reason: str, as_of: datetime | None) -> None:
    """Keep a report until the next pull.

    Args:
        folder: The resource's folder in the spool.
        person: Who reports.
        reason: What the report rests on.
        as_of: Business time for which nothing has changed; the time of the pull if None.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{PREFIX}{uuid.uuid4().hex}.json"
    told = {"person": person, "reason": reason, "as_of": as_of.isoformat() if as_of else None}
    partly = path.with_suffix(".part")
    with partly.open("w", encoding="utf-8") as file:
        json.dump(told, file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    partly.rename(path)


def find_reports(folder: Path) -> list[Incoming]:
    """Return the reports that have not landed, in the order of their time."""
    return sorted(_reports(folder), key=lambda report: (str(report.as_of), report.key))


def _reports(folder: Path) -> Iterator[Incoming]:
    for path in folder.glob(f"{PREFIX}*.json"):
        told = json.loads(path.read_text(encoding="utf-8"))
        message = f"{told['person']} reports that nothing has changed: {told['reason']}"
        yield zero_report(
            "zero report",
            path.stem,
            as_of=datetime.fromisoformat(told["as_of"]) if told["as_of"] else None,
            findings=[Finding(0, "zero_report", message)],
            landed=lambda path=path: path.unlink(missing_ok=True),
        )
