"""The webhooks of the desk -> one worker for each, in one process at a time. I/O.

A webhook is held by a lease, so that several processes share them and one that dies leaves them to the others. A worker
that fails takes none of the others with it, and begins again a little later.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Final
from uuid import UUID

from services.kit.log.growth import AWAY
from services.kit.telemetry import describe, log_message
from services.notification.hooks.desk import RIGHTS_ENDED, SQL, HookDesk, Lost
from services.notification.hooks.hook import Hook
from services.notification.hooks.worker import Worker

LOG = logging.getLogger("daybook.webhooks")

LOOK_SECONDS: Final = 1.0
COUNT_SECONDS: Final = 5.0
HOLD: Final = timedelta(seconds=15)  # after a process died its webhooks rest so long
RENEW: Final = timedelta(seconds=10)
AGAIN_SECONDS: Final = (0.5, 30.0)  # from the first failure of a worker to the last


class Dispatcher:
    """Runs beside the consumer of letters."""

    def __init__(self, desk: HookDesk, *, look_seconds: float = LOOK_SECONDS) -> None:
        self._desk = desk
        self._look_seconds = look_seconds
        self._working: dict[UUID, tuple[int, asyncio.Task[None]]] = {}
        self._counted = float("-inf")

    async def run(self) -> None:
        """Until cancelled; a database that is away is waited for."""
        try:
            while True:
                try:
                    await self._look()
                    await self._count()
                except AWAY as error:
                    log_message(LOG, "webhooks_wait", logging.WARNING, error=describe(error))
                await asyncio.sleep(self._look_seconds)
        finally:
            await self._end(list(self._working))
            try:
                await self._desk.pool.execute(SQL["release"], self._desk.holder, None)
            except AWAY as error:
                log_message(LOG, "webhooks_held", logging.WARNING, error=describe(error))

    async def _look(self) -> None:
        """Starts, stops and starts anew what people have made, paused and changed."""
        pool, holder = self._desk.pool, self._desk.holder
        for row in await pool.fetch(SQL["end_without_rights"], RIGHTS_ENDED):
            log_message(LOG, "webhook_rights_ended", logging.WARNING, webhook=row["webhook"])
        await pool.execute(SQL["hold"], holder, [row["webhook"] for row in await pool.fetch(SQL["look"])], HOLD, RENEW)
        mine = {row["webhook"]: Hook.of(row) for row in await pool.fetch(SQL["look"]) if row["holder"] == holder}
        stale = [
            webhook
            for webhook, (version, task) in self._working.items()
            if task.done() or webhook not in mine or mine[webhook].version != version
        ]
        await self._end(stale)
        if ended := [webhook for webhook in stale if webhook not in mine]:
            await pool.execute(SQL["release"], holder, ended)
        for webhook, hook in mine.items():
            if webhook not in self._working:
                task = asyncio.create_task(self._work(hook), name="webhook")
                self._working[webhook] = (hook.version, task)

    async def _end(self, webhooks: list[UUID]) -> None:
        tasks = [self._working.pop(webhook)[1] for webhook in webhooks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, hook: Hook) -> None:
        """Works on one version of a webhook, again and again, whatever goes wrong with it."""
        pause, longest = AGAIN_SECONDS
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await Worker(self._desk, hook).run()
            except BaseExceptionGroup as errors:
                lost, others = errors.split(Lost)
                if others is None and lost is not None:
                    return
                self._failed(hook, others or errors)
            except Lost:
                return
            except Exception as error:  # noqa: BLE001  logged; one webhook's fault is not the others'
                self._failed(hook, error)
            pause = AGAIN_SECONDS[0] if asyncio.get_running_loop().time() - began > longest else min(pause * 2, longest)
            await asyncio.sleep(pause)

    def _failed(self, hook: Hook, error: BaseException) -> None:
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        log_message(LOG, "webhook_failed", logging.WARNING, webhook=hook.id, error=describe(error))

    async def _count(self) -> None:
        """Tells the metrics how far every subscriber is."""
        now = asyncio.get_running_loop().time()
        if now - self._counted >= COUNT_SECONDS:
            self._desk.counts.subscribers(await self._desk.pool.fetch(SQL["counted"]))
            self._counted = now
