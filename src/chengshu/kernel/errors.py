"""The errors this platform raises, and the rule for writing one.

Each says where, what is wrong, what is known or expected; each carries the same facts as
attributes, so that the API, the log and the issue list never parse a message. No message
carries a citizen's data, and none repeats what an engine or another system said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class ChengshuError(Exception):
    """Base of every error this platform raises on purpose.

    Attributes:
        code: Stable name of the kind of error, documented in ``docs/errors.md``.
        exit_code: What the command line exits with.
        retryable: True when the same call may succeed later without any change.
    """

    code: str = "internal"
    exit_code: int = 1
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class Where:
    """A place a person can open: a file and line."""

    path: str
    line: int | None = None

    def __str__(self) -> str:
        """Return ``path:line``, which editors turn into a link."""
        return self.path if self.line is None else f"{self.path}:{self.line}"


class DeclarationError(ChengshuError):
    """A declaration is wrong; the person who edits the file can mend it."""

    code = "declaration-invalid"
    exit_code = 2

    def __init__(self, where: Where, problem: str, known: Iterable[str] = ()) -> None:
        """Keep the facts; ``known`` lists the values that would have been accepted."""
        self.where, self.problem, self.known = where, problem.rstrip("."), tuple(sorted(known))
        hint = f" Known: {', '.join(self.known)}." if self.known else ""
        super().__init__(f"{where}: {self.problem}.{hint}")


class InputError(ChengshuError):
    """A caller's argument is wrong: a file that cannot be read, an unknown name."""

    code = "input-invalid"

    def __init__(self, problem: str, *, where: Where | None = None, hint: str = "") -> None:
        """Keep the facts; ``hint`` says what to do."""
        self.where, self.problem, self.hint = where, problem.rstrip("."), hint
        place = f"{where}: " if where else ""
        super().__init__(f"{place}{self.problem}.{' ' + hint if hint else ''}")


class NotFoundError(ChengshuError):
    """Something named does not exist (or may not be seen by who asks)."""

    code = "not-found"

    def __init__(self, what: str, name: str, known: Iterable[str] = ()) -> None:
        """Keep the facts; ``known`` lists the names that exist."""
        self.what, self.name, self.known = what, name, tuple(sorted(known))
        hint = f" Known: {', '.join(self.known)}." if self.known else ""
        super().__init__(f"no {what} {name!r}.{hint}")


class DeniedError(ChengshuError):
    """The decision is no, with a reason."""

    code = "denied"


class ConflictError(ChengshuError):
    """Version or state moved, or something else holds it; reread and try again."""

    code = "conflict"
    retryable = True


class QualityGateError(ChengshuError):
    """A delivery or a theme breaks what its declaration promises; nothing of it was taken."""

    code = "quality-gate"


class HeldError(ChengshuError):
    """A delivery waits for a person to decide; what had landed stays."""

    code = "held"


class EngineError(ChengshuError):
    """The engine refused a statement; the message names the step, never the data."""

    code = "engine-failed"
    exit_code = 3

    def __init__(self, engine: str, step: str, sql: str, *, retryable: bool, why: str = "") -> None:
        """Keep the statement; ``why`` is our own word for the cause (``disk full``), or empty."""
        self.engine, self.step, self.sql, self.retryable = engine, step, sql, retryable
        self.why = why
        super().__init__(f"{engine} failed at step {step!r}{': ' + why if why else ''}")


class ExternalError(ChengshuError):
    """Another system failed: a front store, a server, a disk."""

    code = "external-failed"
    exit_code = 3

    def __init__(self, system: str, problem: str, *, retryable: bool, hint: str = "") -> None:
        """Keep the facts; ``problem`` is our own word for what happened, never theirs."""
        self.system, self.problem, self.retryable = system, problem.rstrip("."), retryable
        super().__init__(f"{system}: {self.problem}.{' ' + hint if hint else ''}")


class IntegrityError(ChengshuError):
    """Stores contradict each other; stops the flow, is never retried, and pages a person."""

    code = "integrity"
    exit_code = 4
