"""Log lines and trace context: what is told, and what never is."""

from __future__ import annotations

import json
import logging
from uuid import UUID

import asyncpg
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import BaseModel, ValidationError

from contracts.tickets import NoteAdded
from services.kit.telemetry import _Json, _Readable, describe, log_message, span, span_context

SECRET = "maria.rossi@example.org"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Seen(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def seen() -> Seen:
    handler = Seen()
    logger = logging.getLogger("daybook.test")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    return handler


def test_a_line_is_one_json_object_with_code_and_position(seen: Seen) -> None:
    log_message(logging.getLogger("daybook.test"), "digested", lane=3, position=1042, stream=UUID(int=7))
    text = _Json("triage").format(seen.records[0])
    line = json.loads(text)
    assert "\n" not in text
    assert (line["code"], line["lane"], line["position"], line["service"]) == ("digested", 3, 1042, "triage")
    assert line["stream"] == str(UUID(int=7))


def test_on_a_terminal_the_same_line_reads_well(seen: Seen) -> None:
    log_message(logging.getLogger("daybook.test"), "digested", lane=3, position=1042)
    assert _Readable("triage").format(seen.records[0]).endswith("triage       digested lane=3 position=1042")


def test_an_error_is_told_without_the_values_that_caused_it(seen: Seen) -> None:
    with pytest.raises(ValidationError) as caught:
        NoteAdded.model_validate({"body": {"sealed": SECRET}})
    assert SECRET not in describe(caught.value)
    assert describe(caught.value).startswith("ValidationError NoteAdded: body")
    logging.getLogger("daybook.test").error("failed", exc_info=caught.value)
    text = _Json("triage").format(seen.records[0])
    assert SECRET not in text
    assert "test_telemetry:" in json.loads(text)["at"]  # where it happened, for whoever mends it

    unique = asyncpg.UniqueViolationError(f"Key (address)=({SECRET}) already exists")
    assert describe(unique) == "UniqueViolationError 23505"
    assert describe(ConnectionRefusedError(111, "Connection refused")) == "ConnectionRefusedError: Connection refused"


def test_an_error_of_our_own_is_told_by_its_place() -> None:
    def fails() -> None:
        raise KeyError(SECRET)

    with pytest.raises(KeyError) as caught:
        fails()
    assert describe(caught.value).startswith("KeyError in ")
    assert "test_telemetry:" in describe(caught.value)
    assert SECRET not in describe(caught.value)


def test_a_traceparent_is_read_as_the_w3c_writes_it() -> None:
    found = span_context(TRACEPARENT)
    assert found is not None
    assert f"{found.trace_id:032x}" == TRACEPARENT[3:35]
    assert found.trace_flags.sampled


@pytest.mark.parametrize(
    "wrong",
    [None, "", "00", "00-zz-b7ad6b7169203331-01", "00-" + "0" * 32 + "-" + "0" * 16 + "-00", "ü-" + TRACEPARENT],
)
def test_what_is_no_traceparent_is_no_parent(wrong: str | None) -> None:
    assert span_context(wrong) is None


def test_a_span_tells_of_an_error_without_the_values_that_caused_it(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    with pytest.raises(ValidationError), span("digest"):
        NoteAdded.model_validate({"body": {"sealed": SECRET}})
    (told,) = kept.get_finished_spans()
    assert SECRET not in told.to_json()
    assert (told.status.description or "").startswith("ValidationError NoteAdded: body")


def test_personal_models_stay_out() -> None:
    class Person(BaseModel):
        age: int

    with pytest.raises(ValidationError) as caught:
        Person.model_validate({"age": SECRET})
    assert describe(caught.value) == "ValidationError Person: age int_parsing"
