"""A folder of scans and recordings: bytes once in the object store, one row for each file."""

from __future__ import annotations

import hashlib
import io
import os
import resource as limits
import shutil
import threading
import time
import zipfile
from pathlib import Path
from tempfile import mkdtemp

import pytest

from chengshu.catalog.source import ObjectsSource
from chengshu.exchange.connectors.objects import find_objects
from chengshu.exchange.content import is_named_so, type_of
from chengshu.exchange.port import Incoming, Past, Surroundings
from chengshu.kernel.errors import ExternalError
from tests.support.home import CITY, TestHome, make_test_home

PDF, PNG = b"%PDF-1.7\n%\xe2\xe3 one", b"\x89PNG\r\n\x1a\n two"
SCAN = """\
name: scan
label: 卷宗
owner: office
sharing: unconditional
update: daily
key: [path]
fields:
  - {name: path, label: 路径, type: text}
  - {name: size, label: 大小, type: count}
  - {name: sha256, label: 摘要, type: text, required: true}
  - {name: type, label: 类型, type: text}
  - {name: modified, label: 修改时间, type: datetime}
  - {name: year, label: 年份, type: text}
  - {name: case_no, label: 案号, type: text}
  - {name: page, label: 页, type: text}
source:
  {kind: objects, path: "../../front/scans/**/*", columns: "{year}/{case_no}_{page}.*", mode: MODE}
"""


def put(root: Path, name: str, data: bytes, age: float = 100) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (time.time() - age,) * 2)
    return path


def make_home(folder: Path, mode: str) -> TestHome:
    files = {path: CITY[path] for path in ("city.yaml", "departments.yaml")}
    text = SCAN.replace("MODE", mode)
    return make_test_home(folder, {**files, "resources/office/scan.yaml": text})


def stored(folder: Path) -> dict[str, bytes]:
    found = (p for p in folder.rglob("*") if p.is_file())
    return {p.parent.name + p.name: p.read_bytes() for p in found}


@pytest.mark.parametrize("mode", ["full", "incremental"])
def test_a_folder_of_scans_becomes_records_and_objects(tmp_path: Path, mode: str):
    home = make_home(tmp_path / "home", mode)
    scans = home.front / "scans"
    put(scans, "2026/A1_01.pdf", PDF)
    put(scans, "2026/A1_02.png", PNG)
    put(scans, "2026/A1_03.png", PNG)
    put(scans, "2026/B2_01.pdf", b"")
    assert [(b["pulled"], b["accepted"], b["refused"]) for b in home.run()] == [(4, 3, 1)]

    digests = {hashlib.sha256(data).hexdigest(): data for data in (PDF, PNG)}
    assert stored(home.root / "objects") == digests
    rows = home.current("office/scan", "path", "type", "year", "case_no", "page", "sha256")
    pdf = hashlib.sha256(PDF).hexdigest()
    assert rows[0] == ("2026/A1_01.pdf", "application/pdf", "2026", "A1", "01", pdf)
    assert home.run() == [{"resource": "office/scan", "batch": None, "pulled": 0}]

    (scans / "2026/A1_02.png").unlink()
    put(scans, "2026/B2_01.pdf", PDF + b"more")
    (line,) = home.run()

    assert line["pulled"] == (3 if mode == "full" else 1)
    paths = [row[0][5:] for row in home.current("office/scan", "path")]
    ended = [] if mode == "full" else ["A1_02.png"]
    assert paths == sorted(["A1_01.pdf", "A1_03.png", "B2_01.pdf", *ended])
    home.balances()


