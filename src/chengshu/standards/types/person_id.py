"""The number of any person: of a citizen's card or of a permit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from chengshu.engine.sql import matches
from chengshu.standards.model import Plain, Reading, Reason, Stage, Verdict
from chengshu.standards.reading import NOTHING, helper, reading_of, reasons_of, side_by_side
from chengshu.standards.types.citizen_id import BIRTH_8, CitizenId
from chengshu.standards.types.citizen_id import REASONS as CITIZEN_REASONS
from chengshu.standards.types.permit import (
    HK_MACAO_PERMIT,
    TAIWAN_PERMIT,
    TRAVEL_REASONS,
    ForeignerPermit,
)

CITIZEN = f"[1-8][0-9]{{5}}{BIRTH_8}[0-9]{{3}}[0-9X]"

REASONS: Mapping[str, Reason] = MappingProxyType(
    {
        **CITIZEN_REASONS,
        "version_dropped": TRAVEL_REASONS["version_dropped"],
        **reasons_of(
            Verdict.WARNING,
            {
                "taiwan_permit_unchecked": (
                    "read as the eight digits of a Taiwan permit, which nothing in them confirms",
                    "按台胞证8位终身号识别，无校验码可核",
                )
            },
        ),
    }
)


@dataclass(frozen=True, slots=True)
class PersonId:
    """The number of a citizen's card or of any permit, told apart by its layout.

    Order: a foreigner's card, a citizen's number, a permit for Hong Kong and Macao, for Taiwan.
    What fits none is judged as a citizen's number.
    """

    name: str = "person_id"
    label: str = "个人证件号码"
    column: str = "VARCHAR"
    source: str = "GB 11643-1999; 国家移民管理局证件号码规则"

    @property
    def reasons(self) -> Mapping[str, Reason]:
        """Return every reason by code."""
        return REASONS

    def read(self, raw: str) -> Reading:
        """Return what ``raw`` means."""
        citizen = CitizenId().read(raw)
        if citizen.canonical is None or citizen.canonical.startswith("9"):
            for kind in (ForeignerPermit(), HK_MACAO_PERMIT, TAIWAN_PERMIT):
                found = kind.read(raw)
                if found.canonical is not None and kind is TAIWAN_PERMIT:
                    return reading_of(REASONS, found.canonical, "taiwan_permit_unchecked")
                if found.canonical is not None:
                    return found
        return citizen

    def stages(self, raw: str, to: str) -> Sequence[Stage]:
        """Return the SQL of `read`."""
        citizen, rest = helper(to, "citizen"), helper(to, "rest")
        # Most values are citizens' numbers: the permits look at the others only.
        other = f"CASE WHEN {matches(raw, CITIZEN)} THEN {NOTHING} ELSE {raw} END"
        tried = side_by_side(
            [
                CitizenId().stages(raw, f"{to}__citizen"),
                ForeignerPermit().stages(rest, f"{to}__foreigner"),
                HK_MACAO_PERMIT.stages(rest, f"{to}__hk_macao"),
                TAIWAN_PERMIT.stages(rest, f"{to}__taiwan"),
            ]
        )
        order = [helper(to, name) for name in ("foreigner", "citizen", "hk_macao", "taiwan")]
        foreigner, _, hk_macao, taiwan = order
        why = (
            f"CASE WHEN {foreigner} IS NOT NULL THEN {helper(to, 'foreigner__why')} "
            f"WHEN {citizen} IS NULL AND {hk_macao} IS NOT NULL THEN {helper(to, 'hk_macao__why')} "
            f"WHEN {citizen} IS NULL AND {taiwan} IS NOT NULL THEN 'taiwan_permit_unchecked' "
            f"ELSE {helper(to, 'citizen__why')} END"
        )
        return [
            Stage({f"{to}__rest": other}),
            *tried,
            Stage({to: f"COALESCE({', '.join(order)})", f"{to}__why": why}),
        ]

    def plain(self, raw: str, to: str) -> Plain:
        """Return the SQL that knows plainly written values (see the protocol)."""
        return CitizenId().plain(raw, to)

    def mask(self, column: str) -> str:
        """Return SQL that masks as the document's own type does."""
        return (
            f"CASE WHEN LENGTH({column}) >= 15 THEN {ForeignerPermit().mask(column)} "
            f"WHEN LENGTH({column}) = 9 THEN {HK_MACAO_PERMIT.mask(column)} "
            f"ELSE {TAIWAN_PERMIT.mask(column)} END"
        )

    def caption(self, canonical: str) -> str:
        """Return a citizen's number in groups, another as it is."""
        return CitizenId().caption(canonical) if len(canonical) == 18 else canonical
