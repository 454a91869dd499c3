"""The bytes of the hash chain, CloudEvents attributes and subjects; random cases against their written rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from contracts.catalogue import EVENTS
from contracts.envelope import EPOCH, CloudEvent, Recorded, chain_hash, cloud_attributes, head_bytes, microseconds
from contracts.model import DESK, ClientId
from contracts.people import ClockTicked
from contracts.subjects import (
    LANES,
    client_stream,
    lane_of,
    lane_of_client,
    lane_subjects,
    named_stream,
    stamp_lane,
    subject,
)

TEXT = st.text(max_size=60)
SLUGS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,38}", fullmatch=True) | st.just(DESK)
ZONES = (UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-9, minutes=-30)))
INSTANTS = st.tuples(st.integers(-(2**51), 2**52), st.sampled_from(ZONES)).map(
    lambda drawn: (EPOCH + timedelta(microseconds=drawn[0])).astimezone(drawn[1])
)
BIG = st.integers(0, 2**62)
HEADS = st.fixed_dictionaries(
    {
        **{name: st.uuids() for name in ("event_id", "stream")},
        **dict.fromkeys(("client", "event_type", "actor", "origin"), TEXT),
        **{name: st.none() | TEXT for name in ("causation", "trace")},
        "version": st.integers(1, 2**31 - 1),
        "schema_version": st.integers(1, 2**15 - 1),
    }
)
LINKS = st.fixed_dictionaries(
    {
        "position": BIG,
        "sequence": BIG,
        "number": st.none() | st.integers(1, 2**62),
        "occurred_us": st.integers(-(2**62), 2**62),
        "recorded_us": st.integers(-(2**62), 2**62),
        "payload": st.binary(max_size=200),
    }
)
FIELDS = (
    "event_id",
    "client",
    "stream",
    "version",
    "event_type",
    "schema_version",
    "actor",
    "causation",
    "origin",
    "trace",
)
FIXED = {"version": 4, "schema_version": 2}


def plain(name: str, value: Any) -> bytes:
    match value:
        case UUID():
            return value.bytes
        case int():
            return value.to_bytes(FIXED[name], "big")
        case _:
            return (value or "").encode()


def unpacked(head: bytes) -> list[bytes]:
    fields = []
    while head:
        length = int.from_bytes(head[:4], "big")
        fields.append(head[4 : 4 + length])
        head = head[4 + length :]
    return fields


@given(HEADS)
def test_a_head_is_ten_fields_each_behind_its_length(head: dict[str, Any]) -> None:
    assert unpacked(head_bytes(**head)) == [plain(name, head[name]) for name in FIELDS]


@given(HEADS, HEADS)
def test_two_heads_are_equal_only_where_every_field_is(one: dict[str, Any], other: dict[str, Any]) -> None:
    same = all(plain(name, one[name]) == plain(name, other[name]) for name in FIELDS)
    assert (head_bytes(**one) == head_bytes(**other)) == same


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=300), LINKS)
def test_a_link_is_the_hash_of_the_previous_one_the_envelope_behind_its_length_and_the_payload(
    previous: bytes, head: bytes, link: dict[str, Any]
) -> None:
    numbers = [link["position"], link["sequence"], link["number"] or 0, link["occurred_us"], link["recorded_us"]]
    envelope = head + b"".join(number.to_bytes(8, "big", signed=True) for number in numbers)
    expected = sha256(previous + len(envelope).to_bytes(4, "big") + envelope + link["payload"]).digest()
    assert chain_hash(previous, head, **link) == expected


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100), LINKS, LINKS)
def test_any_change_of_an_event_changes_its_link(
    previous: bytes, head: bytes, one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert (chain_hash(previous, head, **one) == chain_hash(previous, head, **other)) == (one == other)


def test_the_first_link_of_a_known_event_never_changes() -> None:
    """Pinned: these bytes are in every log there is."""
    head = head_bytes(
        event_id=UUID(int=1), client="acme", stream=UUID(int=2), version=1, event_type="ticket.submitted",
        schema_version=1, actor="system:intake", causation=None, origin="live", trace=None,
    )  # fmt: skip
    link = chain_hash(
        bytes(32), head, position=1, sequence=1, number=1042, occurred_us=826_363_800_000_000,
        recorded_us=826_363_800_000_001, payload=b"{}",
    )  # fmt: skip
    assert sha256(head).hexdigest() == "f9475f127280a85e454d95aa56c2970bbecb15e9bce836b3863bc43290634a91"
    assert link.hex() == "2dd356b75ff801b0caa07387be63ff64472ea684455792044b55e2e836d838f4"


@given(INSTANTS)
def test_microseconds_are_exact_in_every_zone(at: datetime) -> None:
    assert EPOCH + timedelta(microseconds=microseconds(at)) == at
    assert microseconds(at) == microseconds(at.astimezone(UTC))


@given(
    st.builds(
        Recorded,
        lane=st.integers(0, LANES - 1), position=BIG, client=SLUGS, sequence=BIG, number=st.none() | BIG,
        stream=st.uuids(), version=st.integers(1, 2**31 - 1), id=st.uuids(), type=st.sampled_from(sorted(EVENTS)),
        schema_version=st.integers(1, 9), actor=TEXT, causation=st.none() | TEXT,
        origin=st.sampled_from(["live", "import", "demo", "practice"]), occurred_at=INSTANTS, recorded_at=INSTANTS,
        trace=st.none() | TEXT, data=st.just(ClockTicked(now=EPOCH)),
    )
)  # fmt: skip
def test_a_cloud_event_says_what_the_record_says(event: Recorded[ClockTicked]) -> None:
    attributes = cloud_attributes(event)
    assert all(name.isalnum() and name.islower() for name in attributes), "CloudEvents 1.0 allows a-z and 0-9 only"
    assert None not in attributes.values()
    cloud = CloudEvent.model_validate({**attributes, "data": {}})
    assert (cloud.id, cloud.subject, cloud.type, cloud.client) == (event.id, event.stream, event.type, event.client)
    assert (cloud.time, cloud.recordedtime) == (event.occurred_at, event.recorded_at)
    assert (int(cloud.sequence), cloud.streamversion, cloud.number) == (event.sequence, event.version, event.number)
    assert (cloud.actor, cloud.origin.value) == (event.actor, event.origin)
    assert (cloud.causationid, cloud.traceparent) == (event.causation, event.trace)
    assert cloud.dataschema == f"/schemas/{event.type}.v{event.schema_version}.json"


@given(SLUGS, st.uuids())
def test_a_client_s_lane_is_the_first_byte_of_the_hash_of_its_slug_and_ids_carry_it(client: str, any_id: UUID) -> None:
    lane = lane_of_client(client)
    assert lane == sha256(client.encode()).digest()[0] % 16
    stamped = stamp_lane(any_id, lane)
    assert lane_of(stamped) == lane
    assert stamped.int >> 4 == any_id.int >> 4
    assert lane_of(client_stream(client)) == lane


@given(SLUGS, SLUGS, st.sampled_from(["client", "clock"]), st.sampled_from(["client", "clock"]))
def test_named_streams_are_one_for_each_client_family_and_name(one: str, other: str, family: str, kind: str) -> None:
    assert (named_stream(one, family, one) == named_stream(other, kind, other)) == ((one, family) == (other, kind))


@given(SLUGS, st.sampled_from(sorted(EVENTS)), st.uuids())
def test_a_subject_has_six_words_and_falls_under_its_lane(client: str, event: str, stream: UUID) -> None:
    lane = lane_of_client(client)
    text = subject(lane, client, event, stream)
    words = text.split(".")
    assert words == ["daybook", str(lane), client, *event.split("."), stream.hex]
    assert text.startswith(lane_subjects(lane).removesuffix(">"))
    assert not set(text) & set("*> \t\r\n"), "NATS reads these as wildcards or ends"
    assert TypeAdapter(ClientId).validate_python(client) == client