class Folder:
    """A folder of scans, pulled by the connector alone."""

    def __init__(self, root: Path) -> None:
        self.root, self.scans = root, root / "scans"
        self.scans.mkdir()

    def find(self, mode: str = "full", path: str = "scans/**/*", **more: str) -> list[Incoming]:
        around = Surroundings(self.root, "UTC", str, self.root / "spool", self.root / "objects")
        source = ObjectsSource.model_validate(
            {"kind": "objects", "path": path, "mode": mode, **more}
        )
        return find_objects(source, Past("run"), around)

    def rows(self) -> tuple[dict[str, tuple[str | None, ...]], list[tuple[int, str]]]:
        """Return path → type and problem of what is there, and the findings."""
        (incoming,) = self.find()
        rows = [row for batch in incoming.batches() for row in batch.to_pylist()]
        found = {row["path"]: (row["type"], row["_problem"]) for row in rows}
        return found, [(f.line, f.code) for f in incoming.findings]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_what_is_wrong_with_files_is_told(folder: Folder):
    put(folder.root, "secret.pdf", PDF)
    put(folder.scans, "a.pdf", PDF)
    put(folder.scans, "b.jpg", PDF)
    put(folder.scans, "c.pdf", b"")
    (folder.scans / "d.pdf").symlink_to(folder.root / "secret.pdf")
    (folder.scans / "e.pdf").symlink_to("a.pdf")
    os.mkfifo(folder.scans / "f.pdf")
    (folder.scans / "g").symlink_to(folder.root)
    (folder.scans / "h.pdf").symlink_to("nowhere.pdf")
    put(folder.scans, os.fsdecode("卷.pdf".encode("gb18030")), PDF)

    found, findings = folder.rows()

    assert found == {
        "a.pdf": ("application/pdf", None), "b.jpg": ("application/pdf", None),
        "c.pdf": (None, "empty_file"), "d.pdf": (None, "link_outside"),
        "e.pdf": ("application/pdf", None), "f.pdf": (None, "not_a_file"),
        "g": (None, "link_outside"), "h.pdf": (None, "not_a_file"),
        "卷.pdf": ("application/pdf", None),
    }  # fmt: skip
    assert findings == [
        (2, "suffix_wrong"), (3, "empty_file"), (4, "link_outside"), (6, "not_a_file"),
        (7, "link_outside"), (8, "not_a_file"), (9, "name_not_utf8"),
    ]  # fmt: skip


def test_paths_unlike_the_declared_columns_are_told(folder: Folder):
    put(folder.scans, "2026/A1_01.pdf", PDF)
    put(folder.scans, "other.pdf", PDF)

    (incoming,) = folder.find(columns="{year}/{case}_{page}.pdf")

    assert [(f.line, f.code) for f in incoming.findings] == [(2, "path_unlike")]
    (batch,) = incoming.batches()
    assert batch.column("case").to_pylist() == ["A1", None]


def test_a_file_that_changes_while_it_is_read_is_refused_and_comes_again(folder: Folder):
    path, done = put(folder.scans, "a.pdf", PDF + bytes(50 << 20)), threading.Event()

    def write() -> None:
        while not done.wait(0.001):
            with path.open("ab") as stream:
                stream.write(b"more")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert folder.rows()[0] == {"a.pdf": (None, "changed_while_read")}
    finally:
        done.set()
        writer.join()
    assert stored(folder.root / "objects") == {}

    assert folder.rows()[0] == {"a.pdf": ("application/pdf", None)}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user for a moment")
def test_an_unreadable_file_is_told():
    root = Path(mkdtemp(prefix="chengshu-objects-", dir="/tmp"))
    try:
        folder = Folder(root)
        put(folder.scans, "a.pdf", PDF).chmod(0)
        put(folder.scans, "b.pdf", PDF)
        root.chmod(0o777)
        os.seteuid(65534)
        try:
            found = folder.rows()[0]
        finally:
            os.seteuid(0)
    finally:
        shutil.rmtree(root)

    assert found == {"a.pdf": (None, "unreadable"), "b.pdf": ("application/pdf", None)}


def test_bytes_are_found_again_after_a_kill_and_stored_anew_when_lost(folder: Folder):
    put(folder.scans, "a.pdf", PDF)
    folder.find()
    (kept,) = [p for p in (folder.root / "objects").rglob("*") if p.is_file()]
    before = kept.stat().st_ino
    put(folder.root, "objects/.part/spool/.part-left", b"left by a kill")
    (folder.root / "spool" / "notes.json").unlink()

    folder.find()
    assert kept.stat().st_ino == before, "the bytes were stored twice"
    assert list(stored(folder.root / "objects").values()) == [PDF]
    kept.unlink()
    folder.find()

    assert kept.read_bytes() == PDF


