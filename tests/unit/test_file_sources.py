"""What a declaration of files may say, and what it may not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from chengshu.catalog.source import ObjectsSource, SftpSource
from chengshu.exchange.connectors.sftp import is_complete, is_temporary
from chengshu.exchange.connectors.sftp_server import RemoteFile
from chengshu.exchange.spool import glob_regex

SFTP = {
    "kind": "sftp", "host": "sftp.example", "user": "city", "secret": "front",
    "host_key": "SHA256:" + "A" * 43, "ready": {"marker": "*.ok"},
}  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"host_key": None}, {"host_key": "MD5:00:11"}, {"ready": None}, {"ready": {}},
        {"ready": {"marker": "ok"}}, {"ready": {"marker": "x/*.ok"}}, {"ready": {"age": "soon"}},
        {"ready": {"age": "1 minute", "stable": "1 minute"}}, {"after": "burn"},
        {"timeout": "0.5 seconds"}, {"password": "x"}, {"port": 0},
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_declaration_of_a_server_is_refused(wrong: dict[str, Any]):
    SftpSource.model_validate(SFTP)
    declared = {name: value for name, value in (SFTP | wrong).items() if value is not None}

    with pytest.raises(ValidationError):
        SftpSource.model_validate(declared)


@pytest.mark.parametrize(
    "columns",
    ["plain.pdf", "{Year}.pdf", "{a}/{a}.pdf", "{path}.pdf", "{a.pdf", "{}.pdf", "{a__b}"],
)
def test_wrong_columns_of_paths_are_refused(columns: str):
    ObjectsSource.model_validate({"kind": "objects", "path": "*", "columns": "{a}/{b_1}_*.pdf"})

    with pytest.raises(ValidationError):
        ObjectsSource.model_validate({"kind": "objects", "path": "*", "columns": columns})


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("*.csv", "a.csv", True), ("*.csv", "d/a.csv", False), ("**/*.csv", "a.csv", True),
        ("**/*.csv", "d/e/a.csv", True), ("d/**/a?.csv", "d/ab.csv", True),
        ("d/**/a?.csv", "e/ab.csv", False), ("[!a]*", "a.csv", False), ("[ab]*", "a.csv", True),
        ("a+(1).csv", "a+(1).csv", True), ("街道_*", "街道_1.csv", True),
    ],
)  # fmt: skip
def test_globs_over_paths(pattern: str, name: str, fits: bool):
    assert bool(glob_regex(pattern).fullmatch(name)) == fits


@pytest.mark.parametrize(
    ("ready", "seen", "age", "complete"),
    [
        ({"age": "1 minute"}, 2, 59, False), ({"age": "1 minute"}, 2, 60, True),
        ({"stable": "1 minute"}, 59, 900, False), ({"stable": "1 minute"}, 60, 900, True),
        ({"marker": "*.ok"}, 900, 900, False),
    ],
)  # fmt: skip
def test_when_an_upload_is_complete(ready: dict[str, str], seen: float, age: float, complete: bool):
    declared = SftpSource.model_validate(SFTP | {"ready": ready}).ready
    file = RemoteFile(b"d/a.csv", 3, 1000)

    assert is_complete(declared, file, {"d/a.csv": file}, seen, age) == complete


@pytest.mark.parametrize(
    ("markers", "complete"),
    [
        ({b"d/a.csv.ok": 1000}, True), ({b"d/a.ok": 1001}, True), ({b"d/a.csv.ok": 999}, False),
        ({b"a.csv.ok": 1000}, False), ({b"d/b.ok": 1000}, False),
    ],
)  # fmt: skip
def test_which_marker_says_that_an_upload_is_complete(markers: dict[bytes, int], complete: bool):
    ready = SftpSource.model_validate(SFTP).ready
    file = RemoteFile(b"d/a.csv", 3, 1000)
    found = {one.name: one for one in (RemoteFile(p, 0, at) for p, at in markers.items())}

    assert is_complete(ready, file, found | {file.name: file}, 900, 900) == complete


def test_names_of_uploads_under_way():
    assert all(map(is_temporary, ("a.csv.part", "d/a.TMP", "a.filepart", "a.csv~", "~$a.xlsx")))
    assert not any(map(is_temporary, ("part.csv", "d.tmp/a.csv", "a~b.csv")))
