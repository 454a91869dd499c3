"""The log -> the desk's radar -> suspicions in the log. I/O: one replica of triage leads, the others wait.

The radar's state is a fold of the log, so the log is its journal: what was read since the state was saved last is read
again after a kill, and comes out the same. What is told is appended in the transaction that saves the state and the
places up to which it was read; a leader whose lease somebody took over is refused there.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from uuid import UUID

from contracts.incidents import IncidentOpened, IncidentRejected, IncidentSuspected, IncidentTicketAdded
from contracts.model import DESK, Sealed
from contracts.people import PersonErased
from contracts.subjects import LANES, lane_of, lane_of_client
from services.kit.bus.away import AWAY
from services.kit.log.read import read_stream
from services.kit.personal import ERASED, Vault
from services.kit.postgres import Connection, Pool, queries
from services.kit.telemetry import describe, log_message
from services.triage.radar.opening import what_people_declared
from services.triage.radar.packed import pack, unpack
from services.triage.radar.reading import BATCH, Read, read_on
from services.triage.radar.report import Reporter
from services.triage.radar.telling import kind_and_word
from services.triage.radar.watch import TYPES, News, Watch

if TYPE_CHECKING:
    from services.kit.settings import Settings

SQL = queries("services/triage/sql/radar.sql")
LOG = logging.getLogger("daybook.radar")

LANE: Final = lane_of_client(DESK)
LEASE: Final = timedelta(seconds=5)  # a frozen or killed leader is replaced within it
RENEW_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 0.5  # between two looks at a log that says nothing new; the order of all lanes lags as much
SLICE: Final = 20  # tickets fed before others have their turn: some 10 ms
LEARN: Final = timedelta(days=21)  # three half-lives; what is older hardly counts any more
FRESH: Final = timedelta(hours=6)  # what is older is learned from and not told of: a radar that begins tells no history
SAVE_SECONDS: Final = 60.0  # at least, between two states without news
SAVE_TICKETS: Final = 4_096  # more tickets unsaved than this are too many to read again after a kill
SAVE_LATEST_SECONDS: Final = 600.0


def secret_of(settings: Settings) -> bytes:
    """What hides words in the radar's state: of this desk, and kept when its master key is changed."""
    return sha256(settings.password_of("radar:words").encode()).digest()


class NotLeading(Exception):
    """Somebody else holds the radar."""


@dataclass
class Saved:
    """How far the state in the database is."""

    at: float
    tickets: int


