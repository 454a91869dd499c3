"""A desk of timers alone on a real log: tickets come as intake appends them, time is what the test says. I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from contracts.calendars import Calendar, CalendarSet
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.policies import Policy, PolicySet
from contracts.subjects import LANES, client_stream, lane_of_client, stamp_lane
from contracts.terms import Channel
from contracts.tickets import ReplySent, TicketSubmitted
from services.kit.bus import AfterCommit
from services.kit.bus.digest import Digest, Share
from services.kit.clock import LogClock
from services.kit.cursor import read_cursors
from services.kit.log.append import NewEvent
from services.kit.log.lease import Leases
from services.kit.log.read import heads, read_lane, read_stream
from services.kit.metrics import Metrics
from services.kit.postgres import Connection, Pool, queries
from services.triage.timers.index import Indexed
from services.triage.timers.stories import Shelf
from services.triage.timers.turn import Held, Turns
from tests.integration.small_desk import NOON, SmallDesk, vault_on

CONSUMER = queries("services/kit/bus/sql/consumer.sql")
LEASES = queries("services/kit/log/sql/lease.sql")
TIMERS = queries("services/triage/sql/timers.sql")
ALWAYS = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), (("00:00", "24:00"),))
OFFICE = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), (("08:00", "12:00"), ("13:00", "17:00")))
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
FACTS = ("sla.", "ticket.checkpoint_kept", "ticket.checkpoint_missed")


class Silent:
    """A handler of triage that has nothing to say, so that only timers speak."""

    name = "triage"

    async def handle(self, lane: int, events: Sequence[Recorded[Event]], connection: Connection) -> AfterCommit | None:
        return None

    async def handle_lanes(
        self, batch: Mapping[int, Sequence[Recorded[Event]]], connection: Connection
    ) -> AfterCommit | None:
        return None


class Ears:
    """Remembers what the consumer tells the timers."""

    def __init__(self) -> None:
        self.earliest: dict[int, datetime] = {}
        self.tick: datetime | None = None

    def digested(self, earliest: Mapping[int, datetime], tick: datetime | None) -> None:
        self.earliest, self.tick = dict(earliest), tick


@dataclass
class TimersDesk(SmallDesk):
    """Intake's side, the consumer of triage and one replica of its timers, each step at the test's word."""

    triage: Pool = field(kw_only=True)
    handler: Any = field(default_factory=Silent, kw_only=True)
    log_time: bool = field(default=True, kw_only=True)
    ears: Ears = field(default_factory=Ears)
    people: dict[str, UUID] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """A replica of triage that has just begun: it remembers nothing."""
        self.holder = uuid7()
        self.leases = Leases(self.triage, "timers", self.holder, seconds=3600)
        self.turns = Turns(self.triage, Shelf(), self.log_time)
        indexed = Indexed(self.handler, self.ears)
        self.digests = Digest(indexed, self.triage, LogClock(NOON - timedelta(days=9_000)), Metrics("triage"))

    async def restart(self) -> None:
        """The replica died, its leases ran out, and another one takes its place."""
        await self.triage.execute(LEASES["release"], "timers", self.holder)
        self.start()

    async def terms(
        self,
        slug: str,
        targets: Mapping[str, Any],
        hours: Any = ALWAYS,
        *,
        zone: str = "Etc/UTC",
        at: datetime = NOON,
        **more: Any,
    ) -> None:
        """A calendar and a policy of one row, in force from an instant on. `more` is what PolicySet or Policy takes."""
        said: dict[str, Any] = {name: more.pop(name) for name in ("apply_to_open", "holds_from") if name in more}
        told: dict[str, Any] = {"client": slug, "name": "default", "holds_from": at, **said}
        history = await read_stream(self.intake, client_stream(slug))
        version = 1 + sum(event.type == "client.policy_set" for event in history)
        weekly = Calendar(zone=zone, hours=hours)
        calendar = CalendarSet(client=slug, name="default", version=1, holds_from=NOON, calendar=weekly)
        policy = PolicySet(**told, version=version, policy=Policy(rows=({"targets": targets},), **more))  # type: ignore[arg-type]
        news = [policy] if any(event.data == calendar for event in history) else [calendar, policy]
        await self.append(
            slug,
            [
                NewEvent(uuid7(), client_stream(slug), len(history) + nth, event, "token:test", occurred_at=at)
                for nth, event in enumerate(news, 1)
            ],
        )

    async def ticket(self, slug: str, at: datetime = NOON, **more: Any) -> UUID:
        """A ticket without a promise, so that a test has only the clocks it asks for."""
        if slug not in self.people:
            self.people[slug] = await self.person(slug, f"ann@{slug}.example")
        ticket = stamp_lane(uuid7(), lane_of_client(slug))
        born = {"prefix": "T", "requester": self.people[slug], "subject": "s", "body": "b", "channel": Channel.API}
        await self.tell(slug, ticket, TicketSubmitted.model_validate(born), at=at, **more)
        return ticket

    async def reply(self, slug: str, ticket: UUID, at: datetime, *more: Event) -> None:
        """A person's public answer."""
        await self.tell(slug, ticket, ReplySent(body="we look"), *more, at=at)

    async def digest(self) -> None:
        """The consumer comes to the heads of all lanes, in transactions of at most 300 events of a lane."""
        await self.triage.execute(CONSUMER["open_cursors"], "triage")
        while True:
            cursors, ends = await read_cursors(self.triage, "triage"), await heads(self.triage)
            shares = []
            for lane in range(LANES):
                if cursors[lane] < ends[lane]:
                    events = await read_lane(self.triage, lane, cursors[lane], 300)
                    shares.append(share(lane, events))
            if not shares:
                return
            await self.digests.commit(shares)

    async def wake(self, now: datetime) -> int:
        """Timers work every lane until nothing is due at this instant. Returns how many facts they recorded."""
        held, recorded = await self.leases.renew(), 0
        rows = await self.triage.fetch(TIMERS["earliest"], sorted(held))
        lanes = {row["lane"]: held[row["lane"]] for row in rows if row["due"] <= now}
        upto: dict[int, int] = {}
        while lanes:
            done = await self.turns.turn(Held(self.holder, lanes), now, upto)
            recorded += sum(found.recorded for found in done.values())
            upto = {lane: found.head for lane, found in done.items()}
            lanes = {lane: held[lane] for lane, found in done.items() if found.woken}
        return recorded

    async def at(self, now: datetime) -> int:
        """The desk at an instant: events first, then what is due, until neither is left."""
        recorded = 0
        while True:
            await self.digest()
            fresh = await self.wake(now)
            recorded += fresh
            if not fresh:
                return recorded

    async def facts(self, ticket: UUID) -> list[Recorded[Event]]:
        """What timers recorded of a ticket."""
        return [event for event in await read_stream(self.intake, ticket) if event.type.startswith(FACTS)]

    async def said(self, ticket: UUID) -> list[str]:
        """The same as "breached first_reply/1"; of promises only what became of them."""
        return [
            f"{event.type.partition('.')[2]} {getattr(event.data, 'cycle', '')}".strip()
            for event in await self.facts(ticket)
        ]

    async def due(self, ticket: UUID) -> datetime | str | None:
        """When a ticket wakes; "parked", or None where it has no row."""
        row = await self.triage.fetchrow("SELECT due FROM triage.wake_ups WHERE ticket = $1", ticket)
        return None if row is None else row["due"] or "parked"


def share(lane: int, events: Sequence[Recorded[Event]]) -> Share:
    """All of these events, which follow a cursor."""
    return Share(
        lane=lane,
        after=events[0].position - 1,
        upto=events[-1].position,
        events=events,
        parents=[None] * len(events),
        ignored=(),
        occurred_at=max(event.occurred_at for event in events),
        recorded_at=events[-1].recorded_at,
    )


async def timers_desk(intake: Pool, triage: Pool, settings: Any, **more: Any) -> TimersDesk:
    return TimersDesk(intake, vault_on(intake, settings), triage=triage, **more)


__all__ = ["ALWAYS", "HOUR", "MINUTE", "NOON", "OFFICE", "TimersDesk", "timers_desk"]
