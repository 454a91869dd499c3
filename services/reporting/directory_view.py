"""Events of one lane -> who is who: clients, requesters, agents. Names stay sealed. I/O.

These events are rare beside those of tickets, so each is written by a statement of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

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

    async def apply(self, lane: int, events: Sequence[Recorded[Event]], connection: Connection) -> None:
        """Digests events of a lane, in order. What was digested before changes nothing."""
        for event in events:
            match event.data:
                case ClientRegistered() | ClientChanged() as data:
                    await connection.execute(
                        SQL["put_client"], lane, data.client, event.version, data.name, data.prefix, data.zone,
                        data.tier.value, data.languages, data.practice, event.occurred_at,
                    )  # fmt: skip
                case PersonRegistered(name=name, address=address):
                    stored = stored_text(address) if address else None
                    await connection.execute(
                        SQL["put_person"], lane, event.stream, event.client, event.version, stored_text(name), stored
                    )
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
