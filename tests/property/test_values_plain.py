"""A well-written value of every type is known plainly: else its rows are read the slow way."""

from __future__ import annotations

from chengshu.engine.port import Engine
from chengshu.standards.registry import list_value_types, value_type
from chengshu.standards.types.organisation_code import check_character
from tests.support.values import known_plainly

WELL_WRITTEN = {
    "address": "浙江省宁波市海曙区中山东路166号",
    "citizen_id": "11010519491231002X",
    "code": "01",
    "count": "1200",
    "date": "2024-02-29",
    "datetime": "2024-02-29 08:30:00",
    "division": "330203",
    "enterprise_name": "宁波市海曙区某某贸易有限公司",
    "foreigner_permit": "CHN110000000001",
    "hk_macao_permit": "H12345678",
    "latitude": "29.868336",
    "longitude": "121.544",
    "money": "1234.50",
    "number": "-0.25",
    "organisation_code": "12345678" + check_character("12345678"),
    "person_id": "11010519491231002X",
    "person_name": "王小明",
    "phone": "0574-87654321",
    "street_division": "330203001",
    "taiwan_permit": "12345678",
    "text": "备注 一",
    "uscc": "913302031440987640",
    "village_division": "330203001001",
}
PARAMETERS = {"code": {"codes": "gb3304"}}


def test_a_well_written_value_of_every_type_is_known_plainly(engine: Engine):
    kinds = {name: value_type(name, **PARAMETERS.get(name, {})) for name in list_value_types()}

    known = known_plainly(engine, {n: (kind, WELL_WRITTEN[n]) for n, kind in kinds.items()})

    assert sorted(known) == sorted(WELL_WRITTEN)


BY_HABIT = ("2024/2/29", "2024/02/29", "2024年2月29日", "2024年02月09日", "1950/12/1")
NOT_SURE = (
    "2024/2/30",
    "2024/2/29 08:00",
    "24/2/29",
    "1900/1/1",
    "２０２４/2/29",
    "2024/2",
    "2/29/2024",
)


def test_days_written_by_habit_are_known_plainly(engine: Engine):
    texts = [*BY_HABIT, *NOT_SURE]
    known = known_plainly(engine, {f"d{n}": (value_type("date"), t) for n, t in enumerate(texts)})

    assert known == [f"d{n}" for n in range(len(BY_HABIT))]
