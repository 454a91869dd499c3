"""NATS with JetStream as the relay and the consumers know it, in memory: expected sequences, doubles, lost answers,
lost tails, wipes. What it delivers comes late, twice, out of order or never.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import nats.errors
from nats.js.errors import NotFoundError

from contracts.subjects import poke
from services.kit.bus.message import MESSAGE_ID
from services.kit.bus.provision import DUPLICATES_SECONDS
from services.kit.bus.publish import LANE, LANE_ENDS_AT, STREAM_ENDS_AT, STREAM_ENDS_WITH
from tests.chaos.sim.deliveries import Durable
from tests.chaos.sim.loop import PROCESS, Process, VirtualLoop

REQUEST_SECONDS = 0.5  # of a JetStream question that nobody answers; nats-py waits longer, which shows nothing more
WRONG_LAST_ID, WRONG_LAST_SEQUENCE = 10070, 10071
BIRTH = datetime(2026, 1, 1, tzinfo=UTC)

Callback = Callable[[Any], Awaitable[None]]


@dataclass
class Message:
    """One message, of the stream or to a client. `ack` is what a consumer calls."""

    subject: str
    headers: dict[str, str]
    data: bytes
    seq: int = 0
    reply: str = ""
    acked: bool = False

    async def ack(self) -> None:
        self.acked = True


@dataclass
class Stream:
    """What JetStream holds."""

    created: datetime
    messages: list[Message] = field(default_factory=list)
    last_seq: int = 0
    ids: dict[str, tuple[int, float]] = field(default_factory=dict)

    def last_of(self, subjects: str) -> Message | None:
        start = subjects.removesuffix(">")
        return next((message for message in reversed(self.messages) if message.subject.startswith(start)), None)


class Bus:
    """The server."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.down = False
        self.stream: Stream | None = None
        self.births = 0
        self.comebacks = 0
        self.lose_rate = 0.0
        """Of publications: half of them never arrive, of the other half the answer is lost."""
        self.deliveries = 0.0
        """How likely each fault of a delivery is."""
        self.durables: dict[str, Durable] = {}
        self._clients: list[MemoryClient] = []
        self._listeners: list[asyncio.Event] = []

    def provision(self) -> None:
        if self.stream is None:
            self.births += 1
            self.stream = Stream(BIRTH + timedelta(seconds=self.births))

    def wipe(self) -> None:
        self.stream = None

    def lose_tail(self, count: int) -> None:
        """A crash before the store was flushed: what was acknowledged last is gone."""
        if self.stream is not None and self.stream.messages:
            del self.stream.messages[-count:]
            self.stream.last_seq = self.stream.messages[-1].seq if self.stream.messages else 0
            left = self.stream.last_seq
            self.stream.ids = {name: known for name, known in self.stream.ids.items() if known[0] <= left}

    def listen(self) -> asyncio.Event:
        """Set when something may have arrived."""
        self._listeners.append(asyncio.Event())
        return self._listeners[-1]

    def come_back(self) -> None:
        self.down = False
        self.comebacks += 1
        self.wake()

    def wake(self) -> None:
        for listener in self._listeners:
            listener.set()

    def client(self) -> MemoryClient:
        """A connection of the process that asks."""
        client = MemoryClient(self, PROCESS.get())
        self._clients.append(client)
        return client

    def poke(self, lane: int) -> None:
        for client in self._clients:
            client.hand_over(Message(poke(lane), {}, b""))

    def take(self, message: Message) -> dict[str, Any] | None:
        """The answer to a publication; None where no stream takes it."""
        stream = self.stream
        if stream is None:
            return None
        name, now = message.headers[MESSAGE_ID], self.loop.time()
        known = stream.ids.get(name)
        if known is not None and now - known[1] < DUPLICATES_SECONDS:
            return {"seq": known[0], "duplicate": True}
        error = self._refused(stream, message.headers)
        if error is not None:
            return {"error": {"code": 400, "err_code": error}}
        stream.last_seq += 1
        message.seq = stream.last_seq
        stream.messages.append(message)
        stream.ids[name] = message.seq, now
        self.wake()
        return {"seq": message.seq}

    def _refused(self, stream: Stream, headers: dict[str, str]) -> int | None:
        wanted = headers.get(STREAM_ENDS_AT)
        if wanted is not None and int(wanted) != stream.last_seq:
            return WRONG_LAST_SEQUENCE
        wanted = headers.get(STREAM_ENDS_WITH)
        last = stream.messages[-1].headers[MESSAGE_ID] if stream.messages else None
        if wanted is not None and wanted != last:
            return WRONG_LAST_ID
        wanted = headers.get(LANE_ENDS_AT)
        if wanted is not None:
            found = stream.last_of(headers[LANE])
            if int(wanted) != (found.seq if found else 0):
                return WRONG_LAST_SEQUENCE
        return None


