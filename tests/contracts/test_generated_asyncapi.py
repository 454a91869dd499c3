"""asyncapi.yaml has the structure that AsyncAPI 3.0 asks for, and every reference in it leads somewhere. No network.

STRUCTURE is the part of the specification's own schema that the document uses, closed against anything else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema_rs
import pytest
import yaml

from contracts.catalogue import EVENTS
from contracts.envelope import CloudEvent
from contracts.subjects import subject
from services.kit.bus.message import Stored, headers_of

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"

TEXT = {"type": "string", "minLength": 1}
REFERENCE = {"type": "object", "required": ["$ref"], "properties": {"$ref": TEXT}, "additionalProperties": False}


def _closed(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _named(value: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": r"^[\w.-]+$"},
        "additionalProperties": value,
    }


MESSAGE = _closed(
    {
        **dict.fromkeys(("name", "title", "summary", "contentType"), TEXT),
        "traits": {"type": "array", "items": REFERENCE},
        "payload": REFERENCE,
    },
    *("name", "contentType", "payload"),
)
CHANNEL = _closed(
    {"address": TEXT, "description": TEXT, "messages": _named(REFERENCE), "parameters": _named(REFERENCE)},
    *("address", "messages", "parameters"),
)
OPERATION = _closed(
    {
        "action": {"enum": ["send", "receive"]},
        "channel": REFERENCE,
        "summary": TEXT,
        "messages": {"type": "array", "items": REFERENCE, "minItems": 1},
    },
    *("action", "channel", "messages"),
)
STRUCTURE = _closed(
    {
        "asyncapi": {"const": "3.0.0"},
        "info": _closed(
            {"title": TEXT, "version": TEXT, "description": TEXT, "license": _closed({"name": TEXT}, "name")},
            *("title", "version"),
        ),
        "defaultContentType": {"const": "application/json"},
        "servers": _named(
            _closed({"host": TEXT, "protocol": {"const": "nats"}, "description": TEXT}, "host", "protocol")
        ),
        "channels": _named(CHANNEL),
        "operations": _named(OPERATION),
        "components": _closed(
            {
                "messages": _named(MESSAGE),
                "messageTraits": _named(_closed({"headers": {"type": "object"}}, "headers")),
                "parameters": _named(_closed({"description": TEXT})),
            }
        ),
    },
    *("asyncapi", "info", "channels", "operations", "components"),
)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((CONTRACTS / "asyncapi.yaml").read_text())
    return loaded


def test_the_document_has_the_structure_of_asyncapi_3(document: dict[str, Any]) -> None:
    errors = [str(error) for error in jsonschema_rs.validator_for(STRUCTURE).iter_errors(document)]
    assert errors == []


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in _references(document):
        file, _, pointer = reference.partition("#")
        target = json.loads((CONTRACTS / file).read_text()) if file else document
        for step in pointer.strip("/").split("/") if pointer else ():
            target = target[step.replace("~1", "/").replace("~0", "~")]


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "$ref":
                yield item
            else:
                yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def test_every_event_has_a_channel_and_no_channel_is_without_an_event(document: dict[str, Any]) -> None:
    assert set(document["channels"]) == set(EVENTS) == set(document["operations"])


@pytest.mark.parametrize("event", EVENTS)
def test_a_channel_s_address_is_the_subject_that_the_relay_publishes_to(document: dict[str, Any], event: str) -> None:
    stream = UUID("019cadc6-9a80-7078-b558-a4bd73f95c82")
    values = {"lane": "2", "client": "acme", "stream": stream.hex}
    address = document["channels"][event]["address"]
    assert set(re.findall(r"{(\w+)}", address)) == set(document["channels"][event]["parameters"])
    assert address.format(**values) == subject(2, "acme", event, stream)


def test_the_headers_are_the_attributes_of_the_cloud_event(document: dict[str, Any]) -> None:
    headers = document["components"]["messageTraits"]["cloudEvent"]["headers"]
    attributes = {name.removeprefix("ce-") for name in headers["properties"] if name.startswith("ce-")}
    assert attributes == set(CloudEvent.model_fields) - {"data"}
    optional = set(headers["properties"]) - set(headers["required"])
    assert optional == {"ce-cursor", "ce-number", "ce-causationid", "ce-traceparent", "traceparent"}


@pytest.mark.parametrize("event", EVENTS)
def test_the_relay_publishes_under_these_headers(document: dict[str, Any], event: str) -> None:
    example = json.loads((CONTRACTS / f"examples/{event}.v1.json").read_text())
    cloud = CloudEvent.model_validate(example)
    published = headers_of(
        Stored(
            2, 7, cloud.client, int(cloud.sequence), cloud.number, cloud.subject, cloud.streamversion, cloud.id,
            cloud.type, 1, cloud.actor, cloud.causationid, cloud.origin, cloud.time, cloud.recordedtime,
            cloud.traceparent, b"{}",
        )
    )  # fmt: skip
    headers = document["components"]["messageTraits"]["cloudEvent"]["headers"]
    jsonschema_rs.validator_for({**headers, "additionalProperties": False}).validate(published)
    assert {name.removeprefix("ce-") for name in published} == {*example, "Nats-Msg-Id"} - {"data"}
