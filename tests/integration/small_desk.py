"""A desk without bus and doors: tickets are appended as intake appends them, and a consumer is fed from the log."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from contracts import tickets as tell
from contracts.clients import ClientChanged, ClientRegistered, Tier
from contracts.envelope import Origin, Recorded
from contracts.model import Event
from contracts.people import PersonRegistered
from contracts.subjects import client_stream, lane_of, lane_of_client, stamp_lane
from contracts.terms import Channel, PromisedBy
from services.kit.bus import AfterCommit, Handler
from services.kit.log.append import Append, NewEvent, NotAppended, append_in
from services.kit.log.read import read_lane, read_stream
from services.kit.personal import Vault
from services.kit.postgres import Pool
from services.kit.settings import Settings

NOON = datetime(2026, 3, 4, 11, 0, tzinfo=UTC)


def vault_on(pool: Pool, settings: Settings) -> Vault:
    return Vault(pool, settings.master_key_bytes, new_id=uuid7, random_bytes=os.urandom, monotonic=time.monotonic)


@dataclass
class SmallDesk:
    """Writes into the log as intake, and feeds one consumer in transactions of its role."""

    intake: Pool
    vault: Vault
    fed: dict[int, int] = field(default_factory=dict)

    async def client(
        self, slug: str, *, tier: Tier = Tier.STANDARD, languages: tuple[str, ...] = ("en",), practice: bool = False
    ) -> None:
        version = len(await read_stream(self.intake, client_stream(slug)))
        kind = ClientChanged if version else ClientRegistered
        data = kind(
            client=slug, name=slug.title(), prefix=slug.upper().replace("-", "")[:10], zone="Europe/Berlin", tier=tier,
            languages=languages, practice=practice,
        )  # fmt: skip
        await self.append(
            slug, [NewEvent(uuid7(), client_stream(slug), version + 1, data, "token:test", occurred_at=NOON)]
        )

    async def person(self, slug: str, address: str | None, name: str = "Ada Lovelace") -> UUID:
        person, _ = await self.vault.find_or_make(slug, address or name)
        await self.vault.load([person])
        data = PersonRegistered(name=name, address=address)
        await self.append(
            slug, [NewEvent(uuid7(), person, 1, data, "token:test", self.vault.sealer(person), occurred_at=NOON)]
        )
        return person

    async def submit(self, slug: str, person: UUID, *, origin: Origin = Origin.LIVE, **more: Any) -> UUID:
        """A ticket with its first promise. `more` is what TicketSubmitted takes."""
        given: dict[str, Any] = {
            "prefix": slug.upper().replace("-", "")[:10],
            "requester": person,
            "subject": "Printer on fire",
            "body": "It burns.",
            "channel": Channel.API,
        }
        data = tell.TicketSubmitted(**{**given, **more})
        ticket = stamp_lane(uuid7(), lane_of_client(slug))
        await self.tell(slug, ticket, data, promise(NOON + timedelta(hours=4)), origin=origin)
        return ticket

    async def tell(
        self, slug: str, ticket: UUID, *events: Event, origin: Origin = Origin.LIVE, at: datetime = NOON
    ) -> list[UUID]:
        """Appends events to a ticket, in one go, sealed to its requester. Returns their ids."""
        history = await read_stream(self.intake, ticket)
        born = history[0].data if history else events[0]
        assert isinstance(born, tell.TicketSubmitted)
        await self.vault.load([born.requester])
        seal = self.vault.sealer(born.requester)
        new = [
            NewEvent(uuid7(), ticket, len(history) + number, data, "token:test", seal, origin=origin, occurred_at=at)
            for number, data in enumerate(events, start=1)
        ]
        await self.append(slug, new)
        return [event.id for event in new]

    async def append(self, slug: str, events: Sequence[NewEvent]) -> None:
        for result in await append_in(self.intake, [Append(slug, events)]):  # type: ignore[arg-type]
            assert not isinstance(result, NotAppended), result

    async def feed(self, handler: Handler, pool: Pool, lane: int, *, limit: int = 500) -> list[Recorded[Event]]:
        """Hands a lane's new events to the handler, as the bus would: in one transaction, then what comes after it."""
        events = await read_lane(pool, lane, self.fed.get(lane, 0), limit)
        if events:
            async with pool.acquire() as connection, connection.transaction():
                after: AfterCommit | None = await handler.handle(lane, events, connection)
            self.fed[lane] = events[-1].position
            if after is not None:
                after()
        return events

    def again(self, lane: int) -> None:
        """The lane is delivered once more from its beginning."""
        self.fed[lane] = 0


def promise(due: datetime, text: str | None = None) -> tell.CheckpointPromised:
    return tell.CheckpointPromised(due_at=due, by=PromisedBy.AGENT if text else PromisedBy.POLICY, text=text)


async def facts(pool: Pool, ticket: UUID, *types: str) -> list[Recorded[Event]]:
    """The ticket's events of these types."""
    return [event for event in await read_stream(pool, ticket) if event.type in types]


__all__ = ["NOON", "SmallDesk", "facts", "lane_of", "promise", "vault_on"]
