"""Every event type of Daybook by its name, and how its stored bytes become an event again. Pure.

Event versions only grow. An upcaster lifts the JSON of one version to the next; what is stored is never rewritten.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from contracts import (
    articles,
    calendars,
    clients,
    deliveries,
    incidents,
    learning,
    people,
    policies,
    routes,
    similarity,
    sla,
    tickets,
)
from contracts.model import Event, Seal

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


def _events_of(*modules: object) -> dict[str, type[Event]]:
    found: dict[str, type[Event]] = {}
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Event) and "type" in value.__dict__:
                found[value.type] = value
    return found


EVENTS: Final[Mapping[str, type[Event]]] = _events_of(
    tickets, sla, clients, calendars, policies, routes, people, incidents, articles, deliveries, similarity, learning
)


def _suspected_2(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 named the tickets of a suspicion, but neither their clients one by one nor its signs in numbers."""
    members = [{"ticket": ticket, "client": "", "at": data["first_seen_at"]} for ticket in data["tickets"]]
    return {**data, "signs": [], "members": members, "desk_clients": 0}


def _said_less(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 lacked what version 2 may leave out."""
    return data


UPCASTERS: Final[Mapping[tuple[str, int], Upcaster]] = {
    ("incident.suspected", 1): _suspected_2,
    ("ticket.classified", 1): _said_less,
    ("ticket.classified", 2): _said_less,
    ("ticket.prioritised", 1): _said_less,
    ("ticket.category_set", 1): _said_less,
    ("model.set", 1): _said_less,
    ("ticket.escalated", 1): _said_less,
    ("incident.updated", 1): _said_less,
    ("ticket.assigned", 1): _said_less,
    ("agent.registered", 1): _said_less,
    ("agent.changed", 1): _said_less,
}
"""(type, version) -> the function that lifts that version's JSON to the next version's."""


class UnknownEvent(ValueError):
    """The log holds a type or version that this program does not know: it is older than the log."""


def encode(event: Event, seal: Seal | None = None) -> bytes:
    """The event's JSON as it is stored, hashed and sent; what says nothing (None) is left out.

    With `seal`, every personal value that is still plain is sealed.
    """
    context = None if seal is None else {"seal": seal}
    return event.__pydantic_serializer__.to_json(event, exclude_none=True, context=context)


def decode(event_type: str, schema_version: int, payload: bytes) -> Event:
    """The event of stored bytes, lifted to the newest version. Raises UnknownEvent, or pydantic's ValidationError."""
    model = EVENTS.get(event_type)
    if model is None or schema_version > model.schema_version:
        raise UnknownEvent(f"{event_type} version {schema_version} is not known here; run a newer Daybook")
    if schema_version == model.schema_version:
        event: Event = model.__pydantic_validator__.validate_json(payload)
        return event
    data = json.loads(payload)
    for version in range(schema_version, model.schema_version):
        data = UPCASTERS[event_type, version](data)
    return model.model_validate(data)
