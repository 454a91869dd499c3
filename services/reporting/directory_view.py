"""Events of some lanes -> who is who: clients, requesters, agents. Names stay sealed. I/O.

New requesters come with every other ticket and are written together; the other events are rare beside those of tickets,
so each is written by a statement of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from uuid import UUID

from contracts.clients import ClientChanged, ClientRegistered
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.people import AgentChanged, AgentDeactivated, AgentRegistered, PersonErased, PersonRegistered
from services.kit.personal import ERASED
from services.kit.postgres import Connection, queries
from services.reporting.line import stored_text

SQL = queries("services/reporting/sql/directory_write.sql")


class DirectoryView:
    """Keeps clients, requesters and agents."""

    name = "directory"

    async def apply(self, batch: Mapping[int, Sequence[Recorded[Event]]], connection: Connection) -> None:
        """Digests events of some lanes, each in order. What was digested before changes nothing."""
        people: dict[UUID, tuple[object, ...]] = {}
        for event in chain.from_iterable(batch.values()):
            match event.data:
                case PersonRegistered(name=name, address=address):
                    stored = stored_text(address) if address else None
                    people[event.stream] = (
                        event.lane, event.stream, event.client, event.version, stored_text(name), stored
                    )  # fmt: skip
                case PersonErased():
                    await _put_people(people, connection)
                    await _put(event, connection)
                case _:
                    await _put(event, connection)
        await _put_people(people, connection)


async def _put_people(people: dict[UUID, tuple[object, ...]], connection: Connection) -> None:
    """Writes the requesters so far, and lets go of them."""
    if people:
        await connection.execute(SQL["put_people"], *zip(*people.values(), strict=True))
        people.clear()


async def _put(event: Recorded[Event], connection: Connection) -> None:
    lane = event.lane
    match event.data:
        case ClientRegistered() | ClientChanged() as data:
            await connection.execute(
                SQL["put_client"], lane, data.client, event.version, data.name, data.prefix, data.zone,
                data.tier.value, data.languages, data.practice, event.occurred_at,
            )  # fmt: skip
        case AgentRegistered() | AgentChanged() as data:
            await connection.execute(
                SQL["put_agent"], lane, event.stream, event.version, stored_text(data.name),
                stored_text(data.address), data.role.value, data.level.value, data.teams, data.clients,
            )  # fmt: skip
        case AgentDeactivated():
            await connection.execute(SQL["deactivate_agent"], lane, event.stream, event.version)
        case PersonErased(person=person):
            for forget in ("forget_person", "forget_agent"):
                await connection.execute(SQL[forget], lane, person, event.version, stored_text(ERASED))
        case _:
            pass
