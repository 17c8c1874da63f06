"""Ask an API: with its secret, patiently, and without ever showing or giving away the secret."""

from __future__ import annotations

import base64
import logging
import random
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

import httpx

from chengshu.catalog.web_source import (
    BasicAuth,
    BearerAuth,
    ClientAuth,
    HeaderAuth,
    HttpSource,
    QueryAuth,
)
from chengshu.exchange.connectors.http.answer import (
    Answer,
    UnfitAnswerError,
    check_ok,
    read_json,
    text_at,
)
from chengshu.exchange.port import Surroundings
from chengshu.kernel.clock import utc_now
from chengshu.kernel.errors import ExternalError, InputError

MAX_ANSWER_BYTES = 256 << 20
MAX_REDIRECTS = 5
MAX_WAIT_S = 300
# An answer that trickles in may take this many times as long as the API may be silent.
TRICKLE = 20
BUSY = {429: "it is asked too often", 502: "it is not there", 503: "it is busy", 504: "it is slow"}

# These loggers write whole addresses and headers, in which secrets stand.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


class Client:
    """Asks one API; use it as a context."""

    def __init__(self, source: HttpSource, around: Surroundings) -> None:
        """Read the secret; nothing is asked yet.

        Raises:
            NotFoundError: The secret is not stored.
            InputError: It cannot be sent, or the file of certificates cannot be read.
        """
        self.source, self.url, self.zone = source, httpx.URL(source.url), around.timezone
        self._tell = around.moved
        self.name = f"api {self.url.netloc.decode()}{self.url.path}"
        self._secret = _sendable(around.secret(source.auth.secret), source) if source.auth else ""
        self._token, self._proven = "", False
        timeout = httpx.Timeout(source.timeout_s)
        self._http = httpx.Client(verify=_trust(source, around), timeout=timeout, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ask(self, parameters: Mapping[str, str | int], address: str | None = None) -> Answer:
        """Return the answer to a request, which is tried again as often as is declared.

        Args:
            parameters: What this request says beyond the declared address, or body.
            address: The address of a next page, as the API gave it.

        Raises:
            ExternalError: There is no usable answer.
        """
        url = self.url if address is None else self._next_url(address)
        if self.source.method == "GET":
            return self._patiently(lambda: self._get(url.copy_merge_params(dict(parameters))))
        body = {**(self.source.body or {}), **parameters}
        return self._patiently(lambda: self._checked("POST", url, json=body))

    def fail(self, problem: str, hint: str, *, later: bool = True) -> NoReturn:
        """Raise an error of this API."""
        raise ExternalError(self.name, problem, retryable=later, hint=hint)

    def _patiently(self, act: Callable[[], Answer]) -> Answer:
        attempt = 1
        while True:
            self._tell()
            try:
                return act()
            except UnfitAnswerError as err:
                wait = max(err.wait_s, self.source.backoff_s * 2 ** (attempt - 1) * _jitter())
                if not err.again or attempt >= self.source.attempts or err.wait_s > MAX_WAIT_S:
                    tries = f" ({attempt} tries)" if attempt > 1 else ""
                    raise ExternalError(
                        self.name, err.problem + tries, retryable=err.later,
                        hint=f"Nothing was taken. {err.hint}",
                    ) from err  # fmt: skip
            attempt += 1
            time.sleep(min(wait, MAX_WAIT_S))

    def _get(self, url: httpx.URL) -> Answer:
        return self._checked("GET", url)

    def _checked(self, method: str, url: httpx.URL, **how: Any) -> Answer:
        answer = self._once(method, url, self._headers(), **how)
        self._proven = True
        check_ok(self.source, answer.value)
        return answer

    def _headers(self) -> dict[str, str]:
        """Return the headers of a request, with the secret where it goes into one."""
        auth = self.source.auth
        headers = dict(self.source.headers)
        if isinstance(auth, BearerAuth):
            headers["Authorization"] = f"Bearer {self._secret}"
        elif isinstance(auth, HeaderAuth):
            headers[auth.header] = self._secret
        elif isinstance(auth, BasicAuth):
            pair = base64.b64encode(f"{auth.user}:{self._secret}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        elif isinstance(auth, ClientAuth):
            self._token = self._token or self._new_token(auth)
            headers["Authorization"] = f"Bearer {self._token}"
        return headers

    def _new_token(self, auth: ClientAuth) -> str:
        self._proven = False
        form = {
            "grant_type": "client_credentials",
            "client_id": auth.client_id,
            "client_secret": self._secret,
        } | ({"scope": auth.scope} if auth.scope else {})
        answer = self._once("POST", httpx.URL(auth.token_url), {}, data=form)
        token = text_at(answer.value, "access_token")
        if not token or not token.isascii() or not token.isprintable():
            raise UnfitAnswerError(
                "token_url gives no access_token", f"Check the secret {auth.secret!r}.", again=False
            )
        return token

    def _once(self, method: str, url: httpx.URL, headers: Mapping[str, str], **how: Any) -> Answer:
        """Return the answer to one request, after the redirects that it meets."""
        try:
            for _ in range(MAX_REDIRECTS):
                request = self._request(method, url, headers, **how)
                started = time.monotonic()
                response = self._http.send(request, stream=True)
                try:
                    if not response.has_redirect_location:
                        return self._read(response, url, started)
                    url = self._moved(method, response, url)
                finally:
                    response.close()
        except httpx.TimeoutException as err:
            problem = f"it does not answer within {self.source.timeout_s:g} s"
            raise UnfitAnswerError(problem, "Pull again later.", again=True) from err
        except (httpx.RequestError, httpx.InvalidURL) as err:
            raise self._broken(err) from err
        raise UnfitAnswerError("it sends us from address to address", "Check url.", again=False)

    def _request(
        self, method: str, url: httpx.URL, headers: Mapping[str, str], **how: Any
    ) -> httpx.Request:
        """Return a request; a secret goes only to where the declaration sends it."""
        auth = self.source.auth
        known = [self.url] + ([httpx.URL(auth.token_url)] if isinstance(auth, ClientAuth) else [])
        if not any(_origin(url) == _origin(one) for one in known):
            headers = {}
            if isinstance(auth, QueryAuth):
                url = url.copy_remove_param(auth.parameter)
        elif isinstance(auth, QueryAuth):
            url = url.copy_set_param(auth.parameter, self._secret)
        accept = {"Accept": "application/json", "User-Agent": "chengshu"}
        return self._http.build_request(method, url, headers={**accept, **headers}, **how)

    def _read(self, response: httpx.Response, url: httpx.URL, started: float) -> Answer:
        self._check_status(response)
        parts, size = [], 0
        for part in response.iter_bytes():
            parts.append(part)
            size += len(part)
            if size > MAX_ANSWER_BYTES:
                problem = f"an answer is larger than {MAX_ANSWER_BYTES >> 20} MiB"
                hint = "Declare paging, or a smaller size."
                raise UnfitAnswerError(problem, hint, again=False, later=False)
            if time.monotonic() - started > TRICKLE * self.source.timeout_s:
                raise httpx.ReadTimeout("trickles", request=response.request)
        charset = response.charset_encoding
        value, findings = read_json(b"".join(parts), charset, self.source.encoding)
        return Answer(value, response.links.get("next", {}).get("url"), str(url), findings)

    def _check_status(self, response: httpx.Response) -> None:
        status, auth = response.status_code, self.source.auth
        if status == 401 and isinstance(auth, ClientAuth) and self._token and self._proven:
            self._token = ""
            raise UnfitAnswerError("the token has expired", "Pull again.", again=True)
        if status in (401, 403):
            named = f"the secret {auth.secret!r}" if auth else "auth in the declaration"
            hint = f"Check {named}, and that we may ask this."
            problem = f"it does not let us in (status {status})"
            raise UnfitAnswerError(problem, hint, again=False, later=False)
        if status in BUSY:
            wait = _wait_of(response.headers.get("Retry-After"))
            told = f", and wants us back in {wait:.0f} s" if wait else ""
            problem = f"{BUSY[status]} (status {status}){told}"
            raise UnfitAnswerError(problem, "Pull again later.", again=True, wait_s=wait)
        if status == 404:
            hint = "Check url in the declaration."
            raise UnfitAnswerError("nothing is there (status 404)", hint, again=False, later=False)
        if status != 200:
            raise UnfitAnswerError(
                f"it answers with status {status}, expected 200", "Ask the department.",
                again=False, later=status >= 500,
            )  # fmt: skip

    def _moved(self, method: str, response: httpx.Response, url: httpx.URL) -> httpx.URL:
        """Return where an answer sends us."""
        if method != "GET":
            hint = "Declare its new address."
            raise UnfitAnswerError("it has moved", hint, again=False, later=False)
        return url.join(response.headers["Location"])

    def _next_url(self, address: str) -> httpx.URL:
        """Return the address of a next page; one elsewhere would get what is not meant for it."""
        try:
            url = self.url.join(address)
        except httpx.InvalidURL:
            url = httpx.URL("")
        if _origin(url) != _origin(self.url):
            self.fail(
                "it names a next page that is not at its own host",
                "Nothing was taken. Ask the department, or declare another paging.", later=False,
            )  # fmt: skip
        return url

    def _broken(self, err: Exception) -> UnfitAnswerError:
        if "CERTIFICATE_VERIFY_FAILED" in str(err):
            hint = "Check the host in url, or declare ca_file."
            problem = "its certificate is not trusted"
            return UnfitAnswerError(problem, hint, again=False, later=False)
        if isinstance(err, httpx.ConnectError):
            hint = "Check that it runs, and url."
            return UnfitAnswerError("no connection to it", hint, again=True)
        return UnfitAnswerError("the connection ended too early", "Pull again later.", again=True)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _jitter() -> float:
    """Return a factor that keeps many who wait from coming back at once."""
    return random.uniform(0.5, 1)  # noqa: S311 - no secret hangs on it


def _sendable(secret: str, source: HttpSource) -> str:
    """Return a secret that its place in a request can hold."""
    bare = isinstance(source.auth, BearerAuth | HeaderAuth)
    if not secret or (bare and not (secret.isascii() and secret.isprintable())):
        raise InputError(
            f"the secret {getattr(source.auth, 'secret', '')!r} cannot stand in a header",
            hint="It is empty, or holds more than visible ASCII: store it again.",
        )
    return secret


def _trust(source: HttpSource, around: Surroundings) -> ssl.SSLContext | bool:
    """Return whose certificates are trusted."""
    if source.ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(around.root / source.ca_file))
    except OSError as err:
        raise InputError(
            f"ca_file {source.ca_file} is missing or holds no certificate",
            hint="Expected certificates in PEM form, at a path relative to the pack.",
        ) from err


def _wait_of(said: str | None) -> float:
    """Return the seconds that ``Retry-After`` asks for, as a number or as a time."""
    if said is None:
        return 0
    if said.strip().isdecimal():
        return float(said)
    try:
        moment = parsedate_to_datetime(said)
    except ValueError:
        return 0
    naive = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return max(0.0, (naive - utc_now()).total_seconds())
