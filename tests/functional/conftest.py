"""What functional tests share: a home that has run once."""

from __future__ import annotations

import pytest

from tests.support.home import TestHome, make_test_home

BALANCE = {
    "resource", "batch", "mode", "pulled", "accepted", "ended", "unchanged", "repeated", "refused",
    "lost", "closed",
}  # fmt: skip


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory) -> TestHome:
    """A home after its first run; tests only look at it."""
    home = make_test_home(tmp_path_factory.mktemp("cli") / "home")
    home.deliver_all()
    lines = home.run()
    assert all(set(line) == BALANCE and line["closed"] for line in lines), lines
    counts = sorted((r["resource"], r["pulled"], r["accepted"], r["refused"]) for r in lines)
    assert counts == [
        ("office/resident", 5, 3, 2),
        ("office/street", 3, 3, 0),
        ("office/street", 4, 2, 2),
        ("office/visit", 4, 4, 0),
    ]
    return home
