"""Find the rows of an .xlsx sheet in which a formula failed.

python-calamine gives such a cell as an empty one, so the sheet's own XML is asked. Of .xls and
.ods it cannot be told.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path

# What reading a damaged part of an archive raises; calamine then says that it is damaged.
UNREADABLE = (KeyError, zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError)

_SHEET = re.compile(r"<(?:\w+:)?sheet\s[^>]*>")
_RELATION = re.compile(r"<(?:\w+:)?Relationship\s[^>]*>")
_ERROR = re.compile(rb"<(?:\w+:)?c\s(?=[^>]*\bt=\"e\")[^>]*\br=\"[A-Z]+(\d+)\"")
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&amp;": "&"}


def find_error_rows(path: Path, sheet: str) -> frozenset[int]:
    """Return the 1-based rows of a sheet that hold a failed formula; empty if it cannot be told."""
    if not zipfile.is_zipfile(path):
        return frozenset()
    with zipfile.ZipFile(path) as archive:
        try:
            part = _part_of(archive, sheet)
            data = archive.read(part) if part else b""
        except UNREADABLE:
            return frozenset()
    return frozenset(int(found[1]) for found in _ERROR.finditer(data))


def _part_of(archive: zipfile.ZipFile, sheet: str) -> str | None:
    """Return the name of the part that holds a sheet."""
    book = archive.read("xl/workbook.xml").decode("utf-8", "replace")
    relations = archive.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace")
    ids = {_attribute(tag, "name"): _attribute(tag, r"\w+:id") for tag in _SHEET.findall(book)}
    targets = {
        _attribute(tag, "Id"): _attribute(tag, "Target") for tag in _RELATION.findall(relations)
    }
    target = targets.get(ids.get(sheet, ""))
    if not target:
        return None
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf"\s{name}=\"([^\"]*)\"", tag)
    text = found[1] if found else ""
    for entity, sign in _ENTITIES.items():
        text = text.replace(entity, sign)
    return text
