"""What became of webhooks' messages, and how far every subscriber is, enter; metrics leave.

The label `subscriber` is a name that the desk's people chose, of which there are few (webhooks.MADE_MAX): the one place
where metrics name somebody outside.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from prometheus_client import Counter, Gauge

from services.kit.metrics import Metrics


class HookCounts:
    """The webhooks of one process, and the subscribers of the whole desk."""

    def __init__(self, metrics: Metrics) -> None:
        registry = metrics.registry
        self._messages = Counter(
            "daybook_webhook_messages",
            "Messages to webhooks by what became of them: taken, refused, dead",
            ("outcome",),
            registry=registry,
        )
        labels = ("kind", "subscriber", "client")
        self._behind = Gauge("daybook_subscriber_behind", "Events not taken yet", labels, registry=registry)
        self._waiting = Gauge("daybook_subscriber_retries", "Messages that are tried again", labels, registry=registry)
        self._dead = Gauge("daybook_subscriber_dead_letters", "Messages put aside", labels, registry=registry)

    def message(self, outcome: str) -> None:
        self._messages.labels(outcome).inc()

    def subscribers(self, rows: Iterable[Any]) -> None:
        """Sets everybody's figures; who is gone is told no more."""
        for gauge in (self._behind, self._waiting, self._dead):
            gauge.clear()
        for row in rows:
            labels = (row["kind"], row["name"], row["client"] or "")
            self._behind.labels(*labels).set(row["behind"])
            self._waiting.labels(*labels).set(row["waiting"])
            self._dead.labels(*labels).set(row["dead"])
