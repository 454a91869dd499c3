"""A seed -> random but possible histories of clients, people and tickets, and the log that holds them. I/O in `write`.

Lives of tickets with replies, pauses, reopening, merging, several events of one instant, and events that say nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from contracts import people, sla, tickets
from contracts.clients import ClientRegistered, Tier
from contracts.envelope import Origin
from contracts.model import DESK, Event
from contracts.subjects import client_stream, lane_of_client, stamp_lane
from contracts.terms import Channel, Priority, PromisedBy, Reason, Status, Tone, Urgency
from services.kit.log.append import Append, Appended, Appender, NewEvent
from services.kit.personal import Vault

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
CATEGORIES = ("network", "mail", "hardware", "access", "billing")
TAGS = ("vip", "lyon", "waiting-part", "night")
WORDS = (
    *("printer", "offline", "since", "morning", "error", "login", "password", "reset", "router", "café", "upgrade"),
    *("invoice", "broken", "screen", "slow", "connection", "vpn", "mailbox", "full", "calendar", "sync", "laptop"),
    *("battery", "keyboard", "monitor", "update", "failed", "license", "expired", "phone", "headset", "account"),
    *("locked", "backup", "restore", "server", "unreachable", "certificate", "browser", "attachment", "missing"),
    *("meeting", "room", "projector", "scanner"),
)

Line = tuple[datetime, Event]
"""One event of a stream and when it happened."""


@dataclass
class Desk:
    """The names in a history: clients with their requesters, and agents, all as ids that carry their lane."""

    chance: random.Random
    clients: Sequence[str]
    requesters: dict[str, list[UUID]] = field(default_factory=dict)
    agents: list[UUID] = field(default_factory=list)

    def new_id(self, client: str) -> UUID:
        return stamp_lane(UUID(int=self.chance.getrandbits(128), version=4), lane_of_client(client))


def text(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(WORDS, k=words))


def prefix_of(client: str) -> str:
    return client.replace("-", "").upper()[:10]


def life(desk: Desk, client: str, born: datetime, *, most: int = 12) -> list[Line]:
    """One ticket's events, possible and in order; now and then several of one instant."""
    chance = desk.chance
    requester = chance.choice(desk.requesters[client])
    lines: list[Line] = [
        (born, _submitted(chance, client, requester)),
        (born, tickets.CheckpointPromised(due_at=born + timedelta(hours=4), by=PromisedBy.POLICY)),
    ]
    at = born + timedelta(seconds=chance.randrange(3))
    lines.append((at, _prioritised(chance)))
    ended = False
    for _ in range(chance.randrange(most)):
        at += timedelta(seconds=chance.choice((0, 60, 3_600, 40_000)))
        step = chance.choice(DONE_STEPS if ended else STEPS)
        for event in step(desk, client, requester, at):
            lines.append((at, event))
            ended = ended_by(event, ended)
    return lines


def ended_by(event: Event, before: bool) -> bool:
    match event:
        case tickets.TicketResolved() | tickets.TicketClosed() | tickets.TicketMerged():
            return True
        case tickets.TicketReopened() | tickets.TicketUnmerged():
            return False
        case _:
            return before


def _submitted(chance: random.Random, client: str, requester: UUID) -> tickets.TicketSubmitted:
    return tickets.TicketSubmitted(
        prefix=prefix_of(client),
        requester=requester,
        subject=text(chance, 5),
        body=text(chance, 40),
        channel=chance.choice(list(Channel)),
        category=chance.choice((None, *CATEGORIES)),
        urgency=chance.choice((None, *Urgency)),
    )


def _prioritised(chance: random.Random) -> tickets.TicketPrioritised:
    return tickets.TicketPrioritised(
        priority=chance.choice(list(Priority)),
        urgency=1.0,
        impact=2.0,
        reasons=(Reason(code="stated", axis="urgency", points=1.0),),
        rule_version="1",
    )


Step = Callable[[Desk, str, UUID, datetime], Sequence[Event]]


def _reply(desk: Desk, client: str, requester: UUID, at: datetime) -> Sequence[Event]:
    due = at + timedelta(hours=desk.chance.randrange(1, 80))
    return (
        tickets.ReplySent(body=text(desk.chance, 30)),
        tickets.CheckpointPromised(due_at=due, by=PromisedBy.AGENT, text=text(desk.chance, 4)),
    )


def _message(desk: Desk, client: str, requester: UUID, at: datetime) -> Sequence[Event]:
    author = desk.chance.choice((requester, *desk.requesters[client]))
    return (tickets.MessageReceived(author=author, body=text(desk.chance, 25), channel=Channel.MAIL),)


def _assigned(desk: Desk, client: str, requester: UUID, at: datetime) -> Sequence[Event]:
    return (tickets.TicketAssigned(agent=desk.chance.choice((None, *desk.agents)), team="first"),)


def _state(desk: Desk, client: str, requester: UUID, at: datetime) -> Sequence[Event]:
    chosen = desk.chance.choice((Status.OPEN, Status.WAITING_FOR_CUSTOMER, Status.WAITING_FOR_SUPPLIER))
    return (tickets.StatusChanged(status=chosen, explanation=text(desk.chance, 6)),)