def test_only_new_files_come_once_they_have_landed(folder: Folder):
    put(folder.scans, "a.pdf", PDF)
    time.sleep(2.1)
    (first,) = folder.find("incremental")
    (again,) = folder.find("incremental")
    assert first.digest == again.digest
    first.landed()
    assert folder.find("incremental") == []
    put(folder.scans, "b.pdf", PNG)

    (second,) = folder.find("incremental")

    assert [batch.column("path").to_pylist() for batch in second.batches()] == [["b.pdf"]]


def test_an_empty_folder_ends_nothing(folder: Folder):
    with pytest.raises(ExternalError, match="no file is there"):
        folder.find()


def test_a_large_file_is_never_held_in_memory(folder: Folder):
    with (folder.scans / "film.mp4").open("wb") as stream:
        stream.write(b"\0\0\0\x18ftypmp42")
        stream.truncate(700 << 20)
    before = limits.getrusage(limits.RUSAGE_SELF).ru_maxrss

    assert folder.rows()[0] == {"film.mp4": ("video/mp4", None)}

    assert limits.getrusage(limits.RUSAGE_SELF).ru_maxrss - before < 100 << 10


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return stream.getvalue()


OFFICE = "application/vnd.openxmlformats-officedocument."
TYPES: list[tuple[str, bytes, str]] = [
    ("a.pdf", PDF, "application/pdf"),
    ("a.png", PNG, "image/png"),
    ("a.jpg", b"\xff\xd8\xff\xe1\0\x10Exif", "image/jpeg"),
    ("a.tif", b"II*\0\x08\0\0\0", "image/tiff"),
    ("a.tiff", b"MM\0*\0\0\0\x08", "image/tiff"),
    ("a.gif", b"GIF89a\x01\0", "image/gif"),
    ("a.bmp", b"BM\x9a\0\0\0\0\0\0\0\x36\0\0\0", "image/bmp"),
    ("a.webp", b"RIFF\x20\0\0\0WEBPVP8 ", "image/webp"),
    ("a.mp4", b"\0\0\0\x20ftypisom\0\0\2\0", "video/mp4"),
    ("a.mov", b"\0\0\0\x14ftypqt  \0\0", "video/quicktime"),
    ("a.avi", b"RIFF\x20\1\0\0AVI LIST", "video/x-msvideo"),
    ("a.mkv", b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska", "video/x-matroska"),
    ("a.mp3", b"ID3\3\0\0\0\0\0\0", "audio/mpeg"),
    ("b.mp3", b"\xff\xfb\x90\x44\0\0", "audio/mpeg"),
    ("a.wav", b"RIFF\x24\0\0\0WAVEfmt ", "audio/x-wav"),
    ("a.zip", zipped("a.txt"), "application/zip"),
    ("a.docx", zipped("[Content_Types].xml", "word/document.xml"),
     OFFICE + "wordprocessingml.document"),
    ("a.xlsx", zipped("[Content_Types].xml", "xl/workbook.xml"), OFFICE + "spreadsheetml.sheet"),
    ("a.ofd", zipped("OFD.xml", "Doc_0/Document.xml"), "application/ofd"),
    ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", "application/x-ole-storage"),
    ("a.txt", "你好，世界".encode(), "text/plain"),
    ("b.txt", "你好，世界".encode("gb18030"), "text/plain"),
    ("c.txt", b"BM is a company, ID3 a tag", "text/plain"),
    ("d.txt", ("卷宗" * 40_000).encode()[: 1 << 16], "text/plain"),
    ("a.html", b"<!DOCTYPE html><html>", "text/html"),
    ("a.bin", bytes(range(256)), "application/octet-stream"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "expected"), TYPES, ids=[t[0] for t in TYPES])
def test_a_type_is_found_by_the_content(tmp_path: Path, name: str, data: bytes, expected: str):
    path = tmp_path / "without suffix"
    path.write_bytes(data)

    assert type_of(data, path) == expected
    assert is_named_so(name, expected)
    assert is_named_so("x.pdf", expected) == (expected == "application/pdf")
