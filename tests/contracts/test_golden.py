"""Golden examples: contracts/examples/<type>.v<version>.json, one for every version of every event, kept for ever.

Each is a whole CloudEvent. Personal values are sealed with one key for all persons, SHA-256 of the text
`daybook golden examples`, so that anybody can open them. An example is never edited: a changed event gets a version.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema_rs
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BaseModel

from contracts.catalogue import EVENTS, UnknownEvent, decode, encode
from contracts.envelope import Actor, CloudEvent, Recorded, cloud_attributes
from contracts.model import Event, Sealed
from contracts.subjects import lane_of, lane_of_client
from contracts.ticket import fold
from contracts.ticket_state import Held

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
EXAMPLES = sorted((CONTRACTS / "examples").glob("*.json"))
KEY = AESGCM(sha256(b"daybook golden examples").digest())

every_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def version_of(path: Path) -> int:
    return int(path.stem.rpartition(".v")[2])


def payload(example: dict[str, Any]) -> bytes:
    """The example's data as the log stores it: compact, in the fields' order."""
    return json.dumps(example["data"], separators=(",", ":"), ensure_ascii=False).encode()


def test_every_version_of_every_event_has_an_example_and_no_example_is_without_an_event() -> None:
    wanted = {f"{name}.v{number}" for name, event in EVENTS.items() for number in range(1, event.schema_version + 1)}
    assert {path.stem for path in EXAMPLES} == wanted


@every_example
def test_an_example_still_loads(path: Path) -> None:
    example = load(path)
    event = decode(example["type"], version_of(path), payload(example))
    assert type(event) is EVENTS[example["type"]]


@every_example
def test_an_example_of_today_s_version_is_written_again_byte_for_byte(path: Path) -> None:
    example = load(path)
    if version_of(path) == EVENTS[example["type"]].schema_version:
        assert encode(decode(example["type"], version_of(path), payload(example))) == payload(example)


@every_example
def test_an_example_is_valid_by_its_schema(path: Path) -> None:
    schema = json.loads((CONTRACTS / "schemas" / path.name).read_text())
    jsonschema_rs.validator_for(schema, validate_formats=True).validate(load(path)["data"])


@every_example
def test_an_example_is_a_cloud_event_with_our_attributes(path: Path) -> None:
    example = load(path)
    schema = json.loads((CONTRACTS / "schemas/cloudevent.v1.json").read_text())
    jsonschema_rs.validator_for(schema, validate_formats=True).validate(example)
    CloudEvent.model_validate(example)
    assert path.stem == f"{example['type']}.v{version_of(path)}"
    assert example["dataschema"] == f"/schemas/{path.name}"
    assert lane_of(UUID(example["subject"])) == lane_of_client(example["client"])
    Actor.parse(example["actor"])
    attributes = cloud_attributes(recorded(example))
    assert attributes == {name: value for name, value in example.items() if name != "data"}


@every_example
def test_an_example_shows_every_field(path: Path) -> None:
    """What an example leaves out is not protected by it."""
    event = EVENTS[load(path)["type"]]
    if version_of(path) == event.schema_version:
        assert set(load(path)["data"]) == set(event.model_fields)


@every_example
def test_personal_values_of_an_example_are_sealed_and_open_with_the_test_key(path: Path) -> None:
    example = load(path)
    event = decode(example["type"], version_of(path), payload(example))
    for value in personal_values(event):
        if isinstance(value, str) and path.stem == "ticket.escalated.v1":
            continue  # its `ruled_out` was a code then, and free words are what version 2 is for
        assert isinstance(value, Sealed), "an example shows what the log holds"
        box = b64decode(value.sealed)
        assert KEY.decrypt(box[:12], box[12:], value.person.bytes).decode()


def personal_values(model: BaseModel) -> Iterator[object]:
    """Values of fields that the contracts mark as personal, in the model and in its parts."""
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        parts = list(value.values()) if isinstance(value, dict) else value if isinstance(value, tuple) else [value]
        for part in parts:
            if isinstance(part, Sealed) or (isinstance(part, str) and "Sealed" in str(field.annotation)):
                yield part
            elif isinstance(part, BaseModel):
                yield from personal_values(part)


def recorded(example: dict[str, Any]) -> Recorded[Event]:
    cloud = CloudEvent.model_validate(example)
    version = int(re.findall(r"\.v(\d+)\.json$", cloud.dataschema)[0])
    return Recorded(
        lane=lane_of(cloud.subject),
        position=1,
        client=cloud.client,
        sequence=int(cloud.sequence),
        number=cloud.number,
        stream=cloud.subject,
        version=cloud.streamversion,
        id=cloud.id,
        type=cloud.type,
        schema_version=version,
        actor=cloud.actor,
        causation=cloud.causationid,
        origin=cloud.origin.value,
        occurred_at=cloud.time,
        recorded_at=cloud.recordedtime,
        trace=cloud.traceparent,
        data=decode(cloud.type, version, payload(example)),
    )


def test_the_examples_of_a_ticket_fold_into_one_life() -> None:
    events = [recorded(load(path)) for path in EXAMPLES if path.stem.startswith(("ticket.", "sla."))]
    ticket = fold(sorted(events, key=lambda event: event.version))
    assert isinstance(ticket, Held)
    assert (ticket.reference, ticket.version, ticket.reopened, ticket.adopted) == ("ACME-1042", 36, 1, True)


def test_a_version_that_is_newer_than_the_program_is_refused_by_name() -> None:
    with pytest.raises(UnknownEvent, match=r"ticket\.closed version 99"):
        decode("ticket.closed", 99, b"{}")


def test_an_unknown_field_of_tomorrow_is_ignored() -> None:
    example = load(CONTRACTS / "examples/ticket.tags_changed.v1.json")
    known = decode(example["type"], 1, payload(example))
    assert decode(example["type"], 1, payload({"data": {**example["data"], "colour": "red"}})) == known
