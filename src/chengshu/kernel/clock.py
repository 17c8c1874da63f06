"""The one place that asks what time it is."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


def utc_now() -> datetime:
    """Return the time in UTC, without a zone, as the stores keep it."""
    return datetime.now(UTC).replace(tzinfo=None)


def wall_time(zone: str) -> datetime:
    """Return the wall time in ``zone``, without a zone, to the second."""
    return datetime.now(ZoneInfo(zone)).replace(tzinfo=None, microsecond=0)


def wall_of(moment: datetime, zone: str) -> datetime:
    """Return a time in UTC as wall time in ``zone``; both without a zone."""
    return moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None, microsecond=0)


def local_time(zone: str) -> datetime:
    """Return the time in ``zone``, with its offset from UTC."""
    return datetime.now(ZoneInfo(zone))


def utc_of(moment: datetime, zone: str) -> datetime:
    """Return wall time in ``zone`` as UTC; both without a zone."""
    return moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)
