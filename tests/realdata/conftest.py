"""What the tests of real data share: the story of the packs, told once, and the raw rows."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from chengshu.catalog import Resource
from chengshu.catalog.lint import lint_pack
from tests.realdata.real_city import FRONTS, RealCity
from tests.realdata.story import PACKS, Seen, first, repeat


@pytest.fixture(scope="package")
def story(
    real_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Resource, Seen]]:
    """Run both packs once, and tell what each resource went through."""
    told: dict[str, tuple[Resource, Seen]] = {}
    for pack in PACKS:
        city = RealCity(tmp_path_factory.mktemp(pack), pack, real_data)
        try:
            assert lint_pack(city.pack, [city.engine]) == []
            told |= {resource.id: (resource, first(city, resource)) for resource in city.order()}
            for resource in city.order():
                repeat(city, resource, told[resource.id][1])
        finally:
            city.close()
    return told


@pytest.fixture(scope="package")
def raw(real_data: Path) -> dict[str, list[dict[str, str]]]:
    """Return every file's rows by its name, as Python's csv reads them."""
    found = {}
    for name in (name for names in FRONTS.values() for name in names):
        encoding = "gbk" if "10qualification" in name else "utf-8-sig"
        with (real_data / name).open(encoding=encoding, newline="") as file:
            found[Path(name).stem] = list(csv.DictReader(file))
    return found
