"""Count what was found against the answer key, by kind, department, store and rule.

A *finding* is a raw row that failed a rule, or a disagreement in the base store. It is right when
the key names one of the values of which it speaks (or a row as a whole), beside it when the key
names another value of that row, else a false alarm. One that speaks of a habit only is not counted.
An *entry* of the key is found when a finding speaks of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from chengshu.catalog import Pack, Resource
from chengshu.demo.defects.model import VIEWS, Kind
from chengshu.demo.score.findings import STORES, Told, stage_findings
from chengshu.demo.score.places import stage_entries
from chengshu.demo.score.values import stage_outcomes
from chengshu.engine import Session
from chengshu.engine.sql import literal
from chengshu.libraries.base.merger import Merger

ABSENT = ("lose", "late")
Lines = Sequence[Mapping[str, Any]]
VERDICT = "CASE WHEN right_ THEN 'right' WHEN habit THEN 'habit' WHEN beside THEN 'beside' " \
          "ELSE 'false' END"  # fmt: skip
RIGHT, FALSE = (f"COUNT(*) FILTER (verdict = '{verdict}')" for verdict in ("right", "false"))
BESIDE = "COUNT(*) FILTER (verdict = 'beside')"
COUNTED = "COUNT(*) FILTER (verdict <> 'habit')"


@dataclass(frozen=True, slots=True)
class Score:
    """How the platform did, as tables for people; percentages are of a hundred, one decimal.

    Attributes:
        total: Errors and findings in all, of the kinds that no rule was tuned on, and by view.
        kinds: Each kind of error, those of which most entries were missed first.
        departments: Each department.
        stores: Each step at which findings come about.
        rules: Rules with false alarms, the most first.
        habits: Each harmless kind, and what became of its values.
    """

    total: Lines
    kinds: Lines
    departments: Lines
    stores: Lines
    rules: Lines
    habits: Lines


def make_score(
    session: Session,
    pack: Pack,
    resources: Sequence[Resource],
    mergers: Sequence[Merger],
    kinds: Sequence[Kind],
    key: Path,
) -> Score:
    """Return how the findings of a home stand against an answer key.

    Args:
        session: Reads the stores.
        pack: The city pack.
        resources: Those of its resources that have been pulled.
        mergers: Of the entities that have been merged.
        kinds: The kinds of the key.
        key: The answer key, a Parquet file.
    """
    stage_entries(session, resources, key, [k.kind for k in kinds if k.operator in ABSENT])
    stage_findings(session, Told(pack, resources, mergers))
    stage_outcomes(session, pack, resources)
    session.stage_rows(
        "kinds",
        {"kind": "VARCHAR", "label": "VARCHAR", "visible": "VARCHAR", "held_out": "BOOLEAN",
         "harmless": "BOOLEAN"},
        [(k.kind, k.label, VIEWS[k.visible], k.held_out, k.harmless) for k in kinds],
    )  # fmt: skip
    _stage_matches(session)
    _stage_entries_found(session)
    labels = {name: d.label for name, d in pack.departments.departments.items()}
    return Score(
        _totals(session), _kinds(session), _departments(session, labels), _stores(session),
        _rules(session), _habits(session),
    )  # fmt: skip


def _stage_matches(session: Session) -> None:
    """Stage ``matches`` (finding, entry) and ``verdicts`` (each finding's)."""
    step = "hold findings against the key"
    session.stage(
        "beside",
        "SELECT s.finding, s.rule, s.store, e.n, COALESCE(k.harmless, FALSE) AS harmless, "
        "s.field IS NULL OR e.field IS NULL OR s.field = e.field AS speaks "
        "FROM speaks AS s JOIN entries AS e ON e.resource = s.at_resource "
        "AND e._digest = s._digest LEFT JOIN kinds AS k ON k.kind = e.kind",
        step=step,
    )
    session.stage("matches", "SELECT DISTINCT * EXCLUDE (speaks) FROM beside WHERE speaks",
                  step=step)  # fmt: skip
    session.stage(
        "verdicts",
        f"SELECT f.*, {VERDICT} AS verdict FROM (SELECT f.*, "
        "COALESCE(b.right_, FALSE) AS right_, COALESCE(b.habit, FALSE) AS habit, "
        "COALESCE(b.beside, FALSE) AS beside FROM "
        "(SELECT DISTINCT finding, resource, rule, store FROM speaks) AS f LEFT JOIN "
        "(SELECT finding, BOOL_OR(speaks AND NOT harmless) AS right_, "
        "BOOL_OR(speaks AND harmless) AS habit, BOOL_OR(NOT harmless) AS beside "
        "FROM beside GROUP BY finding) AS b ON b.finding = f.finding) AS f",
        step=step,
    )


def _stage_entries_found(session: Session) -> None:
    """Stage ``told``: each entry with its kind, by which step it was ``found`` first, its outcome.

    ``row_found``: a finding speaks of its row, if not of it.
    """
    order = " ".join(f"WHEN {literal(store)} THEN {at}" for at, store in enumerate(STORES))
    session.stage(
        "told",
        "SELECT e.n, e.resource, e.kind, e.field, e.absent, e._digest, "
        "COALESCE(k.label, e.kind) AS label, COALESCE(k.visible, '') AS visible, "
        "COALESCE(k.held_out, FALSE) AS held_out, COALESCE(k.harmless, FALSE) AS harmless, "
        f"CASE WHEN m.record IS NOT NULL THEN {literal(STORES[3])} ELSE f.store END AS found, "
        "b.n IS NOT NULL AS row_found, o.outcome FROM entries AS e "
        "LEFT JOIN kinds AS k ON k.kind = e.kind LEFT JOIN "
        f"(SELECT n, ARG_MIN(store, CASE store {order} END) AS store FROM matches GROUP BY n) "
        "AS f ON f.n = e.n LEFT JOIN (SELECT DISTINCT n FROM beside) AS b ON b.n = e.n "
        "LEFT JOIN (SELECT DISTINCT resource, record FROM missing) AS m "
        "ON e.absent AND m.resource = e.resource AND m.record = e.record "
        "LEFT JOIN outcomes AS o ON o.n = e.n",
        step="hold the key against findings",
    )


def _totals(session: Session) -> Lines:
    entries = (
        "SELECT COUNT(*) AS errors, COUNT(found) AS found, COUNT(*) FILTER (found IS NULL AND "
        "row_found) AS beside, COUNT(*) FILTER (_digest IS NULL AND NOT absent) AS unlanded "
        "FROM told WHERE NOT harmless"
    )
    parts = {
        "all": f"{entries}",
        "no rule tuned on": f"{entries} AND held_out",
    } | {
        f"seen by {name} {view}": f"{entries} AND visible = {literal(view)}"
        for name, view in VIEWS.items()
    }
    rows = [{"of": name, **session.rows(sql, step="totals")[0]} for name, sql in parts.items()]
    (findings,) = session.rows(
        f"SELECT {COUNTED} AS findings, {RIGHT} AS right_ FROM verdicts", step="totals"
    )
    precision = percent(findings["right_"], findings["findings"])
    return [
        {**row, "recall": percent(row["found"], row["errors"]),
         "findings": findings["findings"] if row["of"] == "all" else None,
         "precision": precision if row["of"] == "all" else None}
        for row in rows
    ]  # fmt: skip


def _kinds(session: Session) -> Lines:
    rows = session.rows(
        "SELECT t.*, p.right_, p.counted FROM (SELECT kind, label, visible, held_out, COUNT(*) AS "
        "errors, COUNT(found) AS found, COUNT(*) FILTER (outcome = 'right') AS mended, "
        "COUNT(*) FILTER (outcome IN ('refused', 'emptied')) AS kept_out "
        "FROM told WHERE NOT harmless GROUP BY ALL) AS t LEFT JOIN ("
        f"SELECT r.kind, {RIGHT} AS right_, {COUNTED} AS counted FROM verdicts AS v JOIN "
        "(SELECT DISTINCT e.kind, m.rule, v.resource FROM matches AS m JOIN entries AS e "
        "ON e.n = m.n JOIN verdicts AS v ON v.finding = m.finding) AS r "
        "ON r.rule = v.rule AND r.resource = v.resource GROUP BY r.kind) AS p ON p.kind = t.kind "
        "ORDER BY t.errors - t.found DESC, t.errors DESC, t.kind",
        step="kinds",
    )
    return [
        {
            "kind": row["kind"], "label": row["label"] + ("†" if row["held_out"] else ""),
            "seen by": row["visible"], "errors": row["errors"], "found": row["found"],
            "missed": row["errors"] - row["found"],
            "recall": percent(row["found"], row["errors"]),
            "precision": percent(row["right_"], row["counted"]),
            "kept out": row["kept_out"], "put right": row["mended"],
        }
        for row in rows
    ]  # fmt: skip


def _departments(session: Session, labels: Mapping[str, str]) -> Lines:
    owner = "SPLIT_PART(resource, '/', 1)"
    entries = {
        row["owner"]: row
        for row in session.rows(
            f"SELECT {owner} AS owner, COUNT(*) AS errors, COUNT(found) AS found FROM told "
            "WHERE NOT harmless GROUP BY ALL", step="departments",
        )
    }  # fmt: skip
    findings = {
        row["owner"]: row
        for row in session.rows(
            f"SELECT {owner} AS owner, {COUNTED} AS findings, {RIGHT} AS right_, {BESIDE} AS "
            f"beside, {FALSE} AS wrong FROM verdicts GROUP BY ALL", step="departments",
        )
    }  # fmt: skip
    lines = []
    for name in sorted({*entries, *findings}):
        told, made = entries.get(name, {}), findings.get(name, {})
        lines.append({
            "department": labels.get(name, name), "errors": told.get("errors", 0),
            "found": told.get("found", 0),
            "recall": percent(told.get("found", 0), told.get("errors", 0)),
            **_findings_line(made),
        })  # fmt: skip
    return lines


def _findings_line(row: Mapping[str, Any]) -> dict[str, Any]:
    findings, right = row.get("findings", 0), row.get("right_", 0)
    return {
        "findings": findings, "right": right, "beside": row.get("beside", 0),
        "false": row.get("wrong", 0), "precision": percent(right, findings),
    }  # fmt: skip


def _stores(session: Session) -> Lines:
    found = session.rows(
        "SELECT found AS store, COUNT(*) AS n FROM told WHERE NOT harmless AND found IS NOT NULL "
        "GROUP BY ALL", step="stores",
    )  # fmt: skip
    first = {row["store"]: row["n"] for row in found}
    (errors,) = session.rows("SELECT COUNT(*) AS n FROM told WHERE NOT harmless", step="stores")
    findings = session.rows(
        f"SELECT store, {COUNTED} AS findings, {RIGHT} AS right_, {BESIDE} AS beside, "
        f"{FALSE} AS wrong FROM verdicts GROUP BY ALL", step="stores",
    )  # fmt: skip
    made = {row["store"]: row for row in findings}
    return [
        {
            "found at": store, "errors found first here": first.get(store, 0),
            "recall": percent(first.get(store, 0), errors["n"]),
            **_findings_line(made.get(store, {})),
        }
        for store in STORES
    ]  # fmt: skip


def _rules(session: Session) -> Lines:
    rows = session.rows(
        f"SELECT resource, rule, {COUNTED} AS findings, {RIGHT} AS right_, {BESIDE} AS beside, "
        f"{FALSE} AS wrong FROM verdicts GROUP BY ALL HAVING {FALSE} > 0 "
        f"ORDER BY {FALSE} DESC, resource, rule", step="rules",
    )  # fmt: skip
    return [{"resource": r["resource"], "rule": r["rule"], **_findings_line(r)} for r in rows]


def _habits(session: Session) -> Lines:
    outcomes = ("right", "wrong", "emptied", "refused")
    counts = ", ".join(f"COUNT(*) FILTER (outcome = '{name}') AS {name}_" for name in outcomes)
    rows = session.rows(
        f"SELECT kind, label, COUNT(*) AS cells, {counts}, COUNT(outcome) AS known FROM told "
        "WHERE harmless GROUP BY ALL ORDER BY COUNT(*) DESC, kind", step="habits",
    )  # fmt: skip
    return [
        {
            "kind": row["kind"], "label": row["label"], "values": row["cells"],
            **{name: row[f"{name}_"] for name in outcomes},
            "kept": percent(row["right_"], row["known"]),
        }
        for row in rows
    ]  # fmt: skip


def percent(part: int | None, whole: int | None) -> Decimal | None:
    """Return the share in a hundred, with one decimal; None of nothing."""
    return round(Decimal(100 * (part or 0)) / whole, 1) if whole else None
