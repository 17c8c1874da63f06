"""The small city of tests: a pack without a fault, data that opens, numbers that are nobody's."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chengshu.catalog import Pack, Resource, load_pack
from chengshu.catalog.lint import lint_pack
from chengshu.catalog.rule import Effect
from chengshu.catalog.source import FileSource, SqliteSource
from chengshu.engine.duckdb import DuckDBEngine
from chengshu.engine.lake import Lake
from chengshu.exchange.files import open_table
from chengshu.kernel.errors import InputError
from chengshu.standards.model import Verdict
from chengshu.standards.types.citizen_id import CitizenId
from chengshu.standards.types.uscc import Uscc
from tests.support.small_city import deliver_again, make_demo_city
from tests.support.small_city.flaws import FLAWS
from tests.support.small_city.generate import PACK, count_flaws, generate
from tests.support.small_city.numbers import make_bank_account
from tests.support.small_city.world import World, make_world

DECLARED = load_pack(PACK)
RESOURCES = sorted(DECLARED.resources)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    home = tmp_path_factory.mktemp("home")
    root = make_demo_city(home)
    deliver_again(home)
    return load_pack(root)


@pytest.fixture(scope="module")
def world() -> World:
    """Return what the departments hold at the second delivery."""
    return make_world(7, 2)


def delivered(pack: Pack, resource: Resource) -> Iterator[tuple[str, tuple[str, ...], int]]:
    """Yield file, columns and row count of everything that lies at the resource's source."""
    source = resource.source
    if isinstance(source, SqliteSource):
        path = pack.root / source.path
        with closing(sqlite3.connect(path)) as con:
            found = con.execute(f'SELECT * FROM "{source.table}"')
            yield path.name, tuple(c[0] for c in found.description), len(found.fetchall())
        return
    assert isinstance(source, FileSource)
    folder, _, pattern = source.path.rpartition("/")
    for path in sorted((pack.root / folder).glob(pattern)):
        table = open_table(path, encoding=source.encoding)
        rows = sum(batch.num_rows for batch in table.batches())
        yield path.name, table.header, rows


def test_the_pack_has_no_problem_on_duckdb(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "c.sqlite", tmp_path / "data", tmp_path / "tmp", memory_mb=500)
    engine = DuckDBEngine(lake)

    assert DECLARED.problems == ()
    assert lint_pack(DECLARED, [engine]) == []
    engine.close()


def test_the_pack_shows_every_kind_of_rule_effect_identity_grade_and_source() -> None:
    resources = DECLARED.resources.values()
    rules = [rule for r in resources for rule in r.rules]

    assert {r.kind for r in rules} == {"row", "unique", "reference", "sequence", "agrees"}
    assert {r.effect for r in rules} == set(Effect)
    assert {r.identity for r in resources} == {"key", "content", "none"}
    assert {f.grade for r in resources for f in r.fields} == {1, 2, 3, 4}
    suffixes = {Path(r.source.path).suffix for r in resources if r.source.kind != "postgres"}
    assert suffixes == {".csv", ".jsonl", ".parquet", ".sqlite", ".tsv", ".xlsx"}


def test_legal_bases_are_marked_as_examples() -> None:
    assert all("示例" in str(r.legal_basis) for r in DECLARED.resources.values())


@pytest.mark.parametrize("name", RESOURCES)
def test_every_delivery_opens_with_the_declared_columns_and_rows(pack: Pack, name: str) -> None:
    resource = pack.resources[name]
    found = list(delivered(pack, resource))

    assert len(found) == {"sqlite": 1}.get(resource.source.kind, 3 if "marriage" in name else 2)
    for _, header, rows in found:
        assert {f.column or f.label for f in resource.fields} == set(header)
        assert resource.rows.min <= rows <= (resource.rows.max or rows)


def test_a_delivery_has_about_sixty_thousand_rows(world: World) -> None:
    assert sorted(world) == RESOURCES
    assert 55_000 < sum(map(len, world.values())) < 65_000


def test_the_same_seed_gives_the_same_bytes(pack: Pack, tmp_path: Path) -> None:
    generate(tmp_path, 2)

    front = pack.root.parent.parent / "front"
    made = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(made) == 9
    for path in made:
        assert path.read_bytes() == (front / path.relative_to(tmp_path)).read_bytes(), path.name


def test_most_rows_are_the_same_a_month_later(pack: Pack) -> None:
    folder = pack.root.parent.parent / "front" / "public_security"
    first, second = (
        set(path.read_text("gb18030").splitlines())
        for path in sorted(folder.glob("resident_*.csv"))
    )

    assert 0.90 < len(first & second) / len(first) < 0.98
    assert second - first


def test_every_flaw_is_there_and_most_rows_have_none() -> None:
    found = count_flaws(1)

    assert [(n, f.name) for n, flaws in FLAWS.items() for f in flaws if not found[n][f.name]] == []
    assert sum(sum(counts.values()) for counts in found.values()) < 8_000


def test_citizens_numbers_pass_the_check_and_name_no_county(world: World) -> None:
    kind = CitizenId()
    rows = [row for rows in world.values() for row in rows]
    ids = {value for row in rows for field, value in row.items() if field.endswith("_id")}

    assert len(ids) > 20_000
    assert {kind.read(value).verdict for value in ids} == {Verdict.OK}
    assert {value[2:6] for value in ids} == {"0000"}


def test_codes_of_organisations_pass_the_check_and_are_of_no_known_range(world: World) -> None:
    kind = Uscc()
    codes = {row["uscc"] for rows in world.values() for row in rows if "uscc" in row}
    codes |= {str(d.uscc) for d in DECLARED.departments.departments.values()}

    assert {kind.read(code).verdict for code in codes} == {Verdict.OK}
    assert {code[8:11] for code in codes} == {"YYY"}


def test_bank_accounts_fail_the_check_of_banks() -> None:
    def luhn(text: str) -> int:
        digits = [int(digit) for digit in reversed(text)]
        return sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])

    assert all(luhn(make_bank_account(number)) % 10 for number in range(2_000))


def test_there_is_no_third_delivery(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no delivery 3"):
        generate(tmp_path, 3)
