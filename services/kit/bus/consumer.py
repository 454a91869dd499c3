"""Events of the bus and of the log enter; a handler's effects leave, committed once, in order, with the cursor. I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from contracts.envelope import Recorded
from contracts.model import Event
from services.kit.clock import Clock
from services.kit.postgres import Connection, Pool

if TYPE_CHECKING:
    from services.kit.metrics import Metrics
    from services.kit.settings import Settings

AfterCommit = Callable[[], None]
"""What to do once the effects are committed and cannot be undone: poke the relay, wake a sender. It must not block."""


class Handler(Protocol):
    """What a service does with events. `name` names its cursor and its durable consumer on the bus."""

    name: str

    async def handle(self, lane: int, events: Sequence[Recorded[Event]], connection: Connection) -> AfterCommit | None:
        """Digests events of one lane, at contiguous positions, in order, each once.

        Runs inside the transaction that also moves the cursor; what it raises undoes everything, and the events are
        tried again one by one.
        """
        ...


async def run_consumer(
    settings: Settings,
    handler: Handler,
    pool: Pool,
    clock: Clock,
    *,
    metrics: Metrics | None = None,
    started: Callable[[], None] = lambda: None,
    lanes_together: bool = False,
) -> None:
    """Feeds a handler until cancelled; `started` is called once it is subscribed (pass announce_ready).

    With `lanes_together` one transaction takes the events of several lanes, in ascending order of lanes: cheaper for a
    handler that appends nothing. One that appends holds lanes' locks until its commit: leave it False.
    """
    raise NotImplementedError
