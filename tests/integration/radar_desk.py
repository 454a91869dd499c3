"""A desk whose clients report an outage among everyday tickets, written as intake writes them; and its leader."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from uuid import UUID

from uuid_utils.compat import uuid7

from contracts import tickets as tell
from contracts.envelope import Recorded
from contracts.incident import Incident, fold
from contracts.model import DESK, Event
from contracts.subjects import LANES, lane_of_client, stamp_lane
from contracts.terms import Channel
from services.kit.log.append import Append, NewEvent, NotAppended, append_in
from services.kit.log.read import read_client, read_stream
from services.kit.postgres import Pool
from services.kit.settings import Settings
from services.triage.radar.leader import Leader, secret_of
from tests.integration.small_desk import NOON, SmallDesk, vault_on

CLIENTS = tuple(f"firm-{number}" for number in range(12))
WORDS = str.split(
    "printer invoice password screen laptop backup phone calendar report login folder mouse scanner badge"
)


@dataclass
class RadarDesk(SmallDesk):
    """`everyday` writes tickets that say nothing in common; `outage` some that name the same error."""

    people: dict[str, UUID] = field(default_factory=dict)
    minute: int = 0

    async def open(self) -> None:
        for slug in CLIENTS:
            await self.client(slug)
            self.people[slug] = await self.person(slug, f"ada@{slug}.example")

    async def everyday(self, count: int, seed: int = 1) -> None:
        """Some days of tickets, three minutes apart, many in one commit."""
        chance = Random(seed)
        told = [(chance.choice(CLIENTS), " ".join(chance.sample(WORDS, 4)), "") for _ in range(count)]
        await self.tickets(told, minutes=3, together=200)

    async def outage(
        self, clients: Sequence[str], body: str = "the gateway answers with error 1252", subject: str = "nothing works"
    ) -> list[UUID]:
        return await self.tickets([(slug, subject, body) for slug in clients])

    async def tickets(self, told: Sequence[tuple[str, str, str]], minutes: int = 1, together: int = 1) -> list[UUID]:
        """Tickets some minutes apart, so many in one commit; by client, subject and body."""
        await self.vault.load(self.people.values())
        appends = [self._submission(*one, minutes) for one in told]
        for start in range(0, len(appends), together):
            for result in await append_in(self.intake, appends[start : start + together]):  # type: ignore[arg-type]
                assert not isinstance(result, NotAppended), result
        return [append.events[0].stream for append in appends]

    def _submission(self, slug: str, subject: str, body: str, minutes: int) -> Append:
        self.minute += minutes
        data = tell.TicketSubmitted(
            prefix=slug.upper().replace("-", ""), requester=self.people[slug], subject=subject, body=body or subject,
            channel=Channel.API,
        )  # fmt: skip
        ticket, seal = stamp_lane(uuid7(), lane_of_client(slug)), self.vault.sealer(self.people[slug])
        at = NOON + timedelta(minutes=self.minute)
        return Append(slug, [NewEvent(uuid7(), ticket, 1, data, "token:test", seal, occurred_at=at)])


async def beat(relay: Pool) -> None:
    """Moves the watermarks beyond what is in the log, as the relay's heart does."""
    await asyncio.sleep(0.002)
    await relay.execute("SELECT log.beat($1::smallint[])", list(range(LANES)))


def leader_on(pool: Pool, database: Settings, batch: int = 500) -> Leader:
    leader = Leader(pool, vault_on(pool, database), uuid7(), secret_of(database), log_time=True)
    leader.batch = batch
    return leader


async def follow(leader: Leader) -> None:
    """Has a leader read whatever is settled."""
    while await leader.turn():
        pass


async def incidents(pool: Pool) -> dict[UUID, Incident]:
    """Every incident, folded."""
    streams: dict[UUID, list[Recorded[Event]]] = {}
    for event in await read_client(pool, DESK, 0, 100_000):
        if event.type.startswith("incident."):
            streams.setdefault(event.stream, []).append(event)
    return {stream: fold(events) for stream, events in streams.items()}


__all__ = ["CLIENTS", "RadarDesk", "beat", "follow", "incidents", "leader_on", "read_stream"]
