"""A seed -> a quarter of a desk's tickets with their judgements, and the log that holds them. I/O in `Quarter`.

What a replay reads: clients by their terms, tickets with replies, pauses, notes, solutions and reopenings in office
hours and outside, judged by the rules that ship.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from contracts import tickets as tell
from contracts.clients import ClientRegistered, Tier
from contracts.envelope import Origin
from contracts.model import DESK, Event, Seal
from contracts.people import PersonRegistered
from contracts.subjects import client_stream, lane_of_client, stamp_lane
from contracts.terms import Channel, PromisedBy, Status, Urgency
from services.cli.terms import Terms, explained
from services.kit.log.append import Append, Appended, NewEvent, append_in
from services.kit.personal import Vault
from services.kit.postgres import Pool
from services.kit.rules.facts import Evidence, Facts
from services.kit.rules.priority import judge

START = datetime(2026, 7, 1, tzinfo=UTC)
END = datetime(2026, 10, 1, tzinfo=UTC)
CATEGORIES = ("network", "email", "printing", "billing", "question", None)
WORDS = (
    Evidence("outage", 15, ("nobody can",)),
    Evidence("failure", 10, ("crashes",)),
    Evidence("urgent", 5, ("asap",)),
)
BODY = "Since this morning nobody in our office in Lyon can print; the queue shows error 0x00000709 for every job."
BATCH = 100  # tickets a call
AGENT = "agent:00000000-0000-4000-8000-000000000001"

Line = tuple[str, datetime, Event]
"""Actor, when, what."""


def life(
    chance: random.Random, person: UUID, prefix: str, born: datetime, tier: Tier
) -> tuple[list[Line], Line, list[Line]]:
    """What the requester sent; the rules' judgement; everything behind it. Some 15 to 30 events."""
    urgency, category = chance.choice((None, *Urgency)), chance.choice(CATEGORIES)
    submitted = tell.TicketSubmitted(
        prefix=prefix, requester=person, subject="Nobody can print", body=BODY, channel=Channel.WEB, category=category,
        urgency=urgency,
    )  # fmt: skip
    words = tuple(chance.sample(WORDS, chance.randrange(3)))
    judged = judge(Facts(stated=urgency, words=words, category=category, tier=tier))
    now, pace = born, chance.choice((0.1, 0.3, 1.0))
    behind: list[Line] = []

    def add(event: Event, by: str = AGENT, minutes: int = 0) -> None:
        nonlocal now
        now += timedelta(minutes=round(minutes * pace))
        behind.append((by, now, event))

    def promise() -> None:
        add(tell.CheckpointPromised(due_at=now + timedelta(hours=chance.randrange(2, 40)), by=PromisedBy.POLICY))

    add(tell.TicketAssigned(team="first"), minutes=chance.randrange(200))
    for _ in range(chance.randrange(1, 5)):
        add(tell.ReplySent(body=BODY), minutes=chance.randrange(1, 400))
        promise()
        if chance.random() < 0.6:
            add(tell.StatusChanged(status=Status.WAITING_FOR_CUSTOMER))
        add(
            tell.MessageReceived(author=person, body=BODY, channel=Channel.MAIL),
            f"requester:{person}",
            chance.randrange(900),
        )
        add(tell.StatusChanged(status=Status.OPEN))
        add(tell.NoteAdded(body=BODY), minutes=10)
    if chance.random() < 0.9:
        add(tell.ReplySent(body=BODY), minutes=chance.randrange(600))
        add(tell.TicketResolved(summary=BODY))
        if chance.random() < 0.1:
            add(tell.TicketReopened(), minutes=chance.randrange(20_000))
            promise()
    opening: list[Line] = [
        (f"requester:{person}", born, submitted),
        ("system:intake", born, tell.CheckpointPromised(due_at=born + timedelta(hours=4), by=PromisedBy.POLICY)),
    ]
    return opening, ("system:triage", born, judged), behind


