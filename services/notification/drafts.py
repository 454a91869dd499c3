"""Rows of the outbox -> drafts: letters in full, with recipient and headers, or why none can be written. I/O: reads.

What a letter says is read from the log when it is sent, and opened here: the last promise counts, and of an erased
person nothing is left to write to.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from contracts import tickets as tell
from contracts.calendars import Calendar
from contracts.clients import ClientChanged, ClientRegistered
from contracts.deliveries import Letter
from contracts.envelope import Origin, Recorded
from contracts.model import Event, Personal, Seal, Sealed
from contracts.people import AgentChanged, AgentRegistered, PersonRegistered
from contracts.sla import AgentNotified
from contracts.subjects import client_stream, lane_of, named_stream
from services.kit.guests import guest_key, track_url
from services.kit.log.read import Reader, recorded
from services.kit.personal import ERASED, Vault
from services.kit.postgres import queries
from services.kit.telemetry import describe, log_message, span
from services.notification.dates import written
from services.notification.hours import Hours, calendar_of, week_of
from services.notification.letters import About, Letters, Written, language_for, one_line

SQL = queries("services/notification/sql/outbox.sql")
LOG = logging.getLogger("daybook.notification")

FAULT: Final = "fault"
"""The code of a letter that could not be written, for a reason that nobody foresaw."""

LETTER_OF: Final = {
    "receipt": Letter.RECEIPT,
    "reply": Letter.REPLY,
    "resolution": Letter.REPLY,
    "notice": Letter.NOTICE,
}

SAMPLED: Final = "-01"
"""How a traceparent ends whose spans are kept."""

Client = ClientRegistered | ClientChanged
Events = Sequence[Recorded[Event]]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the outbox: which event asks for which letter."""

    stream: UUID
    """The delivery's own stream: one effect of one event has one."""
    lane: int
    event: UUID
    effect: str
    ticket: UUID
    client: str
    origin: str
    trace: str | None
    occurred_at: datetime
    attempts: int
    doubts: int
    doubtful: bool = False
    """The mail server was asked before, and nobody knows what came of it."""

    @classmethod
    def of(cls, record: asyncpg.Record) -> Row:
        """A row of the queries `take` and `claim`."""
        stream = named_stream(record["client"], "delivery", f"{record['event']}:{record['effect']}")
        return cls(stream, *record)


@dataclass(frozen=True, slots=True)
class Draft:
    """A letter ready to go. Address, name and the letter itself are a person's: they are never logged."""

    row: Row
    person: UUID
    reference: str
    address: str
    name: str
    language: str
    letter: Written
    message_id: str
    headers: Mapping[str, str]
    seal: Seal


@dataclass(frozen=True, slots=True)
class NoDraft:
    """A letter that is not written. `code` is no_address, erased, sandbox, told: the log knows its end, or fault."""

    row: Row
    person: UUID | None
    code: str


@dataclass(frozen=True, slots=True)
class Known:
    """What a letter is about, as the log has it; the calendar in force where the letter tells of hours."""

    events: Events
    birth: tell.TicketSubmitted
    client: Client | None
    calendar: Calendar | None = None


@dataclass(frozen=True, slots=True)
class House:
    """What the desk's letters have in common."""

    address: str
    """Where links lead."""
    mail_domain: str
    """What the sender's address and Message-IDs end in."""
    session_secret: bytes


