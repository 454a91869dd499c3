"""The log enters, the bus leaves: each lane published in order by the one process that holds its lease. I/O.

Where to go on is never remembered: it is read from the lane's last message in the stream. So a relay may be killed,
doubled, frozen and woken, and the bus wiped under it, and still each event follows the one before it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

import asyncpg
import uvloop
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from uuid_utils.compat import uuid7

from contracts.subjects import LANES, POKES, STREAM, poked
from services.kit.bus.away import is_away
from services.kit.bus.census import answer_census
from services.kit.bus.connect import connect, end_if_cancelled, require_room
from services.kit.bus.detour import Rate
from services.kit.bus.message import Stored
from services.kit.bus.provision import provision
from services.kit.bus.publish import Publisher, Sent, Tail
from services.kit.log import feeds
from services.kit.log.feeds import Feeds
from services.kit.log.lease import RENEW_SECONDS, Leases
from services.kit.log.merged import BEAT_SECONDS
from services.kit.log.merged import SQL as MERGED
from services.kit.log.read import SQL as READ
from services.kit.log.tails import read_tails
from services.kit.metrics import Metrics
from services.kit.postgres import Pool, connect_pool, queries
from services.kit.ready import announce_ready
from services.kit.telemetry import describe, log_message, setup_logging, setup_tracing

if TYPE_CHECKING:
    from services.kit.settings import Settings

LOG = logging.getLogger("daybook.relay")
SQL = queries("services/kit/log/sql/relay.sql")

WINDOW_MAX = 500  # events under way at once: some 30 ms of work, so that no poke waits for long
WINDOW_MIN = LANES  # while another relay publishes into the same stream, most of a long window would be refused
ONE_BY_ONE_MAX = 3  # lanes; more of them wait for fewer round trips together, at a cost for the server
LANE_BYTES_MAX = 1_000_000  # of one lane in a window; an event may be 2 MB, it comes alone then
PACE_SECONDS = (0.003, 0.02)
"""From one busy round to the next: what comes meanwhile goes together, for a third of the work. The longer one while
the log is so busy that the consumers read it themselves (bus/detour.py) and nobody waits for the bus."""
POLL_SECONDS = (0.25, 1.0)  # what a lost poke costs: at first, and after silence
WATCH_SECONDS = 1.0
WAIT_SECONDS = (0.1, 2.0)  # between attempts while a server is away or takes nothing: at first, and at most
POOL_SIZE = 4


class TakesNothing(Exception):
    """The bus is there but takes no event: full, or out of order itself. What is in the log waits."""


class Relay:
    """Publishes the lanes that it holds, until it is cancelled."""

    def __init__(self, pool: Pool, client: Client, leases: Leases, metrics: Metrics) -> None:
        self._pool = pool
        self._client = client
        self._jetstream: JetStreamContext = client.jetstream()
        self._publisher = Publisher(client)
        self._leases = leases
        self._metrics = metrics
        self._tails: dict[int, Tail] = {}
        self._stream_end = 0
        self._stream_born: datetime | None = None
        self._comebacks = 0
        self._another = False
        self._window = WINDOW_MAX
        self._grown = set(range(LANES))
        self._rate = Rate()
        self._poked = asyncio.Event()
        self._feeds = Feeds(pool, client, leases.held)

    async def run(self) -> None:
        """Holds leases, watches the stream, publishes. Gives its lanes up at once when it is cancelled."""
        await self._publisher.open()
        await answer_census(self._client, self._metrics)
        await self._client.subscribe(POKES, cb=self._poke)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._every(RENEW_SECONDS, self._renew))
                tasks.create_task(self._every(WATCH_SECONDS, self._watch))
                tasks.create_task(self._publish())
                tasks.create_task(self._every(BEAT_SECONDS, self._beat))
                tasks.create_task(self._every(feeds.LOOK_SECONDS, self._feeds.look))
                tasks.create_task(self._every(feeds.PACE_SECONDS, self._feeds.fill))
        finally:
            await self._leases.release()

    async def _poke(self, message: Msg) -> None:
        lanes = poked(message.subject, message.data)
        self._grown |= lanes
        self._poked.set()
        self._feeds.grown(lanes)

    def _look_at_all(self) -> None:
        self._grown.update(range(LANES))
        self._poked.set()

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            end_if_cancelled()
            try:
                await work()
            except Exception as error:
                if not _is_away(error):
                    raise
            await asyncio.sleep(seconds)

    async def _renew(self) -> None:
        before = set(self._leases.held())
        held = set(await self._leases.renew())
        if held != before:
            log_message(LOG, "relay_lanes", lanes=",".join(map(str, sorted(held))))
            self._look_at_all()

    async def _beat(self) -> None:
        await self._pool.execute(MERGED["beat"], list(self._leases.held()))

    async def _watch(self) -> None:
        """A wiped or recreated stream answers as if nothing was wrong: its birth and its end tell. A server that came
        back may have lost what it had not flushed, and another relay may have published over it: its coming tells."""
        try:
            info = await self._jetstream.stream_info(STREAM)
        except NotFoundError:
            await self._provision()
            return
        born, comebacks = info.created, self._client.stats["reconnects"]
        if born != self._stream_born or info.state.last_seq < self._stream_end or comebacks != self._comebacks:
            if self._stream_born is not None:
                log_message(LOG, "stream_is_another", logging.WARNING)
            self._stream_born, self._comebacks = born, comebacks
            self._forget()

    def _forget(self) -> None:
        """Has every tail read again before the next window; one under way is still judged by what it began with."""
        self._another = True
        self._look_at_all()

    async def _provision(self) -> None:
        log_message(LOG, "stream_missing", logging.WARNING)
        await provision(self._jetstream)
        self._forget()

    async def _publish(self) -> None:
        pause, poll = WAIT_SECONDS[0], POLL_SECONDS[0]
        while True:
            end_if_cancelled()
            self._poked.clear()
            started = time.monotonic()
            try:
                if not await self._round():
                    poll = POLL_SECONDS[0] if await self._wait_for_poke(poll) else min(poll * 2, POLL_SECONDS[1])
                pause = WAIT_SECONDS[0]
                await asyncio.sleep(max(0.0, started + self._pace() - time.monotonic()))
                continue
            except TakesNothing as error:
                log_message(LOG, "bus_takes_nothing", logging.WARNING, error=str(error))
            except Exception as error:
                if not _is_away(error):
                    raise
                self._tails.clear()
            self._grown.update(range(LANES))
            await asyncio.sleep(pause)
            pause = min(pause * 2, WAIT_SECONDS[1])

    async def _wait_for_poke(self, seconds: float) -> bool:
        """Whether there was a poke. Where there was none, all lanes are looked at: it may have been lost."""
        try:
            async with asyncio.timeout(seconds):
                await self._poked.wait()
        except TimeoutError:
            self._grown.update(range(LANES))
            return False
        return True

    async def _round(self) -> bool:
        """Publishes what the lanes that have grown hold, one window of it. Whether there is more."""
        held = self._leases.held()
        if self._another:
            self._another = False
            self._tails.clear()
        for lane in self._tails.keys() - held.keys():
            del self._tails[lane]
        if held.keys() - self._tails.keys():
            try:
                self._stream_end, self._tails = await read_tails(self._jetstream, self._pool, sorted(held))
            except NotFoundError:
                await self._provision()
                return True
        grown, self._grown = self._grown & self._tails.keys(), set()
        window = await self._read(sorted(grown)) if grown else []
        for part, is_lane in self._parts(window):
            started = time.monotonic()
            sent = await self._publisher.publish(part, self._tails, self._stream_end if is_lane else None)
            self._metrics.batch("relay", time.monotonic() - started)
            self._note(sent)
            if len(sent.taken) < len(part):
                self._grown |= grown
                await self._recover(part, sent)
                return True
        self._window = min(self._window * 2, WINDOW_MAX)
        return bool(self._grown)

    def _parts(self, window: list[Stored]) -> Iterator[tuple[list[Stored], bool]]:
        """One lane after the other, where that is soon done and no other relay publishes; else all lanes together.

        A lane alone can be fenced by the stream's end, which costs the server nothing.
        """
        lanes = [list(events) for _, events in groupby(window, key=lambda stored: stored.lane)]
        if len(self._tails) == LANES and len(lanes) <= ONE_BY_ONE_MAX:
            yield from ((lane, True) for lane in lanes)
        elif window:
            yield window, False

    async def _read(self, lanes: list[int]) -> list[Stored]:
        """What follows in some lanes, of each a fair part: no lane waits behind a busy one."""
        positions = [self._tails[lane].position for lane in lanes]
        fair = max(1, self._window // len(lanes))
        rows = await self._pool.fetch(READ["window"], lanes, positions, fair, LANE_BYTES_MAX)
        window = [Stored(*row) for row in rows]
        for lane, events in groupby(window, key=lambda stored: stored.lane):
            sizes = [len(stored.payload) for stored in events]
            if len(sizes) == fair or sum(sizes) >= LANE_BYTES_MAX:
                self._grown.add(lane)
        return window

    def _pace(self) -> float:
        return PACE_SECONDS[self._rate.is_busy(time.monotonic())]

    def _note(self, sent: Sent) -> None:
        for stored, sequence in sent.taken:
            self._tails[stored.lane] = Tail(stored.position, sequence)
            self._stream_end = max(self._stream_end, sequence)
        self._rate.count(len(sent.taken))
        for event_type, count in Counter(stored.type for stored, _ in sent.taken).items():
            self._metrics.event(event_type, "published", count)

    async def _recover(self, window: list[Stored], sent: Sent) -> None:
        """Forgets what may be wrong, so that it is read from the stream again."""
        taken = len(sent.taken)
        log_message(LOG, "window_not_taken", logging.WARNING, asked=len(window), taken=taken, refusal=sent.refusal,
                    out_of_step=sent.out_of_step, unanswered=sent.unanswered, no_stream=sent.no_stream)  # fmt: skip
        self._window = max(self._window // 2, WINDOW_MIN)
        if sent.no_stream:
            await self._provision()
        elif sent.unanswered or (sent.out_of_step and len(self._tails) == LANES):
            self._forget()
        for lane in {stored.lane for stored in window} - {stored.lane for stored, _ in sent.taken}:
            self._tails.pop(lane, None)
        if sent.refusal is not None or not taken:
            raise TakesNothing(sent.refusal or "it is not as this relay thought")


def _is_away(error: Exception) -> bool:
    """A process may end by its own mistakes, not by a server's absence. Here every InterfaceError is a lost link."""
    away = is_away(error) or isinstance(error, asyncpg.InterfaceError)
    if away:
        log_message(LOG, "server_away", logging.WARNING, error=describe(error))
    return away


def main(settings: Settings) -> None:
    """The process `relay`."""
    setup_logging(settings, "relay")
    setup_tracing(settings, "relay")
    uvloop.run(serve(settings))


async def serve(settings: Settings) -> None:
    """Opens what a relay needs and runs it until cancelled."""
    pool = await connect_pool(settings, "relay", size=POOL_SIZE, program="daybook-relay")
    client = await connect(settings, "relay")
    try:
        require_room(client)
        relay = Relay(pool, client, Leases(pool, "relay", holder=uuid7()), Metrics("relay"))
        announce_ready()
        await relay.run()
    finally:
        await client.close()
        await pool.close()
