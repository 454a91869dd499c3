"""What the workers of all webhooks share. Made once in app.py, handed down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from services.kit.keyring import Keyring
from services.kit.log.growth import Growth
from services.kit.personal import Vault
from services.kit.postgres import Pool, queries
from services.notification.hooks.address import Network
from services.notification.hooks.counts import HookCounts
from services.notification.hooks.pace import Pace
from services.notification.hooks.post import POST_SECONDS, Ways

SQL = queries("services/notification/sql/hook_work.sql")

RIGHTS_ENDED: Final = "rights_ended"
"""Why a webhook is paused whose token was revoked, or whose person lost the client, the role or the login."""
BYTES_MAX: Final = 2_000_000  # read at once by one webhook
BYTES_OF_ALL_MAX: Final = 24_000_000  # by all of a process; as objects they are some three times as large


class Room:
    """What all webhooks of a process read ahead, together. Each has its part of it."""

    def __init__(self) -> None:
        self._readers = 0

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One more reads, as long as the context lasts."""
        self._readers += 1
        try:
            yield
        finally:
            self._readers -= 1

    @property
    def bytes_max(self) -> int:
        """Of stored payload that one of them reads at once."""
        return min(BYTES_MAX, BYTES_OF_ALL_MAX // max(1, self._readers))


@dataclass(frozen=True, slots=True)
class HookDesk:
    """`holder` is this process, `now` is real time: signatures and pauses never live by the log's clock."""

    pool: Pool
    vault: Vault
    ring: Keyring
    growth: Growth
    allowed: Sequence[Network]
    holder: UUID
    now: Callable[[], datetime]
    counts: HookCounts
    pace: Pace = field(default_factory=Pace)
    ways: Ways = field(default_factory=Ways)
    room: Room = field(default_factory=Room)
    post_seconds: float = POST_SECONDS


class Lost(Exception):
    """Another process has the webhook now, or a person has changed it: what was under way is not ours to write down."""
