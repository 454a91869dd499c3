"""The catalogue of events -> one AsyncAPI 3.0 document: a channel and a message for each event type. Pure.

It describes the bus as a subscriber meets it: subjects, CloudEvents headers in binary mode, payloads by their schemas.
"""

from __future__ import annotations

from typing import Any

from contracts import subjects
from contracts.catalogue import EVENTS
from contracts.model import Event
from services.published.schemas import described, envelope_schema, event_file

DESCRIPTION = f"""\
Everything that happens to a ticket is one event in an append-only log; the bus carries each of them in order.
Consume the JetStream stream {subjects.STREAM}.
Events of one lane (0 to {subjects.LANES - 1}) arrive in the order of the log.
`Nats-Msg-Id` is `<lane>:<position>` and positions have no gaps.
What is missing is fetched from the HTTP feed.
`ce-sequence` counts every event of a client from 1 without gaps. Personal values are sealed.
"""


def document(version: str) -> dict[str, Any]:
    """The AsyncAPI document of this version of Daybook."""
    events = [EVENTS[name] for name in sorted(EVENTS)]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Daybook events",
            "version": version,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "bus": {
                "host": "127.0.0.1:8422",
                "protocol": "nats",
                "description": "The embedded NATS; DAYBOOK_NATS_URL names another one.",
            }
        },
        "channels": {event.type: _channel(event) for event in events},
        "operations": {event.type: _operation(event) for event in events},
        "components": {
            "messages": {_message_id(event): _message(event) for event in events},
            "messageTraits": {"cloudEvent": {"headers": _headers()}},
            "parameters": _parameters(),
        },
    }


def _message_id(event: type[Event]) -> str:
    return f"{event.type}.v{event.schema_version}"


def _channel(event: type[Event]) -> dict[str, Any]:
    reference = f"#/components/messages/{_message_id(event)}"
    return {
        "address": f"daybook.{{lane}}.{{client}}.{event.type}.{{stream}}",
        **_said("description", event),
        "messages": {_message_id(event): {"$ref": reference}},
        "parameters": {name: {"$ref": f"#/components/parameters/{name}"} for name in _parameters()},
    }


def _said(key: str, event: type[Event]) -> dict[str, str]:
    text = described(event)
    return {key: text} if text else {}


def _operation(event: type[Event]) -> dict[str, Any]:
    channel = f"#/channels/{event.type}"
    return {
        "action": "send",
        "channel": {"$ref": channel},
        "summary": f"Daybook tells {event.type}.",
        "messages": [{"$ref": f"{channel}/messages/{_message_id(event)}"}],
    }


def _message(event: type[Event]) -> dict[str, Any]:
    return {
        "name": event.type,
        "title": event.__name__,
        **_said("summary", event),
        "contentType": "application/json",
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "payload": {"$ref": f"./schemas/{event_file(event)}"},
    }


def _headers() -> dict[str, Any]:
    """CloudEvents attributes in binary mode: `ce-` before the attribute's name, every value a string."""
    envelope = envelope_schema()
    properties: dict[str, Any] = {
        "Nats-Msg-Id": {"type": "string", "description": "<lane>:<position>, the event's place in the log"},
        "traceparent": {"type": "string", "description": "W3C trace context of the publishing, where it is traced"},
    }
    for name, attribute in envelope["properties"].items():
        if name != "data":
            meaning = {"description": attribute["description"]} if "description" in attribute else {}
            properties[f"ce-{name}"] = {"type": "string", **meaning}
    required = [f"ce-{name}" for name in envelope["required"] if name != "data"]
    return {"type": "object", "properties": properties, "required": ["Nats-Msg-Id", *required]}


def _parameters() -> dict[str, Any]:
    return {
        "lane": {"description": f"0 to {subjects.LANES - 1}; every event of a client is in one lane"},
        "client": {"description": "the client's slug; _desk for what belongs to the desk itself"},
        "stream": {"description": "the stream's id, 32 hexadecimal digits: a ticket's, person's or incident's"},
    }
