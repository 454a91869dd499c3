"""Counts and durations of one process enter, the Prometheus text of them leaves.

Labels are bounded: service, consumer, lane, family and event, HTTP method, route and status. Never a subject, a client,
an id or a path: a desk of a thousand clients must not make a million time series.
"""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The metrics of one process, in a registry of its own; made once in a service's entry and passed down."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "daybook_http_requests",
            "HTTP requests answered",
            ("service", "method", "route", "status"),
            registry=self.registry,
        )
        self._request_seconds = Histogram(
            "daybook_http_request_seconds", "Time to the end of an answer", ("service", "route"),
            buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self._answers: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        """What was labelled before: to find a label anew takes longer than to count."""
        self._events = Counter(
            "daybook_events", "Events by what became of them", ("service", "family", "event", "outcome"),
            registry=self.registry,
        )  # fmt: skip
        self._batch_seconds = Histogram(
            "daybook_batch_seconds", "Time of one transaction of a consumer, or of one window of the relay",
            ("service", "consumer"), buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self._delay_seconds = Histogram(
            "daybook_event_delay_seconds", "From recorded in the log to committed by the consumer",
            ("service", "consumer"), buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self._behind = Gauge(
            "daybook_consumer_behind", "Events that a consumer has not yet digested", ("consumer", "lane"),
            registry=self.registry,
        )  # fmt: skip

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """One HTTP request; `route` is the template (/tickets/{id}), never the path."""
        counted = self._answers.get((method, route, status))
        if counted is None:
            labelled = self._requests.labels(self.service, method, route, str(status))
            counted = (labelled, self._request_seconds.labels(self.service, route))
            self._answers[method, route, status] = counted
        counted[0].inc()
        counted[1].observe(seconds)

    def event(self, event_type: str, outcome: str, count: int = 1) -> None:
        """Events of one type (family.event) that were appended, published, handled, dropped or dead_lettered."""
        family, _, event = event_type.partition(".")
        self._events.labels(self.service, family, event, outcome).inc(count)

    def batch(self, consumer: str, seconds: float) -> None:
        """One transaction of a consumer, or one window of the relay."""
        self._batch_seconds.labels(self.service, consumer).observe(seconds)

    def delay(self, consumer: str, seconds: float) -> None:
        """How long after its recording an event's effect was committed."""
        self._delay_seconds.labels(self.service, consumer).observe(max(0.0, seconds))

    def behind(self, lags: Mapping[str, Mapping[int, int]]) -> None:
        """Sets every consumer's lag by lane; services.kit.cursor.lags reads it."""
        for consumer, lanes in lags.items():
            for lane, count in lanes.items():
                self._behind.labels(consumer, str(lane)).set(count)

    def render(self) -> bytes:
        """The Prometheus text for GET /metrics, of content type CONTENT_TYPE."""
        return generate_latest(self.registry)