def _tags(desk: Desk, client: str, requester: UUID, at: datetime) -> Sequence[Event]:
    return (tickets.TagsChanged(added=(desk.chance.choice(TAGS),), removed=(desk.chance.choice(TAGS),)),)


def _small(desk: Desk, client: str, requester: UUID, at: datetime) -> Sequence[Event]:
    chance = desk.chance
    return (
        chance.choice(
            (
                tickets.NoteAdded(body=text(chance, 15)),
                tickets.PrioritySet(priority=chance.choice(list(Priority)), reason=text(chance, 3)),
                tickets.CategorySet(category=chance.choice(CATEGORIES)),
                tickets.ToneDetected(
                    message=requester, tone=Tone.ANGRY, degree=0.7, language="en", rule_version="1", words=("now",)
                ),
                tickets.CheckpointMissed(due_at=at),
                sla.SlaWarned(
                    metric=sla.Metric.UPDATE, cycle="1", true_at=at, due_at=at, policy_version="1", fraction=0.75
                ),
            )
        ),
    )


def _resolved(desk: Desk, client: str, requester: UUID, at: datetime) -> Sequence[Event]:
    return (tickets.TicketResolved(summary=text(desk.chance, 12)),)


def _closed(desk: Desk, client: str, requester: UUID, at: datetime) -> Sequence[Event]:
    return (tickets.TicketClosed(),)


def _reopened(desk: Desk, client: str, requester: UUID, at: datetime) -> Sequence[Event]:
    due = at + timedelta(hours=8)
    return tickets.TicketReopened(), tickets.CheckpointPromised(due_at=due, by=PromisedBy.POLICY)


def _merged(desk: Desk, client: str, requester: UUID, at: datetime) -> Sequence[Event]:
    return (tickets.TicketMerged(into=desk.new_id(client)),)


STEPS: Sequence[Step] = (
    *(_reply, _reply, _message, _message, _assigned, _state, _tags, _small, _resolved, _resolved, _closed, _merged),
)
DONE_STEPS: Sequence[Step] = (_closed, _reopened, _message, _small)


def opening(desk: Desk, requesters_each: int, agents: int) -> Iterator[tuple[str, UUID, UUID | None, Event]]:
    """(client, stream, person, event) of clients, requesters and agents, which it makes known to the desk."""
    for number in range(agents):
        agent = desk.new_id(DESK)
        desk.agents.append(agent)
        yield (
            DESK,
            agent,
            agent,
            people.AgentRegistered(
                name=f"Agent {number}",
                address=f"agent{number}@desk.example",
                role=people.Role.AGENT,
                level=people.Level.L1,
            ),
        )
    for client in desk.clients:
        registered = ClientRegistered(
            client=client, name=client.title(), prefix=prefix_of(client), zone="Europe/Paris", tier=Tier.STANDARD
        )
        yield client, client_stream(client), None, registered
        desk.requesters[client] = []
        for number in range(requesters_each):
            person = desk.new_id(client)
            desk.requesters[client].append(person)
            yield (
                client,
                person,
                person,
                people.PersonRegistered(
                    name=f"{text(desk.chance, 1).title()} Person{number}", address=f"person{number}@{client}.example"
                ),
            )


def requester_of(event: Event, before: UUID | None) -> UUID | None:
    """Whose key seals an event's text: the ticket's requester, or whoever wrote."""
    match event:
        case tickets.TicketSubmitted():
            return event.requester
        case tickets.MessageReceived():
            return event.author
        case _:
            return before


@dataclass
class Writer:
    """Appends histories through the real log, sealed, as the role that owns each event."""

    appenders: dict[str, Appender]
    vault: Vault
    versions: dict[UUID, int] = field(default_factory=dict)
    origin: Origin = Origin.LIVE

    async def write(
        self, client: str, stream: UUID, lines: Sequence[tuple[datetime | None, Event, UUID | None]]
    ) -> Appended:
        """Appends (occurred at, event, person) of one stream, one call for each run of events with one owner."""
        result: Appended | None = None
        for role, run in runs(lines):
            events = [self._event(stream, at, event, person) for at, event, person in run]
            result = await self.appenders[role].append(Append(client, events))
        if result is None:
            raise ValueError("nothing to write")
        return result

    def _event(self, stream: UUID, at: datetime | None, event: Event, person: UUID | None) -> NewEvent:
        version = self.versions[stream] = self.versions.get(stream, 0) + 1
        return NewEvent(
            id=UUID(int=stream.int ^ version << 4),
            stream=stream,
            version=version,
            data=event,
            actor="system:history",
            seal=self.vault.sealer(person) if person else None,
            origin=self.origin,
            occurred_at=at,
        )


def runs(
    lines: Sequence[tuple[datetime | None, Event, UUID | None]],
) -> Iterator[tuple[str, list[tuple[datetime | None, Event, UUID | None]]]]:
    """The same lines, cut where the owner of the events changes."""
    from contracts.ownership import TRIAGE

    role, run = "", list[tuple[datetime | None, Event, UUID | None]]()
    for line in lines:
        owner = "triage" if line[1].type in TRIAGE else "intake"
        if owner != role and run:
            yield role, run
            run = []
        role = owner
        run.append(line)
    if run:
        yield role, run
