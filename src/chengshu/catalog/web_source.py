"""A paged HTTP API as a source: how it is asked, and where its answers hold rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from chengshu.catalog.declared import Declared, Name, Text
from chengshu.catalog.delivered import PulledSource


def _web_address(value: str) -> str:
    """Return the URL of an API; one with a secret in it is refused."""
    try:
        parts = urlsplit(value)
        whole = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        whole = False
    if not whole or not value.isascii() or re.search(r"[\s\x00-\x1f\x7f]", value):
        raise ValueError("not an address, expected https://host/path?parameter=value")
    if "@" in parts.netloc:
        raise ValueError("holds a user or password: store it as a secret, and name it in auth")
    if parts.fragment:
        raise ValueError("has a part after #, which is never sent")
    return value


def _header(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", value):
        raise ValueError(f"{value!r} is not the name of a header")
    return value


def _header_value(value: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?", value):
        raise ValueError("a header holds visible ASCII")
    return value


Url = Annotated[str, AfterValidator(_web_address)]
Header = Annotated[str, AfterValidator(_header)]
HeaderValue = Annotated[str, AfterValidator(_header_value)]
Size = Annotated[int, Field(ge=1, le=100_000)]


class BearerAuth(Declared):
    """``Authorization: Bearer`` with the stored secret."""

    kind: Literal["bearer"]
    secret: Name


class HeaderAuth(Declared):
    """The stored secret in a header of its own."""

    kind: Literal["header"]
    header: Header
    secret: Name


class QueryAuth(Declared):
    """The stored secret as a query parameter."""

    kind: Literal["query"]
    parameter: Text
    secret: Name


class BasicAuth(Declared):
    """User and password; the stored secret is the password."""

    kind: Literal["basic"]
    user: Text
    secret: Name


class ClientAuth(Declared):
    """OAuth client credentials: the stored secret gets a bearer token at ``token_url``."""

    kind: Literal["client"]
    token_url: Url
    client_id: Text
    secret: Name
    scope: Text | None = None


Auth = Annotated[
    BearerAuth | HeaderAuth | QueryAuth | BasicAuth | ClientAuth, Field(discriminator="kind")
]


class PagePaging(Declared):
    """Pages by their number.

    Attributes:
        first: Number of the first page.
    """

    kind: Literal["page"]
    parameter: Text = "page"
    first: Annotated[int, Field(ge=0, le=1)] = 1
    size_parameter: Text
    size: Size


class OffsetPaging(Declared):
    """Pages by how many rows come before them."""

    kind: Literal["offset"]
    parameter: Text = "offset"
    size_parameter: Text
    size: Size


class CursorPaging(Declared):
    """Each answer holds at ``next`` what the next request must say.

    Attributes:
        next: Path of the cursor; the last answer has none, or it is empty there.
        more: Path of a boolean that is false in the last answer, where a cursor is always given.
    """

    kind: Literal["cursor"]
    parameter: Text
    next: Text
    more: Text | None = None
    size_parameter: Text | None = None
    size: Size | None = None


class LinkPaging(Declared):
    """Each answer names the address of the next page.

    Attributes:
        next: Path of the address; where it is not given, the header ``Link`` with ``rel=next``.
    """

    kind: Literal["link"]
    next: Text | None = None
    size_parameter: Text | None = None
    size: Size | None = None


Paging = Annotated[
    PagePaging | OffsetPaging | CursorPaging | LinkPaging, Field(discriminator="kind")
]


class HttpSource(PulledSource):
    """An HTTP API that answers in JSON, page by page.

    Attributes:
        url: The address, with the query parameters that never change.
        body: What a POST sends, as one JSON object of texts; parameters of paging and watermark
            stand in it too, not in the address.
        encoding: Codec of the answers, where they are not UTF-8 and do not say so.
        ok: Path in an answer → what stands there when all is well; for an API that reports
            errors with status 200.
        rows: Path of the list of rows; None where the answer itself is the list.
        total: Path of the number of all rows, where the answer has it.
        paging: None where one answer holds everything.
        max_pages: Reaching more is an error, never a cut.
        since: Parameter that receives the last watermark less the overlap.
        timeout_s: How long the API may be silent; a whole answer may take twenty times as long.
        attempts: How often a request is tried.
        backoff_s: Wait before the second try; doubled for each further one.
        readings: How often everything is read when it changes while it is read.
        ca_file: Certificates to trust instead of the public ones, relative to the pack.
    """

    kind: Literal["http"]
    url: Url
    method: Literal["GET", "POST"] = "GET"
    body: Mapping[str, str] | None = None
    headers: Mapping[Header, HeaderValue] = {}
    auth: Auth | None = None
    encoding: Literal["utf-8", "gb18030"] | None = None
    ok: Mapping[Text, str] = {}
    rows: Text | None = None
    total: Text | None = None
    paging: Paging | None = None
    max_pages: Annotated[int, Field(ge=1)] = 10_000
    since: Text | None = None
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 30
    attempts: Annotated[int, Field(ge=1, le=20)] = 5
    backoff_s: Annotated[float, Field(gt=0, le=60)] = 1
    readings: Annotated[int, Field(ge=2, le=20)] = 5
    ca_file: str | None = None

    @field_validator("headers")
    @classmethod
    def _no_secret(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for name in value:
            if re.search(r"auth|token|cookie|secret|key|password", name, re.IGNORECASE):
                raise ValueError(f"{name} looks like a secret: store it, and name it in auth")
        return value

    @model_validator(mode="after")
    def _fits(self) -> HttpSource:
        if (self.method == "POST") != (self.body is not None):
            raise ValueError("a body belongs to method: POST, {} for an empty one")
        if self.is_whole == (self.since is not None):
            raise ValueError(
                "since, the parameter that receives the watermark, belongs to mode: incremental"
            )
        if self.mode == "reload":
            raise ValueError("reload is for tables; an API is read until it settles: mode: full")
        _one_size(self.paging)
        if self.method == "POST" and isinstance(self.paging, LinkPaging):
            raise ValueError("an address of the next page is asked by GET")
        return self


def _one_size(paging: Any) -> None:
    """Refuse half of what says how large a page is."""
    if paging is not None and (paging.size is None) != (paging.size_parameter is None):
        raise ValueError("size and size_parameter belong together")
