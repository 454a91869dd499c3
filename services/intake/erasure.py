"""A person -> `person.erased`, and nothing left of them that intake holds: their key goes in the same transaction. I/O.

What was sealed with the key can't be read any more, in the log and in exports made from now on; processes that hold
the key opened hear of it within services.kit.personal.HEARD_SECONDS. Reporting and notification delete what is theirs
when they see the event. The row of the event stays, and with it counts, times and the hash chain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contracts.model import DESK
from contracts.people import PersonErased
from contracts.subjects import lane_of
from services.intake.edge import Stamp
from services.kit.log.append import Append, NewEvent, NotAppended, append_in
from services.kit.postgres import Connection, Pool, queries

SQL = queries("services/intake/sql/erasure.sql")
INTAKE_SQL = queries("services/intake/sql/intake.sql")


@dataclass(frozen=True, slots=True)
class Erased:
    """An erasure that stands in the log. `now`: this call has brought it about."""

    person: UUID
    lane: int
    position: int
    sequence: int
    at: datetime
    now: bool


async def client_of(reader: Pool | Connection, person: UUID) -> str | None:
    """Whose person it is, erased or not; None where there never was one, or where the id is of something else."""
    client: str | None = await reader.fetchval(SQL["client_of"], lane_of(person), person)
    return client


async def erase(
    connection: Connection, *, person: UUID, client: str, by: Stamp, new_id: Callable[[], UUID]
) -> Erased | None:
    """Erases a person in a transaction of its own. Who is erased stays so; None where there is nobody to erase.

    A key that is missing without an erasure, or there in spite of one (files of two backups were mixed), is put right.
    Raises Conflict where their stream grew meanwhile, and Backwards where the clock is behind it."""
    lane = lane_of(person)
    async with connection.transaction():
        held = await connection.fetchval(SQL["lock"], lane, person) is not None
        before = await connection.fetchrow(SQL["erased"], lane, person)
        if before is not None:
            erased = Erased(person, lane, before["position"], before["sequence"], before["recorded_at"], now=False)
            if held:
                await _forget(connection, client, erased)
            return erased
        version: int = await connection.fetchval(INTAKE_SQL["version"], lane, person)
        if not held and not version:
            return None
        event = NewEvent(
            id=new_id(),
            stream=person,
            version=version + 1,
            data=PersonErased(person=person),
            actor=by.actor,
            origin=by.origin,
            occurred_at=by.occurred_at,
            trace=by.trace,
        )
        (appended,) = await append_in(connection, [Append(client, [event])])
        if isinstance(appended, NotAppended):
            raise appended
        erased = Erased(person, lane, appended.position, appended.sequence, appended.recorded_at, now=True)
        await _forget(connection, client, erased)
    return erased


async def _forget(connection: Connection, client: str, erased: Erased) -> None:
    person = erased.person
    await connection.execute(SQL["forget_key"], erased.lane, person)
    await connection.execute(SQL["note"], erased.lane, person, erased.position, erased.at)
    await connection.execute(SQL["forget_files"], person)
    await connection.execute(SQL["empty_quarantine"], person)
    if client == DESK:
        await connection.execute(SQL["forget_login"], person)
        await connection.execute(INTAKE_SQL["end_sessions"], person)
        await connection.execute(SQL["forget_sessions"], person)