@dataclass
class Quarter:
    """Writes through the real log, sealed, each event as the role that owns it."""

    intake: Pool
    triage: Pool
    vault: Vault
    chance: random.Random
    clients: dict[str, tuple[UUID, Seal, str, Tier]]

    @classmethod
    async def begin(
        cls, intake: Pool, triage: Pool, vault: Vault, names: Sequence[str], desk: Terms, *, seed: int = 1
    ) -> Quarter:
        """Registers clients with a requester each; the desk's terms hold from long before."""
        quarter = cls(intake, triage, vault, random.Random(seed), {})
        before = START - timedelta(days=200)
        _, told = explained(DESK, desk, (), before)
        history = [("system:cli", before, event.data) for event in told[1:]]
        await quarter.append("intake", DESK, client_stream(DESK), history)
        for number, name in enumerate(names):
            await quarter.add_client(name, list(Tier)[number % 3])
        return quarter

    async def add_client(self, name: str, tier: Tier) -> None:
        prefix = f"Q{len(self.clients)}"
        registered = ClientRegistered(client=name, name=name.title(), prefix=prefix, zone="UTC", tier=tier)
        await self.append(
            "intake", name, client_stream(name), [("system:cli", START - timedelta(days=100), registered)]
        )
        person, _ = await self.vault.find_or_make(name, f"caller@{name}.example")
        await self.vault.load([person])
        seal = self.vault.sealer(person)
        known = PersonRegistered(name="Ann", address=f"caller@{name}.example")
        await self.append("intake", name, person, [("system:cli", START - timedelta(days=100), known)], seal)
        self.clients[name] = person, seal, prefix, tier

    async def append(
        self, role: str, client: str, stream: UUID, lines: Sequence[Line], seal: Seal | None = None
    ) -> None:
        pool = self.intake if role == "intake" else self.triage
        async with pool.acquire() as connection:
            _refuse(await append_in(connection, [Append(client, self.events(stream, 0, lines, seal))]))

    def events(self, stream: UUID, version: int, lines: Sequence[Line], seal: Seal | None) -> list[NewEvent]:
        return [
            NewEvent(
                UUID(int=self.chance.getrandbits(128)), stream, version + number, event, by, seal, None, Origin.LIVE, at
            )
            for number, (by, at, event) in enumerate(lines, 1)
        ]

    async def write(self, tickets: int) -> int:
        """So many tickets, spread over the quarter and the clients. Gives the number of their events."""
        names, written = sorted(self.clients), 0
        for first in range(0, tickets, BATCH):
            lives = []
            for number in range(first, min(first + BATCH, tickets)):
                client = names[number % len(names)]
                person, seal, prefix, tier = self.clients[client]
                born = START + (END - START) * self.chance.random()
                stream = stamp_lane(UUID(int=self.chance.getrandbits(128), version=4), lane_of_client(client))
                lives.append((client, stream, seal, *life(self.chance, person, prefix, born, tier)))
            written += await self._write(lives)
        return written

    async def _write(self, lives: Sequence[tuple[str, UUID, Seal, list[Line], Line, list[Line]]]) -> int:
        opened = [Append(client, self.events(stream, 0, lines, seal)) for client, stream, seal, lines, _, _ in lives]
        judged = [Append(client, self.events(stream, 2, [line], seal)) for client, stream, seal, _, line, _ in lives]
        behind = [Append(client, self.events(stream, 3, lines, seal)) for client, stream, seal, _, _, lines in lives]
        for pool, appends in ((self.intake, opened), (self.triage, judged), (self.intake, behind)):
            async with pool.acquire() as connection:
                _refuse(await append_in(connection, appends))
        return sum(len(append.events) for append in (*opened, *judged, *behind))


def _refuse(results: Sequence[object]) -> None:
    for result in results:
        if not isinstance(result, Appended):
            raise AssertionError(result)