class Drafts:
    """Writes the letters of a batch with two reads of the log."""

    def __init__(self, vault: Vault, letters: Letters, house: House) -> None:
        self._vault = vault
        self._letters = letters
        self._house = house
        self._hours = Hours()

    async def write(self, reader: Reader, rows: Sequence[Row]) -> list[Draft | NoDraft]:
        """A draft for each row, in order. What can't be written is a fault, and holds no other."""
        try:
            return await self._write(reader, rows)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            raise
        except Exception as error:  # noqa: BLE001  any row may bring it: an event, a template, a zone
            if len(rows) > 1:
                return [draft for row in rows for draft in await self.write(reader, [row])]
            log_message(LOG, "letter_fault", logging.ERROR, event=rows[0].event, error=describe(error))
            return [NoDraft(rows[0], None, FAULT)]

    async def _write(self, reader: Reader, rows: Sequence[Row]) -> list[Draft | NoDraft]:
        tickets = _by_stream(
            await reader.fetch(
                SQL["tickets"], [row.lane for row in rows], [row.ticket for row in rows], [row.event for row in rows]
            )
        )
        births = {ticket: _birth(events) for ticket, events in tickets.items()}
        clients = {client: client_stream(client) for client in {row.client for row in rows}}
        people = {_person(row, tickets[row.ticket], births[row.ticket]) for row in rows}
        streams = people | set(clients.values()) | {row.stream for row in rows}
        around = _by_stream(await reader.fetch(SQL["around"], [lane_of(stream) for stream in streams], list(streams)))
        terms = {client: _newest_client(around.get(stream, ())) for client, stream in clients.items()}
        await self._vault.load(people)
        hours = await self._hours.take(reader, {row.client for row in rows if row.effect == "receipt"})
        drafts = []
        for row in rows:
            with _traced(row):
                open_at = calendar_of(hours[row.client], row.occurred_at) if row.effect == "receipt" else None
                known = Known(tickets[row.ticket], births[row.ticket], terms[row.client], open_at)
                drafts.append(self._draft(row, known, around))
        return drafts

    def _draft(self, row: Row, told: Known, around: Mapping[UUID, Events]) -> Draft | NoDraft:
        events, birth, client = told.events, told.birth, told.client
        person = _person(row, events, birth)
        known = around.get(person, ())
        if row.stream in around:
            return NoDraft(row, person, "told")
        if client is not None and client.practice and row.origin != Origin.DEMO:
            return NoDraft(row, person, "sandbox")
        who = known[-1].data if known else None
        if not isinstance(who, PersonRegistered | AgentRegistered | AgentChanged) or who.address is None:
            return NoDraft(row, person, "no_address")
        address = self._vault.open(who.address)
        if address == ERASED:
            return NoDraft(row, person, "erased")
        name = one_line(self._vault.open(who.name))
        language = language_for(birth.language, client.languages if client else ())
        zone = client.zone if client else "Etc/UTC"
        reference = f"{birth.prefix}-{events[0].number}"
        about = self._about(row, told, reference, name, zone, language)
        return Draft(
            row=row,
            person=person,
            reference=reference,
            address=address,
            name=name,
            language=language,
            letter=self._letters.write(row.effect, language, about),
            message_id=self._message_id(row.event, row.effect),
            headers=self._headers(row, events[0], reference),
            seal=self._vault.sealer(person),
        )

    def _about(self, row: Row, told: Known, reference: str, name: str, zone: str, language: str) -> About:
        events, birth = told.events, told.birth
        notice = _notice(row, events)
        if notice is not None:  # no word of the requester's: it would outlive them in an agent's letters
            due, link = written(notice.due_at, zone, language), f"{self._house.address}/tickets/{reference}"
            return About(reference=reference, subject="", link=link, name=name, due=due, metric=notice.metric)
        promise = _promise(events)
        key = guest_key(self._house.session_secret, row.ticket)
        return About(
            reference=reference,
            subject=self._vault.open(birth.subject),
            link=track_url(self._house.address, row.client, reference, key),
            name=name,
            due=None if promise is None else written(promise.due_at, zone, language),
            next=None if promise is None or promise.text is None else self._vault.open(promise.text),
            body=self._vault.open(_words(row, events)),
            hours="" if told.calendar is None else week_of(told.calendar, language),
        )

    def _message_id(self, event: UUID, effect: str) -> str:
        """The same for every attempt, so that a receiver drops a second copy."""
        return f"<{event.hex}.{effect}@{self._house.mail_domain}>"

    def _headers(self, row: Row, birth: Recorded[Event], reference: str) -> dict[str, str]:
        """RFC 5322 headers beside recipient, subject and date. Later letters of a ticket follow its receipt."""
        headers = {
            "From": f"{row.client}@{self._house.mail_domain}",
            "Message-ID": self._message_id(row.event, row.effect),
            "X-Daybook-Ticket": reference,
        }
        if row.effect in {"receipt", "notice"}:
            headers["Auto-Submitted"] = "auto-generated"
        elif birth.origin in {Origin.LIVE, Origin.DEMO}:
            headers["In-Reply-To"] = headers["References"] = self._message_id(birth.id, "receipt")
        return headers


def _traced(row: Row) -> AbstractContextManager[object]:
    """A span of the trace that asked for the letter, where somebody records it; otherwise it would cost for nothing."""
    if row.trace is None or not row.trace.endswith(SAMPLED):
        return nullcontext()
    return span("letter", parent=row.trace, attributes={"daybook.effect": row.effect})


def _by_stream(rows: Iterable[Any]) -> dict[UUID, Events]:
    found: dict[UUID, list[Recorded[Event]]] = defaultdict(list)
    for event in recorded(rows):
        found[event.stream].append(event)
    return dict(found)


def _notice(row: Row, events: Events) -> AgentNotified | None:
    """What a notice is about; None for every other letter."""
    told = next((event.data for event in events if event.id == row.event), None)
    return told if isinstance(told, AgentNotified) else None


def _person(row: Row, events: Events, birth: tell.TicketSubmitted) -> UUID:
    """Whom a letter is for."""
    told = _notice(row, events)
    return birth.requester if told is None else told.agent


def _birth(events: Events) -> tell.TicketSubmitted:
    data = events[0].data
    if not isinstance(data, tell.TicketSubmitted):
        raise TypeError(f"stream {events[0].stream} begins with {events[0].type}, not with a ticket")
    return data


def _newest_client(events: Events) -> Client | None:
    data = events[-1].data if events else None
    return data if isinstance(data, ClientRegistered | ClientChanged) else None


def _promise(events: Events) -> tell.CheckpointPromised | None:
    """The promise in force: the last one, unless the ticket ended after it."""
    last = next((event.data for event in reversed(events) if event.type in PROMISE_OR_END), None)
    return last if isinstance(last, tell.CheckpointPromised) else None


PROMISE_OR_END: Final = frozenset({"ticket.checkpoint_promised", "ticket.resolved", "ticket.closed"})


def _words(row: Row, events: Events) -> Personal:
    """What the desk said, where the letter brings it."""
    said = next(event.data for event in events if event.id == row.event)
    match said:
        case tell.ReplySent(body=body):
            return body
        case tell.TicketResolved(summary=str() | Sealed() as summary):
            return summary
        case _:
            return ""
