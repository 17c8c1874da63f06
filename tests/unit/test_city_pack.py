"""The city pack: without a fault, whole, and every rule, code set and label in its place."""

import re
from collections.abc import Iterator

import pytest

from chengshu import demo
from chengshu.catalog import Resource, load_pack
from chengshu.catalog.checks import row_expression
from chengshu.catalog.lint import lint_pack
from chengshu.catalog.rule import Effect
from chengshu.engine.duckdb import DuckDBEngine
from chengshu.engine.lake import Lake
from chengshu.engine.sql import literal

PACK = load_pack(demo.PACK)
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


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBEngine]:
    root = tmp_path_factory.mktemp("lake")
    made = DuckDBEngine(Lake(root / "c.sqlite", root / "data", root / "tmp", memory_mb=500))
    yield made
    made.close()


def test_the_pack_has_no_problem_on_duckdb(engine: DuckDBEngine):
    assert lint_pack(PACK, [engine]) == []


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


MAN, WOMAN = "330000198605070113", "330000198805070126"  # only sex and birth date are read
CASES = [
    # (resource, rule, a row that it fails, what makes the row right)
    (
        "public_security/resident",
        "relation_fits_sex",
        {"citizen_id": MAN, "relation": "12"},
        {"relation": "11"},
    ),
    (
        "public_security/resident",
        "relation_fits_sex",
        {"citizen_id": WOMAN, "relation": "22"},
        {"relation": "32"},
    ),
    (
        "public_security/resident",
        "cancelled_with_reason",
        {"cancel_reason": "1"},
        {"cancelled_on": "2026-01-02"},
    ),
    (
        "civil_affairs/marriage",
        "of_age",
        {"party_a_id": MAN, "party_b_id": WOMAN, "married_on": "2008-05-06"},
        {"married_on": "2008-05-07"},
    ),
    (
        "civil_affairs/marriage",
        "of_age",
        {"party_a_id": "330000195901010113", "party_b_id": WOMAN, "married_on": "1978-12-31"},
        {"party_b_id": "330000195901010126", "married_on": "1979-01-01"},
    ),
    (
        "civil_affairs/marriage",
        "man_and_woman",
        {"party_a_id": WOMAN, "party_b_id": MAN},
        {"party_a_id": MAN, "party_b_id": WOMAN},
    ),
    (
        "health/birth_certificate",
        "born_in_past",
        {"born_at": "2026-04-01 00:10:00"},
        {"born_at": "2026-03-31 23:50:00"},
    ),
    ("health/birth_certificate", "weight_possible", {"weight_g": "33"}, {"weight_g": "3300"}),
    ("health/death_certificate", "cause_coded", {"cause": "肺癌"}, {"cause": "C34"}),
    (
        "health/death_certificate",
        "cause_fits_sex",
        {"cause": "O72", "citizen_id": MAN},
        {"citizen_id": WOMAN},
    ),
    (
        "human_resources/employment",
        "status_fits_end",
        {"insurance_status": "停保"},
        {"ended_on": "2026-01-02"},
    ),
    (
        "medical_insurance/enrolment",
        "kind_fits_employer",
        {"insurance_kind": "居民", "uscc": "91", "monthly_base": "5000"},
        {"insurance_kind": "职工"},
    ),
    (
        "education/student",
        "age_fits_grade",
        {"citizen_id": "330000201305070113", "grade": "01"},
        {"grade": "06"},
    ),
    (
        "education/student",
        "guardian_older",
        {"citizen_id": "330000201305070113", "guardian_id": "330000201005070113"},
        {"guardian_id": MAN},
    ),
    (
        "disabled_federation/disability",
        "level_fits_certificate",
        {"certificate_no": MAN + "43", "disability_level": "4"},
        {"disability_level": "3"},
    ),
    (
        "market_regulation/enterprise",
        "type_fits_code",
        {"enterprise_type": "9500", "uscc": "91330203"},
        {"enterprise_type": "1130"},
    ),
    (
        "market_regulation/enterprise",
        "capital_usual",
        {"enterprise_type": "1130", "registered_capital": "500"},
        {"registered_capital": "5000000"},
    ),
    (
        "market_regulation/penalty",
        "published_in_time",
        {"decided_on": "2026-03-01", "published_on": "2026-03-16"},
        {"published_on": "2026-03-15"},
    ),
    (
        "tax/tax_return",
        "vat_below_rate",
        {"tax_kind": "增值税", "sales": "1000", "tax_due": "140"},
        {"tax_due": "130"},
    ),
    (
        "tax/tax_return",
        "filed_after_period",
        {"period": "2026-03-01", "filed_on": "2026-03-20"},
        {"filed_on": "2026-04-01"},
    ),
    (
        "government_services/request",
        "state_fits_closed",
        {"request_state": "办结"},
        {"closed_at": "2026-03-01 10:00:00"},
    ),
    ("ecology/sensor", "kind_fits_source", {"sensor_kind": "污染源"}, {"uscc": "91"}),
    (
        "ecology/sensor_reading",
        "within_range",
        {"pollutant": "分贝", "value": "655.35"},
        {"value": "55.3"},
    ),
    ("power/electricity", "price_usual", {"kwh": "1000", "amount": "7"}, {"amount": "700"}),
    (
        "natural_resources/cell",
        "code_fits_community",
        {"cell_code": "330203901001001", "community": "330203901002"},
        {"community": "330203901001"},
    ),
]


@pytest.mark.parametrize(
    ("name", "rule", "bad", "mended"), CASES, ids=[f"{c[0]} {c[1]}" for c in CASES]
)
def test_a_rule_fails_what_is_wrong_and_passes_it_when_mended(
    engine: DuckDBEngine, name: str, rule: str, bad: dict[str, str], mended: dict[str, str]
):
    resource = PACK.get(name)
    (declared,) = [one for one in resource.rules if one.name == rule]

    def fails(row: dict[str, str]) -> bool:
        values = ", ".join(
            f"CAST({literal(row.get(f.name))} AS {PACK.type_of(f).column}) AS v__{f.name}"
            for f in resource.fields
        )
        typed = f"(SELECT {values}, TIMESTAMP '2026-03-31' AS _as_of)"
        asked = f"SELECT {row_expression(resource, declared)} AS bad FROM {typed}"
        with engine.session() as session:
            return bool(session.rows(asked, step="a rule")[0]["bad"])

    assert fails(bad)
    assert not fails(bad | mended)
