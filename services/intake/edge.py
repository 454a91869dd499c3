"""Events that were decided -> an append, with who, when and why around them. I/O: the append alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic_core import PydanticSerializationError

from contracts.catalogue import encode
from contracts.envelope import Actor, Origin
from contracts.model import Event, Seal, refuse_plain
from contracts.ticket_state import Held
from services.intake.call import Call, may_come_again
from services.intake.clients import Clients
from services.intake.requesters import Requesters
from services.kit.client_terms import ClientTerms
from services.kit.clients import Client
from services.kit.clock import Clock
from services.kit.log.append import Append, Appended, Appender, NewEvent
from services.kit.personal import Vault
from services.kit.postgres import Pool
from services.kit.refused import Refused
from services.kit.web.patience import DATABASE_AWAY, NEVER_SENT, OutcomeUnknown


@dataclass(frozen=True, slots=True)
class Edge:
    """What intake's handlers work with; one per process. `address` is the desk's, `secret` signs guests' links."""

    pool: Pool
    appender: Appender
    vault: Vault
    clients: Clients
    requesters: Requesters
    terms: ClientTerms
    clock: Clock
    log_clock: bool
    new_id: Callable[[], UUID]
    address: str
    secret: bytes
    committed: Callable[[Iterable[int]], None]
    """Pokes the relay after a commit that the appender did not make."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What all events of one command share. `occurred_at` None: the database's clock says."""

    actor: str
    origin: Origin
    occurred_at: datetime | None
    trace: str | None


def instant(edge: Edge, call: Call) -> datetime:
    """When a command happens: now by the clock, or where the log tells the time the instant that a demo brings."""
    if not edge.log_clock or call.told_at is None:
        return edge.clock.now()
    edge.clock.advance(call.told_at)
    return call.told_at


def stamp(edge: Edge, call: Call, client: Client | None = None, ticket: Held | None = None) -> Stamp:
    """Who, where from and when. Only live events act outside: a practice client's or demo ticket's never become so."""
    caller = call.caller
    origin = caller.origin
    if client is not None and client.practice:
        origin = Origin.PRACTICE
    elif origin is Origin.LIVE and ticket is not None and ticket.origin in {Origin.DEMO, Origin.PRACTICE}:
        origin = Origin(ticket.origin)
    occurred_at = None
    if edge.log_clock:
        now = instant(edge, call)
        occurred_at = now if ticket is None else max(now, ticket.updated_at)
    guest = ticket is not None and call.guest_key is not None
    actor = str(Actor("requester", str(ticket.requester))) if ticket is not None and guest else caller.actor
    return Stamp(actor, origin, occurred_at, call.trace)


def new_events(
    edge: Edge, by: Stamp, stream: UUID, after: int, events: Sequence[Event], seal: Seal | None
) -> list[NewEvent]:
    """Events of one stream, numbered on from the version that was read."""
    return [
        NewEvent(
            id=edge.new_id(),
            stream=stream,
            version=version,
            data=event,
            actor=by.actor,
            seal=seal,
            origin=by.origin,
            occurred_at=by.occurred_at,
            trace=by.trace,
        )
        for version, event in enumerate(events, after + 1)
    ]


def sealer(edge: Edge, person: UUID) -> Seal:
    """Seals to a person whose key is at hand. Raises Refused where it was erased."""
    try:
        return edge.vault.sealer(person)
    except KeyError:
        raise Refused("erased", "the data of this person was erased, nothing can be kept for them") from None


async def sealing(edge: Edge, call: Call, author: UUID, events: Sequence[Event]) -> Seal | None:
    """Seals to whose words they are. A ticket of somebody who was erased can still be worked: what an agent says of it
    is sealed to the agent, and events without words need no key. Raises Refused for words that no key can seal."""
    with suppress(KeyError):
        return edge.vault.sealer(author)
    agent = call.caller.agent
    if agent is not None:
        await edge.vault.load([agent])
        return sealer(edge, agent)
    for event in events:
        try:
            encode(event, refuse_plain)
        except PydanticSerializationError:
            sealer(edge, author)
    return None


async def write(edge: Edge, append: Append) -> Appended:
    """Appends durably. Raises what the appender raises, and OutcomeUnknown where nobody can tell and a second try could
    do it twice: without a key of the caller's."""
    try:
        return await edge.appender.append(append)
    except NEVER_SENT:
        raise
    except DATABASE_AWAY as error:
        if not may_come_again(append.command):
            raise OutcomeUnknown("the database was lost while it wrote") from error
        raise
    except asyncio.CancelledError:  # the caller's time is over, and the database may write it all the same
        if not may_come_again(append.command):
            raise OutcomeUnknown("the database did not answer in time") from None
        raise
