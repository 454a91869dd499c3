"""The peer: the Python `eventsourcing` library on the same PostgreSQL, in its default, safe mode."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from services.kit.settings import Settings
from tests.bench.story import BODY

THREADS = 8


class Submission(Aggregate):
    """A ticket as that library would hold it: the same facts, unsealed, without lanes or chain."""

    @event("Submitted")
    def __init__(self, client: str, subject: str, body: str, category: str, urgency: str) -> None:
        self.client = client
        self.subject = subject
        self.body = body
        self.category = category
        self.urgency = urgency
        self.replies = 0

    @event("Replied")
    def reply(self, body: str) -> None:
        self.replies += 1


@dataclass(frozen=True)
class PeerFigures:
    """Events a second."""

    appended: float
    replayed: float


def eventsourcing(settings: Settings, saves: int) -> PeerFigures:
    """One-event saves by eight threads, then the replay of aggregates of 30 events."""
    application: Application[UUID] = Application(env=_environment(settings))
    try:
        return PeerFigures(_append(application, saves), _replay(application))
    finally:
        application.close()


def _append(application: Application[UUID], saves: int) -> float:
    def worker(index: int) -> None:
        for number in range(saves // THREADS):
            client = f"bench-{(index + number) % 200}"
            application.save(Submission(client, "Nobody can print", BODY, "printing", "high"))

    started = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(worker, range(THREADS)))
    return saves / (time.perf_counter() - started)


def _replay(application: Application[UUID], aggregates: int = 60, events: int = 30) -> float:
    made = []
    for _ in range(aggregates):
        submission = Submission("bench-1", "Nobody can print", BODY, "printing", "high")
        for _ in range(events - 1):
            submission.reply(BODY)
        application.save(submission)
        made.append(submission.id)
    started = time.perf_counter()
    for identifier in made:
        application.repository.get(identifier)
    return aggregates * events / (time.perf_counter() - started)


def _environment(settings: Settings) -> dict[str, str]:
    parts = urlsplit(settings.admin_dsn())
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": parts.path.lstrip("/"),
        "POSTGRES_HOST": parts.hostname or "",
        "POSTGRES_PORT": str(parts.port),
        "POSTGRES_USER": parts.username or "",
        "POSTGRES_PASSWORD": parts.password or "",
        "POSTGRES_MAX_OVERFLOW": "20",
        "POSTGRES_POOL_SIZE": "10",
    }
