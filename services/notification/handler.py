"""Events of some lanes -> rows of the outbox, in the transaction that moves the cursor. I/O; nothing is sent here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from contracts import sla
from contracts import tickets as tell
from contracts.envelope import Origin, Recorded
from contracts.model import Event
from contracts.people import PersonErased
from contracts.terms import Channel
from services.kit.bus import AfterCommit
from services.kit.bus.message import Stored
from services.kit.postgres import Connection, queries

SQL = queries("services/notification/sql/outbox.sql")

WRITTEN_ABOUT: Final = frozenset({Origin.LIVE, Origin.DEMO})
"""Imports and practice write no letters; a demo's letters are kept at the desk."""


ANSWERED: Final = frozenset(
    kind.type for kind in (tell.TicketSubmitted, tell.ReplySent, tell.TicketResolved, PersonErased)
)
"""Events that something may follow from here."""


class Notification:
    """The consumer `notification`. `wake` tells the sender that letters are due."""

    name = "notification"

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def ignores(self, event: Stored) -> bool:
        """Most events ask for no letter."""
        return event.type not in ANSWERED or (event.type != PersonErased.type and event.origin not in WRITTEN_ABOUT)

    async def handle(self, lane: int, events: Sequence[Recorded[Event]], connection: Connection) -> AfterCommit | None:
        """Notes which letters follow from the events of one lane."""
        return await self.handle_lanes({lane: events}, connection)

    async def handle_lanes(
        self, batch: Mapping[int, Sequence[Recorded[Event]]], connection: Connection
    ) -> AfterCommit | None:
        """Notes which letters follow from a batch; letters to who was erased are thrown away."""
        rows = [
            (lane, event.id, effect, event.stream, event.client, event.origin, event.trace, event.occurred_at)
            for lane, events in batch.items()
            for event in events
            if event.origin in WRITTEN_ABOUT and (effect := effect_of(event.data)) is not None
        ]
        erased = [event.stream for events in batch.values() for event in events if isinstance(event.data, PersonErased)]
        if erased:
            await connection.execute(SQL["forget"], erased)
        if not rows:
            return None
        await connection.execute(SQL["add"], *zip(*rows, strict=True))
        return self._wake


def effect_of(event: Event) -> str | None:
    """The letter that follows from an event: a receipt, an answer, the solution, a notice; most events need none."""
    match event:
        case tell.TicketSubmitted():
            return "receipt"
        case tell.ReplySent() if event.channel is not Channel.PHONE:
            return "reply"
        case tell.TicketResolved() if event.summary is not None:
            return "resolution"
        case sla.AgentNotified():
            return "notice"
        case _:
            return None