class Leader:
    """Holds the radar while nobody else does. One per process of triage; `committed` pokes the relay.

    `effects` carries out what follows from incidents, and says whether there was anything; it has its turn beside the
    radar's. `secret` hides words in what is saved: the desk's own, so that no other replica's radar differs.
    """

    def __init__(
        self,
        pool: Pool,
        vault: Vault,
        holder: UUID,
        secret: bytes,
        *,
        log_time: bool,
        committed: Callable[[Iterable[int]], None] = lambda lanes: None,
        monotonic: Callable[[], float] = time.monotonic,
        effects: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        self._pool = pool
        self._vault = vault
        self._holder = holder
        self._secret = secret
        self._committed = committed
        self._effects = effects
        self.batch = BATCH
        self._monotonic = monotonic
        self._log_time = log_time
        self._epoch = 0
        self._places: dict[int, int] = {}
        self._rested: list[int] = []
        self._fresh: datetime | None = None
        self._saved = Saved(0.0, 0)
        self.watch: Watch | None = None

    async def run(self) -> None:
        """Leads whenever it can, until cancelled; a database that is away is waited for."""
        while True:
            try:
                if await self.take():
                    await self._lead()
            except Exception as error:  # noqa: BLE001  told and tried again: clocks and priorities must not fall with it
                log_message(LOG, "radar_stopped", logging.WARNING, error=describe(_cause_of(error)))
            finally:
                self.watch = None
            await asyncio.sleep(RENEW_SECONDS)

    async def resign(self) -> None:
        """Lets another replica lead at once."""
        with suppress(*AWAY):
            await self._pool.execute(SQL["resign"], LANE, self._holder)

    async def take(self) -> bool:
        """Takes the lead, or keeps it; False where somebody else has it."""
        epoch = await self._pool.fetchval(SQL["lead"], LANE, self._holder, LEASE)
        self._epoch = epoch or 0
        return epoch is not None

    async def _lead(self) -> None:
        """Reads on, and beside it carries out what follows from incidents: intake may be away for a while."""
        await self.load()
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(self._follow_effects())
            try:
                await self._read_on()
            finally:
                following.cancel()

    async def _follow_effects(self) -> None:
        while self._effects is not None:
            try:
                busy = await self._effects()
            except AWAY as error:
                log_message(LOG, "effects_wait", logging.WARNING, error=describe(error))
                busy = False
            if not busy:
                await asyncio.sleep(LOOK_SECONDS)

    async def _read_on(self) -> None:
        renewed = self._monotonic()
        while True:
            if self._monotonic() - renewed >= RENEW_SECONDS:
                epoch = self._epoch
                if not await self.take() or self._epoch != epoch:
                    raise NotLeading
                renewed = self._monotonic()
            if not await self.turn():
                await asyncio.sleep(LOOK_SECONDS)

    async def load(self) -> None:
        """The state as it was saved last; without one, or with one of other rules, the log is learned anew."""
        secret, self._rested = self._secret, []
        self._fresh = await self._pool.fetchval(SQL["fresh_since"], FRESH)
        row = await self._pool.fetchrow(SQL["load"], LANE)
        self.watch = None
        if row is not None:
            try:
                self.watch = Watch.of(unpack(row["state"]), secret)
                self._places = dict(enumerate(row["positions"]))
            except (ValueError, KeyError) as error:
                log_message(LOG, "radar_learns_anew", logging.WARNING, error=type(error).__name__)
        if self.watch is None:
            self.watch = Watch(secret)
            rows = await self._pool.fetch(SQL["begin"], LEARN)
            self._places = {row["lane"]: row["position"] for row in rows}
        self._saved = Saved(self._monotonic(), self.watch.radar.tickets)

    async def turn(self) -> bool:
        """Reads on, once; tells what is new. Says whether there was anything to read."""
        watch = self._the_watch()
        reads, upto = await read_on(self._pool, self._vault, self._places, TYPES, self.batch)
        if not upto:
            await self._rest()
            return False
        news: dict[UUID, News] = {}
        for number, read in enumerate(reads):
            for one in await self._see(watch, read):
                news[one.incident] = one
            if number % SLICE == SLICE - 1:
                await asyncio.sleep(0)
        self._places |= upto
        fresh = [one for one in news.values() if self._fresh is None or one.cause.recorded_at >= self._fresh]
        if fresh:
            await self._tell(watch, fresh)
        elif any(isinstance(read.event.data, PersonErased) for read in reads):
            await self.save()  # what it held of them goes from the disk, too: `daybook erase --compact` waits for it
        await self._save_if_due()
        return True

    async def _rest(self) -> None:
        """Nothing is left to read: says so, once."""
        places = [self._places.get(lane, 0) for lane in range(LANES)]
        if places != self._rested:
            await self._pool.execute(SQL["rest"], LANE, self._holder, self._epoch, places)
            self._rested = places
        await self._save_if_due()

    async def _see(self, watch: Watch, read: Read) -> Sequence[News]:
        match read.event.data:
            case IncidentOpened() | IncidentTicketAdded():
                told = await what_people_declared(self._pool, self._vault, read.event)
                if told is not None:
                    watch.declared(read.event.stream, told.tickets, told.title)
                return []
            case IncidentRejected():
                return watch.see(read, await self._keys_of(read.event.stream))
            case PersonErased(person=person):
                mine = [kept.ticket for kept in watch.radar.window.tickets if kept.client == read.event.client]
                rows = await self._pool.fetch(SQL["tickets_of"], mine, lane_of(person), str(person)) if mine else []
                watch.forget({str(row["stream"]) for row in rows})
                return []
            case _:
                return watch.see(read)

    async def _keys_of(self, incident: UUID) -> list[str]:
        """The keys of a suspicion, as far as they can still be read."""
        history = await read_stream(self._pool, incident)
        if not history or not isinstance(history[0].data, IncidentSuspected):
            return []
        signs = history[0].data.signs
        await self._vault.load({sign.word.person for sign in signs if isinstance(sign.word, Sealed)})
        opened = [(sign, self._vault.shown(sign.word)) for sign in signs]
        return [kind_and_word(sign, word) for sign, word in opened if word != ERASED]

    async def _tell(self, watch: Watch, news: Sequence[News]) -> None:
        """Appends what is new and saves the state with it: both or neither."""
        packed = await self._packed(watch)
        async with self._pool.acquire() as connection, connection.transaction():
            await self._still_lead(connection)
            reporter = Reporter(connection, self._vault, watch, log_time=self._log_time)
            lanes = await reporter.tell(news)
            await self._save(connection, watch, packed)
        if lanes:
            self._committed(lanes)

    async def _save_if_due(self) -> None:
        watch = self._the_watch()
        tickets, age = watch.radar.tickets - self._saved.tickets, self._monotonic() - self._saved.at
        many = tickets >= SAVE_TICKETS and age >= SAVE_SECONDS
        if many or (tickets and age >= SAVE_LATEST_SECONDS):
            await self.save()

    async def save(self) -> None:
        """Saves the state now."""
        watch = self._the_watch()
        packed = await self._packed(watch)
        async with self._pool.acquire() as connection, connection.transaction():
            await self._still_lead(connection)
            await self._save(connection, watch, packed)

    async def _packed(self, watch: Watch) -> bytes:
        return await asyncio.to_thread(pack, watch.state())

    async def _save(self, connection: Connection, watch: Watch, packed: bytes) -> None:
        places = [self._places.get(lane, 0) for lane in range(LANES)]
        await connection.execute(SQL["save"], LANE, places, packed, watch.radar.tickets)
        self._saved = Saved(self._monotonic(), watch.radar.tickets)

    async def _still_lead(self, connection: Connection) -> None:
        if not await connection.fetchval(SQL["still_lead"], LANE, self._holder, self._epoch):
            raise NotLeading

    def _the_watch(self) -> Watch:
        if self.watch is None:
            raise NotLeading
        return self.watch


def _cause_of(error: BaseException) -> BaseException:
    """What went wrong inside a group of tasks."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
