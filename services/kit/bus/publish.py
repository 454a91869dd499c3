"""Events in order and what the stream has of their lanes enter; what the stream took of them leaves. I/O.

How a zombie is refused. The first message of a lane names the sequence that the stream must end with, where one lane is
published alone, or else the sequence that its lane must end with. Each further one of the lane names the message before
it, which must be the stream's last. Nothing is predicted, and no message leans on one of another lane: a predicted
sequence, or another lane's message, can be right by accident after another relay has published.

Measured on nats-server 2.15, 2 cores, a subject per ticket: a check of the lane's own sequence (a wildcard) costs the
server up to 0.3 ms, the other two nothing. An atomic batch, which the server stages in a file, takes 6, 24 and 57 ms
for 1, 20 and 500 events where messages under way together take 0.2, 1.5 and 33 ms.

nats-py's own publish_async never answers a refused message (its APIError.from_error raises where it should return), so
answers are taken here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from opentelemetry.trace import Span, SpanKind

from contracts.subjects import lane_subjects, subject
from services.kit.bus.message import BODY, IN_LOG, MESSAGE_ID, TRACEPARENT, Stored, headers_of
from services.kit.telemetry import start_span, traceparent_of

ANSWER_SECONDS = 5.0  # a server that has not answered by then is asked what it has

HEADERS_BYTES_MAX = 8_192  # of one event's headers, which the server counts as part of the message

STREAM_ENDS_AT = "Nats-Expected-Last-Sequence"
LANE_ENDS_AT = "Nats-Expected-Last-Subject-Sequence"
LANE = "Nats-Expected-Last-Subject-Sequence-Subject"
STREAM_ENDS_WITH = "Nats-Expected-Last-Msg-Id"

OUT_OF_STEP = {10070, 10071}  # "wrong last msg ID", "wrong last sequence"
NO_STREAM = 10059


class Tail(NamedTuple):
    """The last event of a lane in the stream and its sequence there; sequence 0 where the stream has none."""

    position: int
    sequence: int


@dataclass
class Sent:
    """What came of a window."""

    taken: list[tuple[Stored, int]] = field(default_factory=list)
    """Events with their sequence in the stream."""
    out_of_step: bool = False
    """The stream is not as we thought: another has published. Ask it."""
    unanswered: bool = False
    """Nobody knows what the stream has. Ask it."""
    no_stream: bool = False
    refusal: str | None = None
    """Why the server takes nothing: full, or out of order itself."""


class _Message(NamedTuple):
    stored: Stored
    span: Span | None
    answer: asyncio.Future[Msg]


class Publisher:
    """Publishes windows of events over one connection, one window at a time. Call `open` first."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._inbox = client.new_inbox()
        self._count = 0
        self._answers: dict[str, asyncio.Future[Msg]] = {}

    async def open(self) -> None:
        """Subscribes to the answers."""
        await self._client.subscribe(f"{self._inbox}.*", cb=self._answered)

    async def _answered(self, message: Msg) -> None:
        answer = self._answers.pop(message.subject, None)
        if answer is not None and not answer.done():
            answer.set_result(message)

    async def publish(self, window: Sequence[Stored], tails: Mapping[int, Tail], stream_end: int | None) -> Sent:
        """Publishes events sorted by lane and position, each lane following its tail; answers when each was answered.

        With `stream_end`, the stream's last sequence when the tails were read, all must be of one lane, and nothing may
        have come in between in any lane. Raises nats.errors.Error when the connection takes nothing.
        """
        messages: list[_Message] = []
        before: Stored | None = None
        for stored in window:
            headers = headers_of(stored)
            if before is not None and before.lane == stored.lane:
                headers[STREAM_ENDS_WITH] = f"{before.lane}:{before.position}"
            elif stream_end is not None:
                headers[STREAM_ENDS_AT] = str(stream_end)
            else:
                headers[LANE_ENDS_AT] = str(tails[stored.lane].sequence)
                headers[LANE] = lane_subjects(stored.lane)
            before = stored
            messages.append(await self._send(stored, headers))
        await asyncio.wait([message.answer for message in messages], timeout=ANSWER_SECONDS)
        self._answers.clear()
        return _judged(messages)

    async def _send(self, stored: Stored, headers: dict[str, str]) -> _Message:
        span = start_span(
            f"publish {stored.type}", parent=stored.trace, kind=SpanKind.PRODUCER, event=headers[MESSAGE_ID]
        )
        if (parent := traceparent_of(span) or stored.trace) is not None:
            headers[TRACEPARENT] = parent
        self._count += 1
        reply = f"{self._inbox}.{self._count}"
        answer = self._answers[reply] = asyncio.get_running_loop().create_future()
        name = subject(stored.lane, stored.client, stored.type, stored.stream)
        payload = stored.payload
        if len(payload) > self._client.max_payload - HEADERS_BYTES_MAX:
            payload, headers[BODY] = b"", IN_LOG  # so its lane goes on; who consumes it reads it from the log
        await self._client.publish(name, payload, reply=reply, headers=headers)
        return _Message(stored, span, answer)


def _judged(messages: Sequence[_Message]) -> Sent:
    sent = Sent()
    for stored, span, answer in messages:
        if not answer.done():
            sent.unanswered = True
        else:
            _judge(sent, stored, answer.result())
        if span is not None:
            span.end()
    return sent


def _judge(sent: Sent, stored: Stored, message: Msg) -> None:
    if message.headers and message.headers.get("Status") == "503":
        sent.no_stream = True
        return
    answer: dict[str, Any] = orjson.loads(message.data)
    error = answer.get("error")
    if error is None and not answer.get("duplicate"):
        sent.taken.append((stored, answer["seq"]))
    elif error is None or error.get("err_code") in OUT_OF_STEP:
        sent.out_of_step = True
    elif error.get("err_code") == NO_STREAM:
        sent.no_stream = True
    else:
        sent.refusal = sent.refusal or f"server error {error.get('err_code')}"
