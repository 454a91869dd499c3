"""Events of the bus and of the log enter; a handler's effects leave, committed once, in order, with the cursor. I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from services.kit.bus.digest import AfterCommit, Digest, Handler, LanesHandler
from services.kit.bus.subscription import follow
from services.kit.bus.worker import Consumer
from services.kit.metrics import Metrics

if TYPE_CHECKING:
    from services.kit.clock import Clock
    from services.kit.postgres import Pool
    from services.kit.settings import Settings

__all__ = ["AfterCommit", "Handler", "LanesHandler", "run_consumer"]

BATCH_MAX = 500  # events of a lane in one transaction


async def run_consumer(  # noqa: PLR0913 - options are explicit, and given once by each service
    settings: Settings,
    handler: Handler,
    pool: Pool,
    clock: Clock,
    *,
    metrics: Metrics | None = None,
    started: Callable[[], None] = lambda: None,
    lanes_together: bool = False,
    batch_max: int = BATCH_MAX,
    gather_seconds: float = 0.0,
) -> None:
    """Feeds a handler until cancelled; `started` is called once it is subscribed (pass announce_ready).

    With `lanes_together` one transaction takes the events of several lanes, in ascending order: right for a handler
    that appends nothing. One that appends lane by lane would hold the first lane's lock for all the others: it leaves
    it False, or better implements LanesHandler, which is always served together. The pool should hold five connections,
    where lanes go together two; a handler that takes one of its own besides the transaction's never waits for ever.
    `gather_seconds` is how long a busy consumer gathers events between two transactions at least: where nobody waits
    for its effects, fewer and larger transactions do the same work.
    """
    digest = Digest(handler, pool, clock, metrics or Metrics(handler.name))
    together = lanes_together or isinstance(handler, LanesHandler)
    consumer = Consumer(digest, lanes_together=together, batch_max=batch_max, gather_seconds=gather_seconds)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(consumer.run())
        tasks.create_task(follow(settings, handler.name, consumer.offer, started, consumer.connected))
