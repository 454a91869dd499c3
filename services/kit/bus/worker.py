"""Messages of the bus and events of the log enter; what a handler can digest leaves, lane by lane, in order. I/O.

The bus only brings events soon. Whatever it loses, doubles or disorders, the cursor and the log mend: at or below the
cursor is dropped, a hole is read from the log, and every second the cursors are compared with the heads of the lanes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

import asyncpg
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.catalogue import UnknownEvent
from contracts.subjects import LANES
from services.kit.bus.away import AWAY, is_away, tried
from services.kit.bus.blame import Blame
from services.kit.bus.census import answer_census
from services.kit.bus.connect import end_if_cancelled
from services.kit.bus.detour import Detour
from services.kit.bus.digest import SQL, ChoosyHandler, CursorMoved, Digest, ProcessDied, Share
from services.kit.bus.following import Found, Unreadable, following, share_of
from services.kit.bus.lane import Lane
from services.kit.bus.message import NotAnEvent, Stored, place_of
from services.kit.bus.skip import begin_anew
from services.kit.log.read import SQL as READ
from services.kit.telemetry import describe, log_message

LOG = logging.getLogger("daybook.consumer")

AT_ONCE = 4  # transactions under way, each on a connection of its own
KEPT_MAX = 4_000  # messages of all lanes; beyond it nothing is fetched
DEATHS_MAX = 3  # of processes while they tried one event alone; then it is put aside untried
STARTS_MAX = 2  # from one position; then events are tried one by one
END_SECONDS = 1.0  # to take back a start; a database that does not answer must not hold up the end
WAIT_SECONDS = (0.1, 2.0)  # between attempts while a server is away: at first, and at most
LOOK_SECONDS = 1.0


class Consumer:
    """The lanes of one handler and the tasks that digest them."""

    def __init__(self, digest: Digest, *, lanes_together: bool, batch_max: int, gather_seconds: float = 0.0) -> None:
        self._digest = digest
        self._name = digest.handler.name
        self._batch_max = batch_max
        self._lanes: list[Lane[Msg]] = [Lane(number) for number in range(LANES)]
        self._groups = [self._lanes] if lanes_together else [[lane] for lane in self._lanes]
        self._wakes = [asyncio.Event() for _ in self._groups]
        # A handler may want a connection besides the one of its transaction: the last one is left to them.
        self._turns = asyncio.Semaphore(max(1, min(AT_ONCE, len(self._groups), digest.pool.get_max_size() - 1)))
        self._room = asyncio.Event()
        self._trial = asyncio.Lock()
        self._detour = Detour(gather_seconds)
        self._client: Client | None = None
        self._blame = Blame(digest, self._lanes, self._wake, self._read_again)
        self._ignores = digest.handler.ignores if isinstance(digest.handler, ChoosyHandler) else _nothing

    async def run(self) -> None:
        """Digests until cancelled. What the log has beyond the cursors is digested at once, with or without a bus."""
        try:
            while not await tried(self._open(), WAIT_SECONDS[0], self._name):
                pass
            async with asyncio.TaskGroup() as tasks:
                for group, wake in zip(self._groups, self._wakes, strict=True):
                    tasks.create_task(self._work(group, wake))
                tasks.create_task(self._keep_looking())
        except asyncio.CancelledError:
            await self._end()
            raise

    async def _end(self) -> None:
        """Says that this process did not die."""
        with suppress(*AWAY, asyncpg.InterfaceError):
            async with asyncio.timeout(END_SECONDS):
                await self._digest.pool.execute(SQL["end"], self._name)
                await self._digest.pool.execute(SQL["end_replays"], self._name)

    async def connected(self, client: Client) -> None:
        """Has this process answer when the desk's metrics are asked for."""
        self._client = client
        await answer_census(client, self._digest.metrics)

    async def offer(self, messages: Sequence[Msg]) -> None:
        """Takes messages of the bus, and returns when a transaction could take more: what comes until then is fetched
        at once, which costs a third of fetching it one by one."""
        for message in messages:
            try:
                lane, position = place_of(message.headers or {})
            except NotAnEvent:
                log_message(LOG, "not_an_event", logging.ERROR, consumer=self._name)
                continue  # unacknowledged: after a few deliveries the bus gives up
            self._lanes[lane].take(position, message)
        self._wake()
        await asyncio.sleep(0)  # those who were woken take their turns
        while self._turns.locked() or self._kept() > KEPT_MAX:
            self._room.clear()
            await self._room.wait()
        self._detour.waits(asyncio.get_running_loop().time(), self._kept())
        if self._detour.on:
            await self._go_around()

    def _kept(self) -> int:
        return sum(len(lane.kept) for lane in self._lanes)

    async def _go_around(self) -> None:
        """Fetches nothing while the log is read itself. What the bus has of that time is left out; what comes while the
        durable is made anew is read from the log, too."""
        self._wake_all()
        while self._detour.on:
            self._room.clear()
            await self._room.wait()
        if self._client is not None:
            await begin_anew(self._client, self._name)
        for lane in self._lanes:
            lane.behind = True
        self._wake()

    def _wake_all(self) -> None:
        for wake in self._wakes:
            wake.set()

    def _wake(self) -> None:
        now = asyncio.get_running_loop().time()
        for group, wake in zip(self._groups, self._wakes, strict=True):
            if any(lane.is_ready(now) for lane in group):
                wake.set()

    async def _open(self) -> None:
        pool = self._digest.pool
        await pool.execute(SQL["open_cursors"], self._name)
        await pool.execute(SQL["replays_that_killed"], self._name, describe(ProcessDied()))
        for row in await pool.fetch(SQL["begin"], self._name):
            await self._beware(self._lanes[row["lane"]], row["position"], row["deaths"], row["killed"])
        await self._look()
        await self._look()  # the second look takes what the first has seen as late: nothing is under way yet

    async def _beware(self, lane: Lane[Msg], cursor: int, deaths: int, killed: int) -> None:
        """Where processes died before, events are tried one by one, so that it is known which one kills."""
        lane.moved_to(cursor)
        if killed or deaths >= STARTS_MAX:
            lane.beware(cursor + self._batch_max)
        if killed >= DEATHS_MAX:
            for row in await self._digest.pool.fetch(READ["window"], [lane.number], [cursor], 1, 1):
                lane.attempts = killed
                await self._blame.bury(lane, Stored(*row), ProcessDied())

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await tried(self._look(), 0, self._name)

    async def _look(self) -> None:
        """Compares cursors with heads, and learns which replays people asked for."""
        pool = self._digest.pool
        for row in await pool.fetch(SQL["look"], self._name):
            self._lanes[row["lane"]].looked(row["head"], row["cursor"])
        for row in await pool.fetch(SQL["asked"], self._name):
            self._lanes[row["lane"]].replays.add(row["stream"])
        lags = {lane.number: lane.head - lane.cursor for lane in self._lanes}
        self._digest.metrics.behind({self._name: lags})
        now, heads = asyncio.get_running_loop().time(), sum(lane.head for lane in self._lanes)
        self._detour.looked(now, heads, sum(lags.values()))
        self._room.set()
        if self._detour.on:
            self._wake_all()
        self._wake()

    async def _work(self, group: Sequence[Lane[Msg]], wake: asyncio.Event) -> None:
        clock, pause, took = asyncio.get_running_loop().time, WAIT_SECONDS[0], 0.0
        while True:
            if self._detour.on:
                await asyncio.sleep(self._detour.pause(took))
                for lane in group:
                    lane.behind = True
            else:
                await wake.wait()
            wake.clear()
            while ready := [lane for lane in group if lane.is_ready(clock())]:
                end_if_cancelled()
                async with self._turns:
                    started = clock()
                    done = await tried(self._turn(ready), pause, self._name)
                    took = clock() - started
                self._room.set()
                pause = WAIT_SECONDS[0] if done else min(pause * 2, WAIT_SECONDS[1])

    async def _turn(self, ready: Sequence[Lane[Msg]]) -> None:
        """One transaction: a replay, or one event that must be tried alone, or what all of these lanes have."""
        for lane in ready:
            while lane.replays:
                await self._blame.replay(lane)
        careful = [lane for lane in ready if lane.is_careful]
        lane_max = 1 if careful else self._batch_max
        found = await following(self._digest.pool, self._name, careful[:1] or ready, lane_max)
        shares = [share for lane, events in found.items() if (share := await self._share(self._lanes[lane], events))]
        if shares:
            await self._commit(shares)
        for lane in ready:
            await self._acknowledge(lane)

    async def _share(self, lane: Lane[Msg], found: Found) -> Share | None:
        """What a lane can digest next, decoded. An event that cannot be decoded will never be, so it is put aside."""
        match share_of(found, self._ignores):
            case Share() as share:
                return share
            case Unreadable(_, UnknownEvent() as error):
                self._blame.wait_for_newer(lane, error)
            case Unreadable(stored, error):
                await self._blame.bury(lane, stored, error)
        return None

    async def _commit(self, shares: Sequence[Share]) -> None:
        lane = self._lanes[shares[0].lane]
        try:
            if lane.is_marked:
                await self._commit_marked(lane, shares)
            else:
                await self._digest.commit(shares)
        except CursorMoved:
            await self._read_again([share.lane for share in shares])
        except Exception as error:
            if is_away(error):
                raise
            await self._blame.failed(shares, error)
        else:
            for share in shares:
                self._lanes[share.lane].moved_to(share.upto)
                log_message(LOG, "digested", logging.DEBUG, consumer=self._name, lane=share.lane, position=share.upto,
                            events=len(share.events))  # fmt: skip

    async def _commit_marked(self, lane: Lane[Msg], shares: Sequence[Share]) -> None:
        """Tries one event that may kill this process, having written down that it does: one at a time, lest those of
        other lanes seem to kill too. A failure is no reason to put the event aside untried."""
        async with self._trial:
            if lane.marked_at != lane.cursor:  # a process dies only once
                await self._digest.pool.execute(SQL["try_alone"], lane.number, self._name, lane.cursor)
                lane.marked_at = lane.cursor
            try:
                await self._digest.commit(shares)
            except Exception:
                with suppress(*AWAY, asyncpg.InterfaceError):
                    await self._digest.pool.execute(SQL["survived"], lane.number, self._name, lane.cursor)
                    lane.marked_at = -1
                raise

    async def _read_again(self, lanes: Sequence[int]) -> None:
        """Another process of this consumer moved the cursors, or a person put them back: they count as they are."""
        cursors = {row["lane"]: row["cursor"] for row in await self._digest.pool.fetch(SQL["look"], self._name)}
        for lane in (self._lanes[number] for number in lanes):
            lane.cursor = 0
            lane.moved_to(cursors[lane.number])
            lane.behind = True

    async def _acknowledge(self, lane: Lane[Msg]) -> None:
        for message in lane.acknowledge():
            try:
                await message.ack()
            except AWAY:
                return  # the cursor knows that it is done


def _nothing(_: Stored) -> bool:
    """What a handler ignores that wants to see all."""
    return False
