"""Base store and theme of a real pack: made of the first deliveries, looked at again later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chengshu.libraries.base import tables
from chengshu.libraries.base.merge import Merged, merge
from chengshu.libraries.base.merger import Merger, make_merger
from chengshu.libraries.base.record import count_entities
from chengshu.libraries.themes.compute import recompute, refresh_theme
from chengshu.libraries.themes.log import Computation, cells_of
from tests.realdata.real_city import RealCity


@dataclass
class Built:
    """What one pack's entity and theme came to.

    Attributes:
        entities: The entities as Parquet files.
        counts: What the base store holds.
        cells: Table → its cells as the first computation gave them.
        changed: What a merge did after each resource was delivered again, or changed.
        again: Whether the first computation, made again after that, gave the same.
    """

    merger: Merger
    entities: Path
    counts: Mapping[str, Any]
    computation: Computation
    cells: Mapping[str, list[Mapping[str, Any]]]
    changed: Merged | None = None
    again: bool = False


def build(city: RealCity) -> Built:
    """Merge the entity and compute the theme of a pack."""
    (entity,), (theme,) = city.pack.entities.values(), city.pack.themes.values()
    merge(city.engine, city.pack, entity)
    merger, folder = make_merger(city.pack, entity), city.root / "entities"
    with city.engine.session() as session:
        counts = count_entities(session, merger)
        session.write(f"SELECT * FROM lake.{tables.current(entity)}", folder, step="look")
    one = refresh_theme(city.engine, city.pack, theme)
    assert one is not None
    cells = {table: list(cells_of(city.engine, one, table)) for table in theme.tables}
    return Built(merger, folder, counts, one, cells)


def look_again(city: RealCity, built: Built) -> None:
    """Merge what has changed since, and make the computation again from what was so then."""
    built.changed = merge(city.engine, city.pack, built.merger.entity)
    built.again = recompute(city.engine, built.computation)[1]
