"""Receivers: threads that listen to brokers for as long as a home is served."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from chengshu.catalog import Pack, Resource
from chengshu.exchange.pull import is_received, receive_into
from chengshu.flows.platform import Platform
from chengshu.kernel.errors import ChengshuError

# So long after one has ended in an error another is begun.
AGAIN_S = 30.0


@dataclass(eq=False)
class _Receiver:
    """One thread that listens for one resource."""

    resource: Resource
    pack: Pack
    platform: Platform
    stop: threading.Event = field(default_factory=threading.Event)
    problem: str = ""
    ended: float | None = None

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        try:
            receive_into(self.resource, self.platform.around(self.pack), self.stop)
        except ChengshuError as err:
            self.problem = str(err)
        self.ended = time.monotonic()


class Receivers:
    """The receivers of a home."""

    def __init__(self, platform: Platform) -> None:
        """Listen to nothing yet."""
        self._platform = platform
        self._all: dict[str, _Receiver] = {}
        self._told: dict[str, str] = {}

    def keep(self, pack: Pack, resources: Sequence[Resource]) -> Iterator[str]:
        """Listen for those of ``resources`` to which things are sent, and for no others.

        Yields:
            What is newly wrong.
        """
        wanted = {r.id: r for r in resources if is_received(r)}
        for name, receiver in list(self._all.items()):
            if name not in wanted or wanted[name].source != receiver.resource.source:
                receiver.stop.set()
            if receiver.problem and self._told.get(name) != receiver.problem:
                self._told[name] = receiver.problem
                yield f"{name}: {receiver.problem}"
            if receiver.ended is not None and time.monotonic() - receiver.ended > AGAIN_S:
                del self._all[name]
        for name in wanted.keys() - self._all.keys():
            self._all[name] = _Receiver(wanted[name], pack, self._platform)

    def close(self) -> None:
        """Stop listening; what came is in the spool."""
        for receiver in self._all.values():
            receiver.stop.set()
        for receiver in self._all.values():
            receiver.thread.join()
