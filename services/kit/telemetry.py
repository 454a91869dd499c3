"""What a process tells of its work: trace context, spans, one JSON line a message. I/O: standard error, OTLP.

Nothing here carries personal data: spans and lines hold codes, positions and counts, and errors are described without
the values that caused them. Trace ids are always made, so that they reach the log's `trace` column; spans are kept and
sent only where OTEL_EXPORTER_OTLP_ENDPOINT is set.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import orjson
from opentelemetry import trace
from opentelemetry.context import attach, detach
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, StatusCode, TraceFlags
from pydantic import ValidationError

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.util.types import Attributes

    from services.kit.settings import Settings

TRACER = "daybook"
_IDS = RandomIdGenerator()
FRAMES_MAX = 8  # of an error's way through the program, in a log line
NOTE_CHARACTERS_MAX = 300  # of one text in a log line or a dead letter

Field = str | int | float | bool | UUID | datetime | None
"""What a log line may hold besides its code: positions, counts, names of our own. Never a person's words."""


# --- traces


class _WhenReceived(Sampler):
    """Keeps spans only once somebody receives them; ids are made in either case."""

    received = False

    def should_sample(
        self, parent_context: Context | None, trace_id: int, name: str, *_: Any, **__: Any
    ) -> SamplingResult:
        return SamplingResult(Decision.RECORD_AND_SAMPLE if self.received else Decision.DROP)

    def get_description(self) -> str:
        return "when received"


def setup_tracing(settings: Settings, service: str, exporter: SpanExporter | None = None) -> None:
    """Installs this process's tracer provider; spans go to `exporter` (a test's) or to the OTLP endpoint, if any.

    OpenTelemetry keeps one provider a process; a second call adds a receiver to it.
    """
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        resource = Resource.create({"service.name": f"daybook-{service}"})
        provider = TracerProvider(resource=resource, sampler=_WhenReceived())
        trace.set_tracer_provider(provider)
    if exporter is not None:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    elif settings.otel_endpoint is not None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    else:
        return
    if isinstance(provider.sampler, _WhenReceived):
        provider.sampler.received = True


def current_traceparent() -> str | None:
    """The W3C traceparent of the span under way, for the log's `trace` column and outgoing headers; None outside."""
    context = trace.get_current_span().get_span_context()
    return _traceparent(context) if context.is_valid else None


def traceparent_of(opened: Span | None) -> str | None:
    """A span's own traceparent, for the headers of what it sends."""
    return None if opened is None else _traceparent(opened.get_span_context())


