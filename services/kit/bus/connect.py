"""Settings enter, a connection to NATS leaves that never gives up; and the pokes after a commit. I/O."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nats.aio.client import Client

from contracts.subjects import poke
from services.kit.bus.accounts import USERS, inbox_of, key_of
from services.kit.bus.away import AWAY
from services.kit.telemetry import describe, log_message

if TYPE_CHECKING:
    from services.kit.bus.accounts import BusUser
    from services.kit.bus.nkey import Nkey
    from services.kit.settings import Settings

LOG = logging.getLogger("daybook.bus")

RECONNECT_WAIT_SECONDS = 0.25  # a restarted server is back within a second
CONNECT_SECONDS = 2
PING_SECONDS = 5  # two silent pings tell that a half-open connection is dead
POKE_BUFFER_BYTES = 8_000_000
HEADERS_LINE = "NATS/1.0"
MESSAGE_BYTES_MIN = 4_000_000  # what a server must take: the largest text, 2 MB, sealed and base64-coded


class BusTooSmall(Exception):
    """The server takes smaller messages than an event may be."""


class QuickClient(Client):
    """nats-py's client, which looks at each character of each header's name: for our twenty headers that is 60 us a
    message that comes and 30 us one that is sent, more than all else that is done with it. This takes 6 us and 3 us
    and gives the same for every legal header."""

    def know(self, key: Nkey) -> dict[str, Any]:
        """How to log in by this key. nats-py has its own way, which needs one more library for the same signature."""
        self._public_nkey = key.public
        return {"signature_cb": key.signed}

    @property
    def asks_for_keys(self) -> bool:
        """Whether the server that we are connected to knows users by their keys."""
        return bool(self._server_info.get("nonce"))

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in raw.decode("utf-8", "replace").split("\r\n"):
            name, colon, value = line.partition(":")
            if colon:
                found[name.strip()] = value.strip()
        return found

    async def _send_publish(
        self, subject: str, reply: str, payload: bytes, payload_size: int, headers: dict[str, Any] | None
    ) -> None:
        lines = [f"{name}: {value}" for name, value in headers.items()] if headers else []
        block = "\r\n".join(lines)
        if not headers or not subject or block.count("\n") + block.count("\r") != 2 * len(lines) - 2:
            await super()._send_publish(subject, reply, payload, payload_size, headers)  # it takes line ends out
            return
        head = f"{HEADERS_LINE}\r\n{block}\r\n\r\n".encode()
        self.stats["out_msgs"] += 1
        self.stats["out_bytes"] += payload_size
        total = len(head) + len(payload)
        line = f"HPUB {subject} {reply} {len(head)} {total}\r\n".encode()
        await self._send_command(b"".join((line, head, payload, b"\r\n")))
        if self._flush_queue is not None and self._flush_queue.empty():
            await self._flush_pending()


def options(name: str) -> dict[str, Any]:
    """How every connection of Daybook behaves, FastStream's broker included.

    With its attempts used up, a pull of nats-py spins without end: so attempts never end.
    """
    return {
        "name": name,
        "max_reconnect_attempts": -1,
        "reconnect_time_wait": RECONNECT_WAIT_SECONDS,
        "connect_timeout": CONNECT_SECONDS,
        "ping_interval": PING_SECONDS,
        "max_outstanding_pings": 2,
        "pending_size": POKE_BUFFER_BYTES,
    }


async def connect(settings: Settings, name: str, **more: Any) -> QuickClient:
    """A raw NATS connection. Waits for a server that is not there yet; it reconnects for ever.

    `name` begins with the user of the bus as whom it logs in (services/kit/bus/accounts.py): relay, triage-poke. Where
    DAYBOOK_NATS_URL brings a login of its own, that one counts for all.
    """
    client = QuickClient()
    given: dict[str, Any] = {"error_cb": tell, "allow_reconnect": True, **options(name), **more}
    if user := user_of(settings, name):
        given |= client.know(key_of(settings, user)) | {"inbox_prefix": inbox_of(user)}
    await client.connect(settings.bus_url.split(","), **given)
    return client


def user_of(settings: Settings, name: str) -> BusUser | None:
    """The user of the bus as whom a connection of this name logs in; None where its URL brings a login."""
    own = "@" in settings.bus_url
    return None if own else next((user for user in USERS if user == name.partition("-")[0]), None)


def require_room(client: Client) -> None:
    """Refuses a server that would not take our largest events. Raises BusTooSmall with the remedy."""
    if client.max_payload < MESSAGE_BYTES_MIN:
        raise BusTooSmall(
            f"NATS takes messages of {client.max_payload:,} bytes at most and an event may have {MESSAGE_BYTES_MIN:,}: "
            f"set max_payload: {MESSAGE_BYTES_MIN} in the server's configuration and reload it"
        )


def end_if_cancelled() -> None:
    """Ends the task that was told to end. nats-py's flush swallows a cancellation, so whoever loops over calls of it
    asks here in each round. Raises CancelledError."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def tell(error: Exception) -> None:
    """What a connection does with an error that belongs to no call: a line in the log, and it goes on. Unless its task
    was told to end: an attempt that fails at that very moment swallows it, and the next ones would go on for ever."""
    log_message(LOG, "bus_error", logging.WARNING, error=describe(error))
    end_if_cancelled()


class Poker:
    """Says over plain NATS that lanes have grown. `committed` is what services.kit.log.append.Appender takes."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lanes: set[int] = set()
        self._task: asyncio.Task[None] | None = None

    def committed(self, lanes: Iterable[int]) -> None:
        """Pokes the relay, without waiting. A lost poke costs one poll of the relay, never an event."""
        self._lanes.update(lanes)
        if self._lanes and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._send(), name="poke")

    async def _send(self) -> None:
        """One message for all lanes of a commit: each one wakes every process that listens."""
        while self._lanes:
            lanes, self._lanes = sorted(self._lanes), set()
            if self._client.is_connected:
                with suppress(*AWAY):
                    await self._client.publish(poke(lanes[0]), ",".join(map(str, lanes)).encode())
