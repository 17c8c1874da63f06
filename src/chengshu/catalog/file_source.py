"""Where files come from: a folder, a server's folder, a folder of scans and recordings."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from chengshu.catalog.declared import Declared, Flag, Name, Text
from chengshu.catalog.delivered import Delivered

Duration = Annotated[str, Field(pattern=r"^\d{1,6} (second|minute|hour|day)s?$")]
OBJECT_COLUMNS = ("path", "name", "size", "sha256", "type", "modified")


def duration_of(text: str) -> timedelta:
    """Return how long a `Duration` is."""
    amount, unit = text.split()
    return timedelta(**{unit.rstrip("s") + "s": int(amount)})


class TableFiles(Delivered):
    """How files of a table are read; each file, and each of an archive, is one delivery.

    Attributes:
        delimiter: One character, or one and a space.
        quote: One character; empty for none.
        as_of: Regular expression over the file name whose groups give the business date: one
            group ``20240131`` or three, year, month, day.
        batch: Regular expression over the file name whose group is the number that the source
            gives its deliveries; they apply in the order of their numbers.
        zero: Glob over the file names by which the department reports that nothing has changed
            零报告; what such a file holds is not read.
        members: Glob over the names in an archive (.zip, .tar, .tar.gz, .tgz, .gz); with a slash
            over their whole paths.
    """

    format: Literal["csv", "tsv", "excel", "jsonl", "parquet"] | None = None
    encoding: str | None = None
    delimiter: Annotated[str, Field(pattern=r"^[^\r\n] ?$")] | None = None
    quote: Annotated[str, Field(pattern=r"^[^\r\n]?$")] | None = None
    sheet: str | None = None
    header: Flag = True
    skip: Annotated[int, Field(ge=0)] = 0
    as_of: str | None = None
    batch: str | None = None
    zero: Text | None = None
    members: Text = "*"

    @field_validator("encoding")
    @classmethod
    def _is_encoding(cls, value: str | None) -> str | None:
        try:
            if value is not None:
                "x".encode(value)
        except LookupError as err:
            raise ValueError(f"unknown encoding {value!r}, expected utf-8 or gb18030 say") from err
        return value

    @field_validator("as_of")
    @classmethod
    def _is_date(cls, value: str | None) -> str | None:
        if value is not None and _groups_of(value) not in (1, 3):
            raise ValueError("needs one group (20240131) or three (year, month, day)")
        return value

    @field_validator("batch")
    @classmethod
    def _is_number(cls, value: str | None) -> str | None:
        if value is not None and _groups_of(value) != 1:
            raise ValueError("needs one group, the number")
        return value

    @model_validator(mode="after")
    def _numbered(self) -> TableFiles:
        if self.batch and (self.as_of or self.is_whole):
            raise ValueError("a batch number belongs to mode: incremental or append, without as_of")
        if self.mode == "reload":
            raise ValueError("reload is for tables; a file is written once: mode: full")
        return self


def _groups_of(pattern: str) -> int:
    try:
        return re.compile(pattern).groups
    except re.error as err:
        raise ValueError(f"not a regular expression: {err}") from err


class FileSource(TableFiles):
    """Files in a folder of the department's front store.

    Attributes:
        path: Glob, relative to the city pack's folder unless absolute; read in name order.
    """

    kind: Literal["file"]
    path: str


class Ready(Declared):
    """How it is known that an upload is complete; exactly one of these.

    Attributes:
        marker: Name of the file that says so, the data file's own name, whole or without its
            suffix, in the place of the star: ``*.ok``.
        age: For how long the file was not modified, by our clock or between two looks.
        stable: For how long its size and time were the same between two looks; up to a minute is
            waited for, more is left to the next pull.
    """

    marker: Annotated[str, Field(pattern=r"^[^*/]*\*[^*/]*$", min_length=2)] | None = None
    age: Duration | None = None
    stable: Duration | None = None

    @model_validator(mode="after")
    def _one(self) -> Ready:
        if len(self.model_fields_set) != 1:
            raise ValueError("needs one of marker, age, stable")
        return self


class SftpSource(TableFiles):
    """Files in a folder of an SFTP server, which is changed only where ``after`` says so.

    Attributes:
        auth: What the secret is: the user's password, or a private key (OpenSSH or PEM, without
            passphrase); ``secret`` names it, never holds it.
        host_key: The server's key as ``ssh-keygen -lf`` shows it; another one is refused.
        pattern: Glob over the paths below the folder; ``**`` is any folders.
        after: What becomes of a file that has landed: moved into ``archive`` below the folder.
        timeout: How long the server may be silent.
    """

    kind: Literal["sftp"]
    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    user: Text
    secret: Name
    auth: Literal["password", "key"] = "password"
    host_key: Annotated[str, Field(pattern=r"^SHA256:[A-Za-z0-9+/]{43}$")]
    folder: Text = "."
    pattern: Text = "*"
    ready: Ready
    after: Literal["keep", "archive", "delete"] = "keep"
    timeout: Duration = "60 seconds"


class ObjectsSource(Delivered):
    """Files that are kept as they are, scans and recordings: one row for each of them.

    Attributes:
        path: Glob, relative to the city pack's folder unless absolute.
        columns: What the path below the glob's folder says, ``{year}/{case_no}_{page}.pdf``: each
            name is a column beside `OBJECT_COLUMNS`, ``*`` anything within a folder's name.
        mode: ``full``: what is gone ends; ``incremental``: new and changed files only.
    """

    brings_again: ClassVar[bool] = True

    kind: Literal["objects"]
    path: str
    columns: Text | None = None
    mode: Literal["full", "incremental"] = "full"

    @field_validator("columns")
    @classmethod
    def _names_columns(cls, value: str | None) -> str | None:
        names = column_names(value or "")
        bad = [name for name in names if not re.fullmatch(r"[a-z](_?[a-z0-9])*", name)]
        if value is not None and (not names or bad or re.search(r"[{}]", _without_names(value))):
            raise ValueError("needs names in braces, small letters, digits and underscores: {year}")
        if len({*names, *OBJECT_COLUMNS}) < len(names) + len(OBJECT_COLUMNS):
            raise ValueError(f"names a column twice, or one of {', '.join(OBJECT_COLUMNS)}")
        return value


def column_names(columns: str) -> list[str]:
    """Return the names in braces of a declared pattern, in order."""
    return re.findall(r"\{([^{}]*)\}", columns)


def _without_names(columns: str) -> str:
    return re.sub(r"\{[^{}]*\}", "", columns)