def _traceparent(context: SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def span_context(traceparent: str | None) -> SpanContext | None:
    """A traceparent as OpenTelemetry's span context; None for none and for a malformed one."""
    parts = (traceparent or "").split("-")
    if len(parts) < 4 or [len(part) for part in parts[:4]] != [2, 32, 16, 2]:
        return None
    try:
        context = SpanContext(
            int(parts[1], 16), int(parts[2], 16), is_remote=True, trace_flags=TraceFlags(int(parts[3], 16))
        )
    except ValueError:
        return None
    return context if context.is_valid else None


def is_received() -> bool:
    """Whether anybody receives this process's spans."""
    provider = trace.get_tracer_provider()
    return isinstance(provider, TracerProvider) and getattr(provider.sampler, "received", True)


def _unreceived(parent: SpanContext) -> Iterator[Span]:
    """What the SDK makes of a dropped span, ids alone, at a quarter of its price: every request has one."""
    trace_id = parent.trace_id if parent.is_valid else _IDS.generate_trace_id()
    opened = trace.NonRecordingSpan(SpanContext(trace_id, _IDS.generate_span_id(), is_remote=False))
    token = attach(trace.set_span_in_context(opened))
    try:
        yield opened
    finally:
        detach(token)


@contextmanager
def span(
    name: str,
    *,
    parent: str | None = None,
    links: Iterable[str | None] = (),
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes = None,
) -> Iterator[Span]:
    """A span around a piece of work, current inside it. `parent` and `links` are traceparents; no parent given: the
    span under way is it."""
    remote = span_context(parent)
    if not is_received():
        yield from _unreceived(remote or trace.get_current_span().get_span_context())
        return
    context = None if remote is None else trace.set_span_in_context(trace.NonRecordingSpan(remote))
    linked = [Link(found) for link in links if (found := span_context(link)) is not None]
    tracer = trace.get_tracer(TRACER)
    with tracer.start_as_current_span(
        name, context=context, kind=kind, attributes=attributes, links=linked,
        record_exception=False, set_status_on_exception=False,  # their messages quote the values that caused them
    ) as opened:  # fmt: skip
        try:
            yield opened
        except Exception as error:
            opened.set_status(StatusCode.ERROR, describe(error))
            raise


def start_span(name: str, *, parent: str | None, kind: SpanKind, **attributes: str | int) -> Span | None:
    """A span that the caller ends, for work that overlaps with other work; None where nobody receives spans."""
    if not is_received():
        return None
    remote = span_context(parent)
    context = None if remote is None else trace.set_span_in_context(trace.NonRecordingSpan(remote))
    return trace.get_tracer(TRACER).start_span(name, context=context, kind=kind, attributes=attributes)


# --- log lines


def setup_logging(settings: Settings, service: str) -> None:
    """One line a message on standard error: JSON, or readable where that is a terminal."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Readable(service) if sys.stderr.isatty() else _Json(service))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    for noisy in ("nats", "httpx", "httpcore", "faststream", "uvicorn.access", "asyncio"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLogger().level))


def log_message(logger: logging.Logger, code: str, level: int = logging.INFO, **fields: Field) -> None:
    """Writes one structured line: a stable code and its fields (`lane=3, position=1042`)."""
    if logger.isEnabledFor(level):
        logger.log(level, code, extra={"daybook": fields})


def describe(error: BaseException) -> str:
    """What went wrong, without any value that caused it: values may be a person's words."""
    match error:
        case ValidationError():
            places = ", ".join(
                f"{'.'.join(str(part) for part in item['loc'])} {item['type']}"
                for item in error.errors(include_input=False, include_url=False, include_context=False)
            )
            return _short(f"ValidationError {error.title}: {places}")
        case asyncpg.PostgresError():
            constraint: str | None = getattr(error, "constraint_name", None)
            return _short(f"{type(error).__name__} {error.sqlstate}" + (f" {constraint}" if constraint else ""))
        case OSError():  # a TimeoutError is one too
            return _short(f"{type(error).__name__}: {error.strerror or ''}".rstrip(": "))
        case _:
            place = _place(error)
            return _short(f"{type(error).__name__}{place}")


def _frames(error: BaseException) -> str:
    """The innermost places on the way to an error, the last one first."""
    places: list[str] = []
    last = error.__traceback__
    while last is not None:
        places.append(f"{last.tb_frame.f_globals.get('__name__', '?')}:{last.tb_lineno}")
        last = last.tb_next
    return " < ".join(reversed(places[-FRAMES_MAX:]))


def _place(error: BaseException) -> str:
    """Where in the program it was raised: a file and a line say more than a message, and are never personal."""
    last = error.__traceback__
    if last is None:
        return ""
    while last.tb_next is not None:
        last = last.tb_next
    return f" in {last.tb_frame.f_globals.get('__name__', '?')}:{last.tb_lineno}"


def _short(text: str) -> str:
    return text if len(text) <= NOTE_CHARACTERS_MAX else text[: NOTE_CHARACTERS_MAX - 1] + "…"


class _Json(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        return orjson.dumps(self._line(record), default=str).decode()

    def _line(self, record: logging.LogRecord) -> Mapping[str, Any]:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "service": self._service,
            "code": record.getMessage(),
            **getattr(record, "daybook", {}),
        }
        if record.name != "root":
            line["logger"] = record.name
        if (traceparent := current_traceparent()) is not None:
            line["trace"] = traceparent
        if record.exc_info and record.exc_info[1] is not None:
            line["error"], line["at"] = describe(record.exc_info[1]), _frames(record.exc_info[1])
        return line


class _Readable(_Json):
    def format(self, record: logging.LogRecord) -> str:
        line = dict(self._line(record))
        at: datetime = line.pop("time")
        level, service, code = line.pop("level"), line.pop("service"), line.pop("code")
        rest = " ".join(f"{key}={value}" for key, value in line.items() if key not in {"trace", "logger"})
        return f"{at:%H:%M:%S} {level:7} {service:12} {code} {rest}".rstrip()
