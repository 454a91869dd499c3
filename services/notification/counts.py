"""What happened to letters enters, counters for Prometheus leave; labels are few and never a person's."""

from __future__ import annotations

from prometheus_client import Counter

from services.kit.metrics import Metrics


class Counts:
    """The letters of one process."""

    def __init__(self, metrics: Metrics) -> None:
        self._letters = Counter(
            "daybook_letters",
            "Letters by what became of them: mailbox, smtp, deferred, failed",
            ("effect", "outcome"),
            registry=metrics.registry,
        )
        self._doubts = Counter(
            "daybook_letters_doubtful",
            "Times that nobody knew whether the mail server had a letter; it went again under the same Message-ID",
            registry=metrics.registry,
        )

    def letter(self, effect: str, outcome: str) -> None:
        self._letters.labels(effect, outcome).inc()

    def doubts(self, count: int) -> None:
        self._doubts.inc(count)
