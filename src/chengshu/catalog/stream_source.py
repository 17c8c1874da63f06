"""Where a resource's rows come from when they are not asked for but sent: sensors' messages."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from chengshu.catalog.declared import Flag, Name
from chengshu.catalog.delivered import Delivered

_LEVEL = re.compile(r"\+|\{[^\W\d]\w*\}|[^+#{}\0]*")


def _is_topic(value: str) -> str:
    """Return a topic whose levels are plain, ``+``, ``{column}``, or ``#`` at the end."""
    levels = value.split("/")
    body = levels[:-1] if levels[-1] == "#" else levels
    if not value or not all(map(_LEVEL.fullmatch, body)):
        raise ValueError("expected levels that are text, +, {column}, or # at the end")
    return value


class MqttSource(Delivered):
    """Topics of an MQTT 5 broker, which keeps for us what is published between two pulls.

    Besides what messages hold, fields may have the columns ``_received`` (the city's wall time),
    ``_topic`` and ``_retained`` (true or false).

    Attributes:
        secret: Names the stored password, never holds it.
        tls: True where the broker speaks TLS.
        ca: File of the authority that signed the broker's certificate, relative to the city
            pack's folder unless absolute; the machine's own authorities if not given.
        topics: What to listen to: ``sensors/{district}/{device}/air`` takes two levels of the
            topic as columns.
        payload: ``json`` (an object, or an array of them) or ``text`` (the column ``payload``).
        retained: ``once`` takes a message that the broker had kept when we first came, ``never``
            leaves it.
        distinct: True says that no two messages are alike (they hold a time, a number): one like
            a message shortly before is that message, sent again.
        messages: How many messages one delivery has at most.
        most: How many messages one pull takes at most.
        seconds: How long one pull listens at most.
    """

    kind: Literal["mqtt"]
    mode: Literal["incremental", "append"] = "incremental"
    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    user: str
    secret: Name
    tls: Flag = False
    ca: str | None = None
    topics: Annotated[
        tuple[Annotated[str, AfterValidator(_is_topic)], ...], Field(min_length=1, max_length=100)
    ]
    payload: Literal["json", "text"] = "json"
    retained: Literal["once", "never"] = "once"
    distinct: Flag = False
    messages: Annotated[int, Field(ge=1, le=100_000)] = 20_000
    most: Annotated[int, Field(ge=1)] = 1_000_000
    seconds: Annotated[int, Field(ge=1, le=3600)] = 60

    @model_validator(mode="after")
    def _consistent(self) -> MqttSource:
        if self.ca and not self.tls:
            raise ValueError("ca belongs to tls: true")
        for topic in self.topics:
            names = re.findall(r"\{(\w+)\}", topic)
            if len(set(names)) < len(names):
                raise ValueError(f"topic {topic!r} names a column twice")
            if self.payload == "text" and "payload" in names:
                raise ValueError(f"topic {topic!r}: payload: text has the column 'payload' already")
        return self
