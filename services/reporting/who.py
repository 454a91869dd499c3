"""Actors and ids -> names, as the directory holds them. Pure; personal values stay sealed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from contracts.envelope import Actor
from services.kit.references import read_id


class Known(NamedTuple):
    """A person or agent: name and address as the event holds them."""

    name: Any
    address: Any


class Names(NamedTuple):
    """Who somebody is, by id. Agents are the desk's people, persons the client's."""

    persons: Mapping[UUID, Known]
    agents: Mapping[UUID, Known]

    def of(self, actor: str) -> Any:
        """The name of an event's actor: a person's, an agent's, or a service's own; None for a program."""
        kind, name = Actor.parse(actor)
        match kind:
            case "agent":
                return _name(self.agents, name)
            case "requester":
                return _name(self.persons, name)
            case "system":
                return name
            case _:
                return None


def _name(known: Mapping[UUID, Known], identifier: str) -> Any:
    found = known.get(read_id(identifier) or UUID(int=0))
    return found.name if found else None
