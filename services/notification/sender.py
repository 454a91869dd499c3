"""Due rows of the outbox -> letters, kept or sent, each once. I/O.

The desk's own mailbox is in the database: a letter is laid into it, told to the log and ended in one transaction. A
mail server is not: between its yes and our commit lies the one moment that can leave a doubt. The attempt is committed
before the server is asked, so a doubt is known, counted, and goes again under the same Message-ID.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from contracts.envelope import Origin
from services.kit.clock import Clock
from services.kit.postgres import Connection, Pool, queries
from services.kit.telemetry import describe, log_message, span
from services.notification.counts import Counts
from services.notification.drafts import FAULT, Draft, Drafts, NoDraft, Row
from services.notification.ending import End, Failed, Sent, end, keep
from services.notification.post import Accepted, Deferred, Post, Rejected, Said, Unreachable

SQL = queries("services/notification/sql/outbox.sql")
LOG = logging.getLogger("daybook.notification")

KEEP_BATCH = 100  # letters in one transaction; more would hold the lanes for longer than their writers like to wait
SEND_BATCH = 32  # letters claimed at once
POLL_SECONDS = 1.0  # for what was due later, or left by another process; new letters wake the sender
CLAIM: Final = timedelta(seconds=30)  # a letter whose turn does not come in this time is anybody's again
ATTEMPT: Final = timedelta(minutes=5)  # longer than the mail server may take over one letter
STOP_SECONDS = 5.0  # for letters that the mail server is being asked about when the process is told to stop
ATTEMPTS_MAX = 12
RETRY_FIRST = timedelta(seconds=15)
RETRY_LAST = timedelta(hours=4)
AWAY_MAX_SECONDS = 60.0  # between two looks for a mail server or database that is away


@dataclass(frozen=True, slots=True)
class Times:
    """What tests shorten."""

    retry_first: timedelta = RETRY_FIRST
    claim: timedelta = CLAIM
    attempt: timedelta = ATTEMPT
    poll_seconds: float = POLL_SECONDS


class Sender:
    """Runs beside the consumer. `post` is None where the desk keeps its letters; a demo's are kept in any case."""

    def __init__(  # noqa: PLR0913 - one process opens these parts once and hands them in
        self,
        pool: Pool,
        drafts: Drafts,
        post: Post | None,
        clock: Clock,
        *,
        holder: UUID,
        counts: Counts,
        log_time: bool,
        committed: Any = lambda lanes: None,
        times: Times = Times(),
    ) -> None:
        self._pool = pool
        self._drafts = drafts
        self._post = post
        self._clock = clock
        self._holder = holder
        self._counts = counts
        self._log_time = log_time
        self._committed = committed
        self._times = times
        self._woken = asyncio.Event()
        self._unfinished: list[End] = []
        self._finishing = asyncio.Lock()
        self._server_away = False
        self._kept_origins = [Origin.DEMO.value] if post else [Origin.LIVE.value, Origin.DEMO.value]

    def wake(self) -> None:
        """Letters are due now."""
        self._woken.set()

    async def run(self) -> None:
        """Sends until cancelled. A database or mail server that is away is waited for; nothing is lost meanwhile."""
        away = 0.0
        while True:
            self._woken.clear()
            try:
                busy = await self.round()
                away = 0.0
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, Unreachable) as error:
                away = min(AWAY_MAX_SECONDS, away * 2 or 0.5)
                code = error.code if isinstance(error, Unreachable) else describe(error)
                log_message(LOG, "letters_wait", logging.WARNING, error=code, seconds=away)
                await asyncio.sleep(away)
                continue
            if not busy:
                await self._wait()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._times.poll_seconds):
                await self._woken.wait()
        except TimeoutError:
            pass

    async def round(self) -> bool:
        """One batch of letters to keep and one to send. Returns whether there were any."""
        kept = await self._keep()
        sent = await self._send(self._post) if self._post else 0
        return bool(kept or sent)

    async def _keep(self) -> int:
        async with self._pool.acquire() as connection, connection.transaction():
            rows = [Row.of(row) for row in await connection.fetch(SQL["take"], self._kept_origins, KEEP_BATCH)]
            if not rows:
                return 0
            drafts = await self._drafts.write(connection, rows)
            written = [draft for draft in drafts if isinstance(draft, Draft)]
            faulty = [draft.row for draft in drafts if _goes_again(draft)]
            for row in faulty:
                await self._put_off(connection, row)
            ends: list[End] = [_end_of(draft) for draft in drafts if not _goes_again(draft)]
            await keep(connection, written, self._clock.now(), log_time=self._log_time)
            await end(connection, ends, log_time=self._log_time)
        self._told(ends)
        return len(rows)

    async def _send(self, post: Post) -> int:
        await self._finish()
        claim = await self._pool.fetch(
            SQL["claim"], [Origin.LIVE.value], SEND_BATCH, self._holder, self._times.claim
        )  # fmt: skip
        rows = [Row.of(row) for row in claim]
        if not rows:
            return 0
        self._counts.doubts(sum(row.doubtful for row in rows))
        drafts = await self._drafts.write(self._pool, rows)
        self._server_away = False
        letters = [asyncio.create_task(self._deliver(post, draft)) for draft in drafts]
        try:
            results = await asyncio.shield(asyncio.gather(*letters, return_exceptions=True))
        except asyncio.CancelledError:
            _, late = await asyncio.wait(letters, timeout=STOP_SECONDS)
            for letter in late:
                letter.cancel()
            raise
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return len(rows)

    async def _deliver(self, post: Post, draft: Draft | NoDraft) -> None:
        """Brings one letter to the mail server and writes down what it said."""
        row = draft.row
        if _goes_again(draft):
            await self._put_off(self._pool, row)
            return
        if isinstance(draft, NoDraft):
            await self._finish([_end_of(draft)])
            return
        if self._server_away:
            await self._later(row, timedelta(), "unreachable", doubtful=False)
            return
        try:
            async with post.line() as line:
                attempts = await self._pool.fetchval(
                    SQL["attempt"], row.lane, row.event, row.effect, self._holder, self._times.attempt
                )
                if attempts is None:
                    return
                with span("letter.send", parent=row.trace, attributes={"daybook.effect": row.effect}):
                    said = await post.send(line, draft, self._clock.now())
        except Unreachable as error:
            self._server_away = True
            await self._later(row, timedelta(), error.code, doubtful=False)
            raise
        await self._note(draft, said, attempts)

    async def _note(self, draft: Draft, said: Said, attempts: int) -> None:
        match said:
            case Accepted():
                await self._finish([Sent(draft, "smtp")])
            case Rejected(code=code):
                await self._finish([Failed(draft, code, attempts)])
            case Deferred(code=code, doubtful=doubtful) if attempts >= ATTEMPTS_MAX:
                self._counts.doubts(int(doubtful))
                await self._finish([Failed(draft, code, attempts)])
            case Deferred(code=code, doubtful=doubtful):
                self._counts.doubts(int(doubtful))
                await self._later(draft.row, self._wait_after(attempts - 1), code, doubtful=doubtful)

    def _wait_after(self, attempts: int) -> timedelta:
        """Until the next attempt, `attempts` before this one having failed."""
        wait: timedelta = self._times.retry_first * 4**attempts
        return min(RETRY_LAST, wait)

    async def _later(self, row: Row, wait: timedelta, code: str, *, doubtful: bool) -> None:
        await self._pool.execute(SQL["later"], row.lane, row.event, row.effect, wait, code, doubtful)
        self._counts.letter(row.effect, "deferred")

    async def _put_off(self, writer: Connection | Pool, row: Row) -> None:
        await writer.execute(SQL["put_off"], row.lane, row.event, row.effect, self._wait_after(row.attempts))

    async def _finish(self, ends: Sequence[End] = ()) -> None:
        """Tells what became of letters. What can't be told now, with the database away, is kept and told first."""
        self._unfinished.extend(ends)
        async with self._finishing:
            while self._unfinished:
                batch = self._unfinished[:KEEP_BATCH]
                async with self._pool.acquire() as connection, connection.transaction():
                    await end(connection, batch, log_time=self._log_time)
                del self._unfinished[: len(batch)]
                self._told(batch)

    def _told(self, ends: Sequence[End]) -> None:
        for item in ends:
            row = item.draft.row
            outcome = item.via if isinstance(item, Sent) else item.code
            self._counts.letter(row.effect, outcome if isinstance(item, Sent) else "failed")
            log_message(
                LOG, "letter", logging.DEBUG, lane=row.lane, event=row.event, effect=row.effect, outcome=outcome
            )  # fmt: skip
        self._committed({item.draft.row.lane for item in ends})


def _goes_again(draft: Draft | NoDraft) -> bool:
    """A letter at fault has as many chances as one that is deferred: the fault may be ours, and be mended."""
    return isinstance(draft, NoDraft) and draft.code == FAULT and draft.row.attempts + 1 < ATTEMPTS_MAX


def _end_of(draft: Draft | NoDraft) -> End:
    if isinstance(draft, NoDraft):
        return Failed(draft, draft.code, draft.row.attempts + (draft.code == FAULT))
    return Sent(draft, "mailbox")
