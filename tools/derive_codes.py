"""Derive the shipped code sets that come from lists in ``../shared/data/codes``.

Run ``python tools/derive_codes.py`` to rewrite the files, ``--check`` to compare only. The other
files of ``standards/codes/data`` are kept by hand; ``sources.yaml`` says which is which.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data" / "codes"
CORRECTIONS = Path(__file__).with_name("division_corrections.csv")
TARGET = ROOT / "src" / "chengshu" / "standards" / "codes" / "data"

NBS_YEAR = 2023

# "市辖区" and its like group rows in the printed standard; they are no divisions.
HEADING = re.compile(r"^(市辖区|市区|县|市|(省|自治区)?直辖.*(单位|区划))$")

# Upstream numbers the areas of Hong Kong, Macao and Taiwan itself; GB/T 2260 has one code for each.
OUTSIDE = re.compile(r"^(81|82|83)(?!0000)")

TAIWAN, TAIWAN_PERMIT = "710000", "830000"
XIONGAN = "133100"

# What upstream names like a division, although every snapshot has it as a heading or it is none.
NAMES = {"150601": "市辖区", "500300": "市", TAIWAN_PERMIT: "台湾居民居住证"}


@dataclass(frozen=True)
class Upstream:
    """What the lists under ``../shared/data/codes`` say, as read."""

    current: Mapping[str, str]
    names: Mapping[str, str]
    moved: Mapping[str, tuple[str, ...]]
    seen: Mapping[str, Mapping[int, frozenset[str]]]
    corrected: frozenset[str]
    nbs: Mapping[str, str]
    ministry: frozenset[str]
    historic: frozenset[str]


def read_upstream(shared: Path) -> Upstream:
    """Return the division lists of all publishers; codes we cannot name are left out."""
    place = shared / "data_location"
    current = {c: n for c, n in _json(place / "list.json").items() if not OUTSIDE.match(c)}
    current |= {TAIWAN: "台湾省"}
    current.pop(TAIWAN_PERMIT, None)
    seen, ministry = _read_snapshots(shared / "gb2260_history")
    nbs = _read_nbs(shared / "nbs2023")
    for code, name in nbs.items():
        seen[code][NBS_YEAR] = {name}
    latest = {code: min(years[max(years)]) for code, years in seen.items()}
    historic = _json(place / "history.json")
    corrections = _read_corrections()
    names = latest | historic | current | NAMES
    return Upstream(
        current=current,
        names={c: n for c, n in names.items() if not OUTSIDE.match(c)},
        moved=_read_moves(place / "diff.json") | corrections,
        corrected=frozenset(corrections),
        seen={c: {y: frozenset(n) for y, n in ys.items()} for c, ys in seen.items()},
        nbs=nbs,
        ministry=frozenset(ministry),
        historic=frozenset(historic),
    )


def _json(path: Path) -> dict[str, str]:
    content: dict[str, str] = json.loads(path.read_text("utf-8"))
    return content


def _read_moves(path: Path) -> dict[str, tuple[str, ...]]:
    moves: dict[str, list[str]] = json.loads(path.read_text("utf-8"))
    return {code: tuple(successors) for code, successors in moves.items()}


def _read_corrections() -> dict[str, tuple[str, ...]]:
    """Return successors where the old → new list is silent, wrong, or points to itself."""
    with CORRECTIONS.open(encoding="utf-8", newline="") as lines:
        return {row["code"]: tuple(row["successors"].split()) for row in csv.DictReader(lines)}


def _read_snapshots(folder: Path) -> tuple[dict[str, dict[int, set[str]]], set[str]]:
    """Return code → year → names, and the codes the Ministry of Civil Affairs ever listed."""
    seen: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    ministry = set()
    for path in sorted(folder.glob("*.tsv")):
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines, delimiter="\t"):
                seen[row["Code"]][int(row["Revision"][:4])].add(row["Name"])
                if row["Source"] == "mca":
                    ministry.add(row["Code"])
    return seen, ministry


def _read_nbs(folder: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for stem in ("provinces", "cities", "areas"):
        with (folder / f"{stem}.csv").open(encoding="utf-8", newline="") as lines:
            found |= {row["code"].ljust(6, "0"): row["name"] for row in csv.DictReader(lines)}
    return found


def level_of(code: str) -> str:
    """Return the level that the zeros of a code say."""
    if code.endswith("0000"):
        return "province"
    return "city" if code.endswith("00") else "county"


def status_of(code: str, up: Upstream) -> str:
    """Return current, heading (groups rows), other (in use, but no division) or abolished."""
    if code in up.current:
        return "current"
    if HEADING.match(up.names[code]):
        return "heading"
    zone = code not in up.ministry and any(year >= 2018 for year in up.seen.get(code, ()))
    return "other" if zone or code in (XIONGAN, TAIWAN_PERMIT) else "abolished"


def successors_of(
    code: str, up: Upstream, by_name: Mapping[tuple[str, str], set[str]]
) -> list[str]:
    """Return the current codes that hold today what ``code`` held; empty when not known."""
    status = status_of(code, up)
    if status == "current":
        return []
    if code not in up.corrected and status in ("heading", "other"):
        return _enclosing(code, up)
    followed = _follow(code, up, frozenset())
    if followed or code in up.moved:
        return sorted(followed)
    return sorted(by_name.get((code[:2], up.names[code]), set()))


def _enclosing(code: str, up: Upstream) -> list[str]:
    """Return where the city (or else the province) around ``code`` is today."""
    for around in (code[:4] + "00", code[:2] + "0000"):
        if around != code and around in up.names and not HEADING.match(up.names[around]):
            found = _follow(around, up, frozenset())
            if found:
                return sorted(found)
    return []


def _follow(code: str, up: Upstream, passed: frozenset[str]) -> set[str]:
    if code in up.current:
        return {code}
    if code in passed:
        return set()
    steps = up.moved.get(code, ())
    return {end for step in steps for end in _follow(step, up, passed | {code})}


def same_name(up: Upstream) -> dict[tuple[str, str], set[str]]:
    """Return (province, name) → successors where every code of that name leads to the same place.

    The old → new list misses codes of 1980–85; most of these were only renumbered.
    """
    ends: dict[tuple[str, str], set[tuple[str, ...]]] = defaultdict(set)
    for code, name in up.names.items():
        followed = _follow(code, up, frozenset())
        if followed and not HEADING.match(name) and status_of(code, up) != "other":
            ends[code[:2], name].add(tuple(sorted(followed)))
    return {key: set(next(iter(found))) for key, found in ends.items() if len(found) == 1}


def full_name_of(code: str, up: Upstream) -> str:
    """Return province, city and county in one word, without heading rows."""
    around = [part for part in (code[:2] + "0000", code[:4] + "00") if part != code]
    names = [_name_then(part, code, up) for part in dict.fromkeys(around)]
    above = [name for name in names if not HEADING.match(name)]
    return "".join([*above, up.names[code]])


def _name_then(part: str, code: str, up: Upstream) -> str:
    """Return the name of ``part`` as the publication that lists ``code`` has it.

    The 1980 edition numbers some prefectures differently from every later one.
    """
    if part in up.current or code in up.historic:
        return up.names.get(part, "")
    last = max(up.seen.get(code, {0: frozenset()}))
    then = up.seen.get(part, {}).get(last, frozenset())
    return min(then) if then else up.names.get(part, "")


def derive_divisions(shared: Path) -> str:
    """Return gb2260.csv: one row per code ever published, sorted by code."""
    up = read_upstream(shared)
    by_name = same_name(up)
    rows = []
    for code in sorted(up.names):
        status = status_of(code, up)
        years = sorted(up.seen.get(code, ()))
        open_end = status == "current" or (code in up.nbs and status != "abolished")
        former = {n for y in up.seen.get(code, {}).values() for n in y} - {up.names[code]}
        rows.append(
            [
                code,
                up.names[code],
                full_name_of(code, up),
                level_of(code),
                status,
                years[0] if years else "",
                "" if open_end or not years else years[-1],
                " ".join(successors_of(code, up, by_name)),
                " ".join(sorted(former)),
            ]
        )
    columns = "code name full_name level status valid_from valid_to successors former_names"
    return _csv(columns.split(), rows)


def derive_ethnic_groups(shared: Path) -> str:
    """Return gb3304.csv: the 56 groups, and the two codes for everybody else."""
    script = (shared / "gb3304" / "gb3304.esm.js").read_text("utf-8")
    rows = []
    for entry in re.findall(r"\{([^{}]*digitalCode[^{}]*)\}", script):
        value = dict(re.findall(r"(\w+):\s*'([^']*)'", entry))
        name = value["name"]
        rows.append(
            [
                value["digitalCode"],
                name,
                value["code"],
                value["romanization"],
                f"{name.removesuffix('族')} {value['code']} {value['romanization']}",
            ]
        )
    rows.append(["97", "其他", "", "", "其他民族 未识别民族 未定族称人口"])
    rows.append(["98", "外国血统中国籍人士", "", "", "入籍 外国血统 外国血统中国籍"])
    return _csv(["code", "name", "alpha", "romanization", "aliases"], sorted(rows))


def _csv(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def derive(shared: Path) -> dict[str, str]:
    """Return file name → content of every derived file."""
    return {"gb2260.csv": derive_divisions(shared), "gb3304.csv": derive_ethnic_groups(shared)}


def main() -> int:
    """Write the derived files, or with ``--check`` name those that are not fresh."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if stale")
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder with the lists")
    options = parser.parse_args()
    stale = []
    for name, content in derive(options.shared).items():
        path = TARGET / name
        if not path.exists() or path.read_text("utf-8") != content:
            stale.append(name)
            if not options.check:
                path.write_text(content, "utf-8", newline="\n")
    sys.stdout.write(f"{'stale' if options.check else 'written'}: {', '.join(stale) or 'none'}\n")
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    raise SystemExit(main())
