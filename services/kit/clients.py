"""A client's configuration: read from its stream, and put there. I/O; `decide_client` is pure.

The API, `daybook clients apply` and the import all register clients here, so a prefix is claimed once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from contracts.clients import ClientChanged, ClientRegistered, PutClient, Tier
from contracts.envelope import Origin
from contracts.model import Event
from contracts.subjects import client_stream, lane_of_client
from services.kit.log.append import Append, Appended, NewEvent, NotAppended, append_in
from services.kit.log.read import read_stream
from services.kit.postgres import Connection, Pool, queries
from services.kit.refused import Refused

SQL = queries("services/kit/sql/clients.sql")


@dataclass(frozen=True, slots=True)
class Client:
    """A client as its stream tells. `version` is that of the stream."""

    id: str
    name: str
    prefix: str
    zone: str
    tier: Tier
    languages: tuple[str, ...]
    practice: bool
    version: int


@dataclass(frozen=True, slots=True)
class Author:
    """Who puts a client, and what is written beside it: ids, origin, time (None: now) and trace."""

    actor: str
    new_id: Callable[[], UUID]
    origin: Origin = Origin.LIVE
    occurred_at: datetime | None = None
    trace: str | None = None


async def find_client(reader: Connection | Pool, slug: str) -> Client | None:
    """The client of this slug, as of now; None where nobody registered it."""
    client: Client | None = None
    for event in await read_stream(reader, client_stream(slug)):
        match event.data:
            case ClientRegistered() | ClientChanged() as told:
                client = Client(
                    id=slug,
                    name=told.name,
                    prefix=told.prefix,
                    zone=told.zone,
                    tier=told.tier,
                    languages=told.languages,
                    practice=told.practice,
                    version=event.version,
                )
            case _ if client is not None:  # its calendars and policies stand in the same stream
                client = replace(client, version=event.version)
    return client


async def client_of_prefix(reader: Connection | Pool, prefix: str) -> str | None:
    """Whose references start with this prefix."""
    found: str | None = await reader.fetchval(SQL["client_of_prefix"], prefix)
    return found


def decide_client(
    slug: str, command: PutClient, known: Client | None, *, bears_tickets: bool
) -> ClientRegistered | ClientChanged | None:
    """The event that makes the client what the command says; None where it is that already. Raises Refused. Pure."""
    _refuse_unknown_zone(command.zone)
    kind = ClientRegistered if known is None else ClientChanged
    event = kind(client=slug, **{name: getattr(command, name) for name in PutClient.model_fields})
    if known is None:
        return event
    if known.prefix != command.prefix and bears_tickets:
        raise Refused("prefix_in_use", f"tickets of {slug} bear the prefix {known.prefix} for good", "prefix")
    same = all(getattr(known, name) == getattr(command, name) for name in PutClient.model_fields)
    return None if same else event


def _refuse_unknown_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refused("unknown_zone", f"{zone!r} is not an IANA time zone", "zone") from None


async def put_client(
    connection: Connection, slug: str, command: PutClient, author: Author
) -> tuple[Client, Appended | None]:
    """Registers or changes a client in a transaction of its own; without news nothing is written. Raises Refused,
    and Conflict where somebody put the same client at the same moment."""
    async with connection.transaction():
        known = await find_client(connection, slug)
        bears = bool(await connection.fetchval(SQL["bears_tickets"], lane_of_client(slug), slug))
        event = decide_client(slug, command, known, bears_tickets=bears)
        if event is None:
            assert known is not None  # noqa: S101  an unknown client is always news
            return known, None
        if await connection.fetchval(SQL["claim_prefix"], command.prefix, slug) != slug:
            raise Refused("prefix_taken", f"the prefix {command.prefix} belongs to another client", "prefix")
        version = 1 + (known.version if known else 0)
        result = await append_to_client(connection, slug, version, event, author)
    return Client(slug, **command.model_dump(), version=version), result


async def append_to_client(connection: Connection, slug: str, version: int, event: Event, author: Author) -> Appended:
    """Appends one event to a client's own stream, in the transaction that is open. Raises Conflict where somebody was
    quicker."""
    new = NewEvent(
        id=author.new_id(),
        stream=client_stream(slug),
        version=version,
        data=event,
        actor=author.actor,
        origin=author.origin,
        occurred_at=author.occurred_at,
        trace=author.trace,
    )
    (result,) = await append_in(connection, [Append(slug, [new])])
    if isinstance(result, NotAppended):
        raise result
    return result
