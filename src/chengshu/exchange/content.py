"""What a file is, by its content: its name may say anything."""

from __future__ import annotations

import zipfile
from contextlib import suppress
from pathlib import Path

HEAD_BYTES = 1 << 16
UNKNOWN = "application/octet-stream"
_OFFICE = "application/vnd.openxmlformats-officedocument"
_OLE, _ZIP, _TEXT = "application/x-ole-storage", "application/zip", "text/plain"
# First bytes, the place of further ones and those, type, suffixes.
_MARKS: tuple[tuple[bytes, int, bytes, str, str], ...] = (
    (b"%PDF-", 0, b"", "application/pdf", "pdf"),
    (b"\x89PNG\r\n\x1a\n", 0, b"", "image/png", "png"),
    (b"\xff\xd8\xff", 0, b"", "image/jpeg", "jpg jpeg jpe jfif"),
    (b"II*\0", 0, b"", "image/tiff", "tif tiff"),
    (b"MM\0*", 0, b"", "image/tiff", "tif tiff"),
    (b"II+\0", 0, b"", "image/tiff", "tif tiff"),
    (b"MM\0+", 0, b"", "image/tiff", "tif tiff"),
    (b"GIF87a", 0, b"", "image/gif", "gif"),
    (b"GIF89a", 0, b"", "image/gif", "gif"),
    # Four reserved bytes that are zero: text may well begin with BM.
    (b"BM", 6, b"\0\0\0\0", "image/bmp", "bmp dib"),
    (b"RIFF", 8, b"WEBP", "image/webp", "webp"),
    (b"RIFF", 8, b"AVI ", "video/x-msvideo", "avi"),
    (b"RIFF", 8, b"WAVE", "audio/x-wav", "wav"),
    (b"", 4, b"ftypqt  ", "video/quicktime", "mov qt"),
    (b"", 4, b"ftypM4A", "audio/mp4", "m4a m4b"),
    (b"", 4, b"ftyphei", "image/heic", "heic heif"),
    (b"", 4, b"ftypmif1", "image/heic", "heic heif"),
    (b"", 4, b"ftypavif", "image/avif", "avif"),
    (b"", 4, b"ftyp3g", "video/3gpp", "3gp 3g2"),
    (b"", 4, b"ftyp", "video/mp4", "mp4 m4v"),
    (b"\x1a\x45\xdf\xa3", 0, b"", "video/x-matroska", "mkv mka webm"),
    (b"FLV\x01", 0, b"", "video/x-flv", "flv"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", 0, b"", "video/x-ms-asf", "wmv wma asf"),
    (b"\0\0\x01\xba", 0, b"", "video/mpeg", "mpg mpeg vob dat"),
    (b"\0\0\x01\xb3", 0, b"", "video/mpeg", "mpg mpeg"),
    (b"ID3", 5, b"\0", "audio/mpeg", "mp3"),
    (b"\xff\xfb", 0, b"", "audio/mpeg", "mp3"),
    (b"\xff\xf3", 0, b"", "audio/mpeg", "mp3"),
    (b"\xff\xf2", 0, b"", "audio/mpeg", "mp3"),
    (b"#!AMR", 0, b"", "audio/amr", "amr"),
    (b"OggS", 0, b"", "application/ogg", "ogg oga ogv opus"),
    (b"fLaC", 0, b"", "audio/flac", "flac"),
    (b"AC10", 0, b"", "image/vnd.dwg", "dwg"),
    (b"{\\rtf", 0, b"", "application/rtf", "rtf doc"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0, b"", _OLE, "doc xls ppt wps et dps msg vsd"),
    (b"7z\xbc\xaf\x27\x1c", 0, b"", "application/x-7z-compressed", "7z"),
    (b"Rar!\x1a\x07", 0, b"", "application/vnd.rar", "rar"),
    (b"\x1f\x8b\x08", 0, b"", "application/gzip", "gz tgz"),
    (b"PK\x03\x04", 0, b"", _ZIP, "zip"),
    (b"PK\x05\x06", 0, b"", _ZIP, "zip"),
)
# A member that only this kind of ZIP archive has.
_ZIPPED = (
    ("OFD.xml", "application/ofd", "ofd"),
    ("word/document.xml", f"{_OFFICE}.wordprocessingml.document", "docx docm"),
    ("xl/workbook.xml", f"{_OFFICE}.spreadsheetml.sheet", "xlsx xlsm"),
    ("xl/workbook.bin", "application/vnd.ms-excel.sheet.binary.macroenabled.12", "xlsb"),
    ("ppt/presentation.xml", f"{_OFFICE}.presentationml.presentation", "pptx pptm"),
    ("META-INF/manifest.xml", "application/vnd.oasis.opendocument", "odt ods odp"),
)
_TEXTS = (
    (("<!doctype html", "<html"), "text/html", "html htm"),
    (("<?xml",), "application/xml", "xml svg html htm gml kml"),
)
_TEXT_SUFFIXES = "txt csv tsv log md json jsonl ini xml html htm yaml yml sql"
_SUFFIXES: dict[str, set[str]] = {_TEXT: set(_TEXT_SUFFIXES.split())}
for _type, _suffixes in (
    [m[3:] for m in _MARKS] + [z[1:] for z in _ZIPPED] + [t[1:] for t in _TEXTS]
):
    _SUFFIXES.setdefault(_type, set()).update(_suffixes.split())
_KNOWN_SUFFIXES = set().union(*_SUFFIXES.values())


def type_of(head: bytes, path: Path) -> str:
    """Return the media type of a file.

    Args:
        head: Its first `HEAD_BYTES` bytes.
        path: Where it is; an archive is looked into.
    """
    for first, at, further, found, _ in _MARKS:
        if head.startswith(first) and head[at:].startswith(further):
            return _zipped_type(path) if found == _ZIP else found
    text = _text_of(head)
    if text is None:
        return UNKNOWN
    start = text.lstrip("\ufeff \t\r\n")[:20].lower()
    return next((found for starts, found, _ in _TEXTS if start.startswith(starts)), _TEXT)


def is_named_so(name: str, found: str) -> bool:
    """Tell whether a name's suffix may be that of the type; one that nobody knows may."""
    suffix = name.rsplit(".", 1)[-1].lower() if "." in name else ""
    return suffix not in _KNOWN_SUFFIXES or suffix in _SUFFIXES.get(found, ())


def _zipped_type(path: Path) -> str:
    with suppress(OSError, zipfile.BadZipFile, ValueError), zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        return next((found for member, found, _ in _ZIPPED if member in names), _ZIP)
    return _ZIP


def _text_of(head: bytes) -> str | None:
    """Return bytes as text; None if they are none."""
    for codec in ("utf-8", "gb18030"):
        # The last character may be cut off.
        for cut in range(4):
            with suppress(UnicodeDecodeError):
                text = head[: len(head) - cut].decode(codec)
                control = any(ord(c) < 32 and c not in "\t\n\r\f\x1b" for c in text)
                return None if control else text
            if len(head) < HEAD_BYTES:
                break
    return None
