"""Archives: each member is a delivery, or the whole is refused with the reason."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from chengshu.catalog.source import FileSource
from chengshu.exchange.connectors.archive import unpack
from chengshu.exchange.connectors.file import find_files
from chengshu.exchange.port import Past, Surroundings
from chengshu.kernel.errors import InputError

TABLE = "number,amount\na,1\n"


def make_zip(path: Path, **members: str | bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def make_tar(path: Path, mode: str, **members: str) -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


MADE: dict[str, Callable[[Path], object]] = {
    "x.zip": lambda path: make_zip(path, **{"d/a.csv": TABLE, "b.csv": TABLE}),
    "x.tar": lambda path: make_tar(path, "w", **{"d/a.csv": TABLE, "b.csv": TABLE}),
    "x.tar.gz": lambda path: make_tar(path, "w:gz", **{"d/a.csv": TABLE, "b.csv": TABLE}),
    "x.tgz": lambda path: make_tar(path, "w:gz", **{"./d/a.csv": TABLE, "b.csv": TABLE}),
    "x.csv.gz": lambda path: path.write_bytes(gzip.compress(TABLE.encode())),
}


@pytest.mark.parametrize("name", MADE)
def test_members_of_every_archive_are_deliveries(tmp_path: Path, name: str):
    (tmp_path / "front").mkdir()
    MADE[name](tmp_path / "front" / name)
    source = FileSource(kind="file", path=f"front/{name}")
    around = Surroundings(tmp_path, "UTC", str, tmp_path / "spool", tmp_path)

    found = find_files(source, Past("run"), around)
    rows = [sum(b.num_rows for b in incoming.batches()) for incoming in found]
    past = {incoming.source: [str(incoming.digest)] for incoming in found}
    for incoming in found:
        incoming.landed()

    expected = [f"{name}!b.csv", f"{name}!d/a.csv"]
    assert [i.source for i in found] == ([f"{name}!x.csv"] if name == "x.csv.gz" else expected)
    assert rows == [1] * len(found)
    assert find_files(source, Past("run", digests=past), around) == []
    copies = [p for p in (tmp_path / "spool").rglob("*") if p.is_file()]
    assert [p.name for p in copies] == ["members.json"]


def test_a_workbook_is_no_archive_whatever_its_name_says(tmp_path: Path):
    import xlsxwriter

    with xlsxwriter.Workbook(tmp_path / "x.zip") as book:
        book.add_worksheet().write_column(0, 0, ["number", "a"])
    around = Surroundings(tmp_path, "UTC", str, tmp_path / "spool", tmp_path)

    (incoming,) = find_files(FileSource(kind="file", path="*.zip"), Past("run"), around)

    assert incoming.source == "x.zip"
    assert incoming.header == ("number",)


def test_the_date_may_stand_in_the_members_name_or_the_archives(tmp_path: Path):
    make_zip(tmp_path / "x_20260101.zip", **{"a.csv": TABLE, "b_20260202.csv": TABLE})
    around = Surroundings(tmp_path, "UTC", str, tmp_path / "spool", tmp_path)
    source = FileSource(kind="file", path="*.zip", as_of=r"_(\d{8})")

    found = find_files(source, Past("run"), around)

    assert [(i.source[15:], str(i.as_of)[:10]) for i in found] == [
        ("a.csv", "2026-01-01"),
        ("b_20260202.csv", "2026-02-02"),
    ]


@pytest.mark.parametrize("codec", ["gbk", "utf-8"])
def test_names_without_the_utf8_flag_are_read(tmp_path: Path, codec: str):
    raw = "街道/名录.csv".encode(codec)
    path = make_zip(tmp_path / "x.zip", **{"N" * len(raw): TABLE})
    path.write_bytes(path.read_bytes().replace(b"N" * len(raw), raw))

    (member,) = unpack(path, "*.csv", tmp_path / "out")

    assert member.name == "街道/名录.csv"
    assert member.path.read_text() == TABLE


def encrypted(path: Path) -> None:
    make_zip(path, **{"a.csv": TABLE})
    data = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.index(mark) + at
        data[place : place + 2] = struct.pack("<H", 1)
    path.write_bytes(data)


def twice(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", TABLE)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.csv", TABLE)


def linked(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("a.csv")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)


REFUSED: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "up": ("x.zip", lambda p: make_zip(p, **{"../a.csv": TABLE}), "leads out of it"),
    "up in Windows": ("x.zip", lambda p: make_zip(p, **{"a\\..\\..\\b.csv": TABLE}), "leads out"),
    "absolute": ("x.tar", lambda p: make_tar(p, "w", **{"/etc/a.csv": TABLE}), "leads out of it"),
    "drive": ("x.zip", lambda p: make_zip(p, **{"C:a.csv": TABLE}), "leads out of it"),
    "encrypted": ("x.zip", encrypted, "a.csv is encrypted"),
    "nested": ("x.zip", lambda p: make_zip(p, **{"b.zip": b"PK"}), "b.zip is an archive"),
    "twice": ("x.zip", twice, "a.csv stands in it twice"),
    "link": ("x.tar", linked, "a.csv is a link or a device"),
    "bomb": ("x.zip", lambda p: make_zip(p, **{"a.csv": bytes(200 << 20)}), "more than 300 times"),
    "gzip bomb": ("x.csv.gz", lambda p: p.write_bytes(gzip.compress(bytes(200 << 20))),
                  "more than 300 times"),
    "bomb beside": ("x.tgz", lambda p: make_tar(p, "w:gz", **{"z.bin": "\0" * (100 << 20)}),
                    "more than 300 times"),
    "many": ("x.tar", lambda p: make_tar(p, "w", **{f"{n}.csv": "" for n in range(10_001)}),
             "more than 10000 members"),
    "none": ("x.zip", lambda p: make_zip(p, **{"a.txt": TABLE}), "none of its members matches"),
    "cut": ("x.tgz", lambda p: os.truncate(make_tar(p, "w:gz", **{"a.csv": TABLE}), 60), "damaged"),
    "cut zip": ("x.zip", lambda p: os.truncate(make_zip(p, **{"a.csv": TABLE}), 40), "damaged"),
    "noise": ("x.gz", lambda p: p.write_bytes(b"no gzip at all"), "damaged"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_taken_out_is_refused(tmp_path: Path, case: str):
    name, make, message = REFUSED[case]
    make(tmp_path / name)

    with pytest.raises(InputError, match=message) as caught:
        unpack(
            tmp_path / name, "*.csv" if case in ("none", "bomb beside") else "*", tmp_path / "out"
        )

    assert name in str(caught.value)
    assert not list((tmp_path / "out").glob(".part-*"))
    assert not (tmp_path.parent / "a.csv").exists()


def test_a_damaged_checksum_is_found(tmp_path: Path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", TABLE)
    path.write_bytes(path.read_bytes().replace(b"a,1", b"a,2"))

    with pytest.raises(InputError, match="damaged"):
        unpack(path, "*", tmp_path / "out")
