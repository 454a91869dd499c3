"""(Who the log knows, wrapped keys) -> whose text is lost though nobody erased them, or still there though somebody
did. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from services.kit.keyring import MasterKeys, opened
from services.kit.log.read import Reader
from services.kit.log.walk import Fault, Walk
from services.kit.postgres import queries

SQL = queries("services/proving/sql/proving.sql")


async def people_faults(reader: Reader, walk: Walk, keys: MasterKeys | None) -> list[Fault]:
    """What is wrong with the keys of one lane's people. `keys` None: nobody here can open them."""
    wrapped = {row["person"]: row["wrapped"] for row in await reader.fetch(SQL["keys"], walk.lane)}
    gone = [person for person in walk.people if person not in wrapped and person not in walk.erased]
    if gone:  # perhaps erased since the walk began
        rows = await reader.fetch(SQL["erased_since"], walk.lane, gone)
        walk.erased.update((row["stream"], 0) for row in rows)
    return key_faults(walk, wrapped, keys)


def key_faults(walk: Walk, wrapped: Mapping[UUID, bytes], keys: MasterKeys | None) -> list[Fault]:
    """Keys that are missing, keys that should be, and keys that no master key opens. Pure."""
    faults = [
        Fault(walk.lane, position, "the key of the person registered here is gone, and nobody erased them")
        for person, position in walk.people.items()
        if person not in wrapped and person not in walk.erased
    ]
    faults += [
        Fault(walk.lane, position, "the key of the person erased here is still there: erase them again")
        for person, position in walk.erased.items()
        if person in wrapped
    ]
    if keys is not None:
        faults += [
            Fault(walk.lane, walk.people.get(person, 0), f"no master key opens the key of person {person}")
            for person, box in wrapped.items()
            if not any(opened(key, person.bytes, box) for key in keys if key is not None)
        ]
    return faults