class MemoryClient:
    """What nats-py's Client is to one process, and its JetStream context too."""

    max_payload = 4_000_000

    def __init__(self, bus: Bus, process: Process) -> None:
        self._bus = bus
        self._process = process
        self._callbacks: list[tuple[str, Callback]] = []
        self._arrives = 0.0
        self._answered = 0.0

    @property
    def stats(self) -> dict[str, int]:
        return {"reconnects": self._bus.comebacks}

    @property
    def is_connected(self) -> bool:
        return not self._bus.down

    def jetstream(self, **options: Any) -> MemoryClient:
        return self

    def new_inbox(self) -> str:
        return f"_INBOX.{self._process.name}"

    async def subscribe(self, subject: str, cb: Callback) -> None:
        self._callbacks.append((subject.removesuffix("*"), cb))

    def hand_over(self, message: Message) -> None:
        """A message from the server to this process; a connection keeps its order."""
        if self._bus.down or not self._process.alive:
            return
        self._answered = max(self._answered, self._bus.loop.time() + 0.0005)
        self._bus.loop.call_at(self._answered, self._dispatch, message, context=self._process.context)

    def _dispatch(self, message: Message) -> None:
        for subject, callback in self._callbacks:
            if message.subject.startswith(subject):
                try:
                    callback(message).__await__().send(None)
                except StopIteration:
                    continue
                raise TypeError("a callback of the bus must not wait here")

    async def publish(self, subject: str, payload: bytes = b"", *, reply: str = "", headers: Any = None) -> None:
        """Sends and does not wait; a connection keeps its order. What is lost on the way is told to nobody."""
        bus = self._bus
        if bus.down:
            return
        self._arrives = max(self._arrives, bus.loop.time() + 0.0005)
        message = Message(subject, dict(headers or {}), payload, reply=reply)
        bus.loop.call_at(self._arrives, self._arrived, message, context=bus.loop.outside.context)

    def _arrived(self, message: Message) -> None:
        bus = self._bus
        lost = bus.lose_rate and bus.loop.chance.random()
        if bus.down or (lost and lost < bus.lose_rate / 2):
            return
        answer = bus.take(message)
        if lost and lost < bus.lose_rate:
            return  # it was taken, and nobody learns of it
        if answer is None:
            self.hand_over(Message(message.reply, {"Status": "503"}, b""))
        else:
            self.hand_over(Message(message.reply, {}, json.dumps(answer).encode()))

    # --- JetStream's questions

    async def _ask(self) -> Stream:
        await asyncio.sleep(0.0005)
        if self._bus.down:
            await asyncio.sleep(REQUEST_SECONDS)
            raise nats.errors.TimeoutError
        if self._bus.stream is None:
            raise NotFoundError
        return self._bus.stream

    async def stream_info(self, name: str) -> Any:
        stream = await self._ask()
        return SimpleNamespace(
            created=stream.created, state=SimpleNamespace(last_seq=stream.last_seq),
            config=SimpleNamespace(num_replicas=1),
        )  # fmt: skip

    async def get_last_msg(self, name: str, subjects: str) -> Message:
        found = (await self._ask()).last_of(subjects)
        if found is None:
            raise NotFoundError
        return found

    async def purge_stream(self, name: str, subject: str) -> None:
        stream, start = await self._ask(), subject.removesuffix(">")
        stream.messages = [message for message in stream.messages if not message.subject.startswith(start)]

    async def add_stream(self, config: Any) -> None:
        await asyncio.sleep(0.0005)
        if self._bus.down:
            raise nats.errors.TimeoutError
        self._bus.provision()

    async def update_stream(self, config: Any) -> None:
        await self._ask()

    async def add_consumer(self, name: str, config: Any) -> None:
        await self._ask()

    async def delete_consumer(self, name: str, durable: str) -> None:
        """It is made again at once, and begins at the stream's end."""
        stream = await self._ask()
        self._bus.durables[durable].handed = stream.last_seq
