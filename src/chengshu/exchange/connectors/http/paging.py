"""Go from page to page of an API, to the last one and not past a limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chengshu.catalog.web_source import (
    CursorPaging,
    HttpSource,
    LinkPaging,
    OffsetPaging,
    PagePaging,
)
from chengshu.exchange.connectors.http.answer import (
    Answer,
    UnfitAnswerError,
    rows_of,
    text_at,
    total_of,
)
from chengshu.exchange.connectors.http.client import Client
from chengshu.exchange.files import Finding

Parameters = Mapping[str, str | int]
_NO_MORE = (None, "", "false", "0", "False")


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        rows: Its rows as the JSON has them.
        total: How many rows there are in all, as this answer says; None where none does.
        findings: What is unusual about its text.
    """

    rows: list[Any]
    total: int | None
    findings: list[Finding]


def read_pages(client: Client, fixed: Parameters, size: int | None) -> Iterator[Page]:
    """Yield the pages from the first to the last; only the last may be empty.

    Args:
        client: Asks the API.
        fixed: What every request says.
        size: How many rows a page should have, where the paging says a size at all.

    Raises:
        ExternalError: A page cannot be read, or there are more than `HttpSource.max_pages`.
    """
    source, paging = client.source, client.source.paging
    if paging is not None and paging.size_parameter and size:
        fixed = {**fixed, paging.size_parameter: size}
    if isinstance(paging, PagePaging | OffsetPaging):
        pages = _counted(client, paging, fixed)
    elif isinstance(paging, CursorPaging):
        pages = _by_cursor(client, paging, fixed)
    elif isinstance(paging, LinkPaging):
        pages = _by_link(client, paging, fixed)
    else:
        pages = iter([_page(client, client.ask(fixed))])
    for number, page in enumerate(pages, 1):
        if number > source.max_pages:
            client.fail(
                f"it has more than {source.max_pages} pages",
                "Nothing was taken. If it really has, declare a larger max_pages or size; else "
                "its paging has no end.", later=False,
            )  # fmt: skip
        yield page


def _counted(
    client: Client, paging: PagePaging | OffsetPaging, fixed: Parameters
) -> Iterator[Page]:
    """Yield pages by number or offset.

    A page that is not full proves nothing, for an API may give fewer rows than it is asked for.
    The end is reached with the total, where there is one, else with an empty page; or with the
    last page given again, as some do for every number past it.
    """
    came, number, before = 0, 0, None
    while True:
        place = paging.first + number if isinstance(paging, PagePaging) else came
        page = _page(client, client.ask({**fixed, paging.parameter: place}))
        if number and page.rows and page.rows == before:
            return
        yield page
        came, number, before = came + len(page.rows), number + 1, page.rows
        if not page.rows or (page.total is not None and came >= page.total):
            return


def _by_cursor(client: Client, paging: CursorPaging, fixed: Parameters) -> Iterator[Page]:
    parameters = dict(fixed)
    while True:
        answer = client.ask(parameters)
        page = _page(client, answer)
        yield page
        following = _said(client, answer, paging.next)
        if paging.more is not None and _said(client, answer, paging.more) in _NO_MORE:
            return
        if not following:
            return
        if following == parameters.get(paging.parameter):
            client.fail("it gives the same cursor again", "Nothing was taken; ask the department.")
        parameters[paging.parameter] = following


def _by_link(client: Client, paging: LinkPaging, fixed: Parameters) -> Iterator[Page]:
    answer, last = client.ask(fixed), ""
    while True:
        yield _page(client, answer)
        address = _said(client, answer, paging.next) if paging.next else answer.link
        if not address:
            return
        if address == last:
            client.fail("it names the same page again", "Nothing was taken; ask the department.")
        answer, last = client.ask({}, address), address


def _page(client: Client, answer: Answer) -> Page:
    source: HttpSource = client.source
    try:
        rows = rows_of(source, answer.value)
        return Page(rows, total_of(source, answer.value), answer.findings)
    except UnfitAnswerError as err:
        client.fail(err.problem, f"Nothing was taken. {err.hint}", later=err.later)


def _said(client: Client, answer: Answer, path: str) -> str | None:
    try:
        return text_at(answer.value, path)
    except UnfitAnswerError as err:
        client.fail(err.problem, err.hint, later=err.later)
