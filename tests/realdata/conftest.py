"""What the tests of real data share: the story of the packs, told once, and the raw rows."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from chengshu.catalog import Resource
from chengshu.catalog.lint import lint_pack
from tests.realdata.built import Built, build, look_again
from tests.realdata.real_city import FRONTS, RealCity
from tests.realdata.story import PACKS, Seen, first, repeat

Story = dict[str, tuple[Resource, Seen]]


@pytest.fixture(scope="package")
def told(
    real_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Story, dict[str, Built]]:
    """Run both packs once: what each resource went through, and what each pack was built into."""
    story: Story = {}
    built: dict[str, Built] = {}
    for pack in PACKS:
        city = RealCity(tmp_path_factory.mktemp(pack), pack, real_data)
        try:
            assert lint_pack(city.pack, [city.engine]) == []
            story |= {resource.id: (resource, first(city, resource)) for resource in city.order()}
            built[pack] = build(city)
            for resource in city.order():
                repeat(city, resource, story[resource.id][1])
            look_again(city, built[pack])
        finally:
            city.close()
    return story, built


@pytest.fixture(scope="package")
def story(told: tuple[Story, dict[str, Built]]) -> Story:
    """Return what each resource went through."""
    return told[0]


@pytest.fixture(scope="package")
def built(told: tuple[Story, dict[str, Built]]) -> dict[str, Built]:
    """Return what each pack was built into: its base store and its theme."""
    return told[1]


@pytest.fixture(scope="package")
def raw(real_data: Path) -> dict[str, list[dict[str, str]]]:
    """Return every file's rows by its name, as Python's csv reads them."""
    found = {}
    for name in (name for names in FRONTS.values() for name in names):
        encoding = "gbk" if "10qualification" in name else "utf-8-sig"
        with (real_data / name).open(encoding=encoding, newline="") as file:
            found[Path(name).stem] = list(csv.DictReader(file))
    return found
