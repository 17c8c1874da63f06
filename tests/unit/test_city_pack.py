"""The city pack: without a fault, whole, and every rule, code set and label in its place."""

import re
from pathlib import Path

import pytest

import chengshu
from chengshu.catalog import Resource, load_pack
from chengshu.catalog.lint import lint_pack
from chengshu.catalog.rule import Effect
from chengshu.engine.duckdb import DuckDBEngine
from chengshu.engine.lake import Lake

PACK = load_pack(Path(chengshu.__file__).parent / "demo" / "pack")
REGISTER = "market_regulation/enterprise"

# Resource → how it is delivered: kind, mode and identity.
DELIVERED = {
    "public_security/resident": "sqlite incremental key",
    "public_security/residence_permit": "sqlite incremental key",
    "civil_affairs/marriage": "file full key",
    "civil_affairs/aid_payment": "file append content",
    "health/birth_certificate": "file append key",
    "health/death_certificate": "file append key",
    "human_resources/employment": "file incremental key",
    "medical_insurance/enrolment": "file full content",
    "education/student": "file full content",
    "disabled_federation/disability": "file full key",
    "market_regulation/enterprise": "sqlite incremental key",
    "market_regulation/enterprise_officer": "file incremental key",
    "market_regulation/enterprise_holder": "file full content",
    "market_regulation/penalty": "file append key",
    "tax/tax_return": "file append key",
    "government_services/licence": "file append key",
    "government_services/request": "http incremental key",
    "development_reform/dishonesty": "file full key",
    "ecology/pollution_permit": "sqlite reload key",
    "ecology/sensor": "file full key",
    "ecology/sensor_reading": "file append none",
    "power/electricity": "file append content",
    "natural_resources/address": "file full key",
    "natural_resources/community": "file full key",
    "natural_resources/cell": "file full key",
}


def test_the_pack_has_no_problem_on_duckdb(tmp_path: Path):
    engine = DuckDBEngine(
        Lake(tmp_path / "c.sqlite", tmp_path / "data", tmp_path / "tmp", memory_mb=500)
    )

    assert lint_pack(PACK, [engine]) == []
    engine.close()


def test_every_resource_is_delivered_as_its_department_delivers_it():
    found = {r.id: f"{r.source.kind} {r.source.mode} {r.identity}" for r in PACK.resources.values()}

    assert found == DELIVERED


def test_labels_are_chinese_and_legal_bases_are_marked_as_examples():
    resources = PACK.resources.values()
    labels = [f.label for r in resources for f in r.fields] + [
        x.label for r in resources for x in r.rules
    ]
    labels += [d.label for d in PACK.departments.departments.values()]

    assert [label for label in labels if not re.search("[一-龥]", str(label))] == []
    assert [
        r.id for r in resources if not str(r.legal_basis).startswith("（示例，非法律意见）")
    ] == []


def test_every_code_set_of_the_pack_is_used():
    dimensions = [
        d for t in PACK.themes.values() for x in t.tables.values() for d in x.dimensions.values()
    ]
    fields = [f for r in PACK.resources.values() for f in r.fields]

    assert set(PACK.code_sets) - {str(used.codes) for used in [*fields, *dimensions]} == set()


@pytest.mark.parametrize("resource", PACK.resources.values(), ids=list(PACK.resources))
def test_every_code_of_a_company_or_community_is_looked_up_where_it_is_registered(
    resource: Resource,
):
    looked_up = {field for rule in resource.rules if rule.reference for field in rule.fields}
    names = {"uscc", "community", "cell", "sensor_id"} & {f.name for f in resource.fields}

    assert names - looked_up <= set(resource.key)


def test_a_full_delivery_may_neither_be_empty_nor_end_most_of_what_stands():
    for resource in PACK.resources.values():
        if resource.source.is_whole:
            assert resource.rows.min > 0, resource.id
            assert resource.rows.ended_share <= 0.2, resource.id


def test_nothing_that_looks_into_another_department_refuses_a_row():
    rules = [(r.id, x) for r in PACK.resources.values() for x in r.rules]

    assert [(of, x.name) for of, x in rules if x.other and x.effect is not Effect.WARN] == []


def test_every_department_speaks_in_the_base_library_or_is_looked_into():
    base = {name for entity in PACK.entities.values() for name in entity.resources}
    base |= {s.resource for entity in PACK.entities.values() for s in entity.sources.values()}
    looked_into = {rule.other for r in PACK.resources.values() for rule in r.rules}

    assert set(PACK.resources) - base - looked_into == {
        "ecology/sensor_reading",
        "government_services/request",
        "natural_resources/address",
    }
