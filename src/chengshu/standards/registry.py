"""Every value type by the name that declarations write."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType

from chengshu.kernel.errors import InputError, NotFoundError
from chengshu.standards.codes import load_code_set
from chengshu.standards.model import ValueType
from chengshu.standards.types.citizen_id import CitizenId
from chengshu.standards.types.coded import Coded
from chengshu.standards.types.division import DIVISION, STREET_DIVISION, VILLAGE_DIVISION
from chengshu.standards.types.measures import MEASURES
from chengshu.standards.types.organisation_code import OrganisationCode
from chengshu.standards.types.permit import HK_MACAO_PERMIT, TAIWAN_PERMIT, ForeignerPermit
from chengshu.standards.types.person_id import PersonId
from chengshu.standards.types.phone import Phone
from chengshu.standards.types.uscc import Uscc

# What makes each type; its parameters are the ones a declaration may write, all of them text.
MAKERS: Mapping[str, Callable[..., ValueType]] = MappingProxyType(
    {
        "citizen_id": lambda: CitizenId(),
        "code": lambda codes: Coded(load_code_set(codes)),
        "division": lambda: DIVISION,
        "foreigner_permit": lambda: ForeignerPermit(),
        "hk_macao_permit": lambda: HK_MACAO_PERMIT,
        "organisation_code": lambda: OrganisationCode(),
        "person_id": lambda: PersonId(),
        "phone": lambda area=None: Phone(area),
        "street_division": lambda: STREET_DIVISION,
        "taiwan_permit": lambda: TAIWAN_PERMIT,
        "uscc": lambda: Uscc(),
        "village_division": lambda: VILLAGE_DIVISION,
        **MEASURES,
    }
)


def list_value_types() -> tuple[str, ...]:
    """Return the names of all value types, sorted."""
    return tuple(sorted(MAKERS))


def list_parameters(name: str) -> Mapping[str, bool]:
    """Return the parameters of a type, each with whether it must be given.

    Raises:
        NotFoundError: No type has this name.
    """
    if name not in MAKERS:
        raise NotFoundError("value type", name, known=MAKERS)
    parameters = inspect.signature(MAKERS[name]).parameters.values()
    return {p.name: p.default is inspect.Parameter.empty for p in parameters}


def value_type(name: str, /, **params: str) -> ValueType:
    """Return the value type ``name`` with its parameters filled in.

    Raises:
        NotFoundError: No type has this name, or a parameter names what does not exist.
        InputError: A parameter is unknown, missing or wrong.
    """
    parameters = list_parameters(name)
    known = f"Known: {', '.join(parameters) or 'none'}."
    if unknown := sorted(set(params) - set(parameters)):
        raise InputError(f"type {name}: unknown parameter {unknown[0]!r}", hint=known)
    required = {parameter for parameter, must in parameters.items() if must}
    if missing := sorted(required - set(params)):
        raise InputError(f"type {name}: parameter {missing[0]!r} is missing", hint=known)
    return MAKERS[name](**params)
