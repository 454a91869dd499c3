"""An event as a message and back."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client

from contracts.envelope import CloudEvent
from contracts.tickets import NoteAdded
from services.kit.bus.connect import QuickClient
from services.kit.bus.message import MESSAGE_ID, NotAnEvent, Stored, headers_of, opened, place_of, stored_of

AT = datetime(2026, 3, 1, 9, 30, 0, 123456, tzinfo=UTC)
EVENT = Stored(
    lane=3, position=1042, client="acme", sequence=77, number=None, stream=UUID(int=3), version=2, id=UUID(int=9),
    type="ticket.note_added", schema_version=1, actor="agent:0198", causation=None, origin="live", occurred_at=AT,
    recorded_at=AT, trace=None, payload=b'{"body":"looked at it"}',
)  # fmt: skip

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)


def test_a_message_carries_every_column_of_the_log() -> None:
    full = EVENT._replace(number=12, causation="<a@b>", trace="00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    assert stored_of(headers_of(full), full.payload) == full
    assert stored_of(headers_of(EVENT), EVENT.payload) == EVENT


@given(actor=texts, causation=st.none() | texts)
def test_headers_are_plain_ascii_whatever_people_write(actor: str, causation: str | None) -> None:
    event = EVENT._replace(actor=actor, causation=causation)
    headers = headers_of(event)
    assert all(value.isascii() and "\r" not in value and "\n" not in value for value in headers.values())
    received = {name: value.strip() for name, value in headers.items()}  # what a NATS client does to a value
    assert stored_of(received, event.payload) == event


def test_the_attributes_are_cloud_events() -> None:
    headers = headers_of(EVENT)
    attributes = {name.removeprefix("ce-"): value for name, value in headers.items() if name.startswith("ce-")}
    event = CloudEvent.model_validate({**attributes, "data": {"body": "looked at it"}})
    assert (event.type, event.source, event.sequence) == ("ticket.note_added", "/clients/acme", "77")
    assert headers[MESSAGE_ID] == "3:1042"


def test_the_data_is_decoded_from_the_bytes_as_stored() -> None:
    assert opened(EVENT).data == NoteAdded(body="looked at it")
    with pytest.raises(ValueError, match="not known here"):
        opened(EVENT._replace(schema_version=9))


@pytest.mark.parametrize("identifier", ["", "3", "3:", ":4", "16:1", "x:1", "3:x", "-1:4", "3:1:1"])
def test_a_message_without_a_place_in_the_log_is_no_event(identifier: str) -> None:
    with pytest.raises(NotAnEvent):
        place_of({MESSAGE_ID: identifier})


@pytest.mark.parametrize("missing", ["ce-client", "ce-subject", "ce-id", "ce-time", "ce-dataschema", "ce-sequence"])
def test_a_message_that_lacks_a_header_is_no_event(missing: str) -> None:
    headers = headers_of(EVENT)
    del headers[missing]
    with pytest.raises(NotAnEvent):
        stored_of(headers, b"{}")


def test_our_client_reads_headers_as_nats_py_does() -> None:
    headers = headers_of(
        EVENT._replace(number=12, causation="<a@b> ü", trace="00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    )
    raw = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n"
    assert QuickClient._parse_header_lines(raw) == Client._parse_header_lines(raw) == headers
    for odd in (
        b"a:b\r\n\r\n",
        b"a:\tb: c \r\n\r\n",
        b"\r\n",
        b"",
        b"no colon\r\n",
        "a: ü\r\n".encode(),
        b"a: \xff\r\n",
    ):
        assert QuickClient._parse_header_lines(odd) == Client._parse_header_lines(odd)


class Sending:
    """The part of a client that sends, which keeps what it would have sent."""

    def __init__(self, kind: type[Client]) -> None:
        self.client = kind()
        self.client._send_command = self._keep  # type: ignore[method-assign]
        self.sent: list[bytes] = []

    async def _keep(self, cmd: bytes, priority: bool = False) -> None:
        self.sent.append(bytes(cmd))


@pytest.mark.parametrize("headers", [
    headers_of(EVENT), {"a": "1"}, {"a": "ü", "b": ""}, {"a": "1\r\nb: 2"}, {"a": "line\nend"}, {"a": "\r"}, {}, None,
])  # fmt: skip
async def test_our_client_sends_what_nats_py_does(headers: dict[str, str] | None) -> None:
    ours, theirs = Sending(QuickClient), Sending(Client)
    for sending in (ours, theirs):
        await sending.client._send_publish("daybook.3", "inbox.1", b'{"a":1}', 7, headers)
    assert ours.sent == theirs.sent != []
    assert ours.client.stats["out_bytes"] == theirs.client.stats["out_bytes"] == 7
