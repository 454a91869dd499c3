"""What the workers of all webhooks share. Made once in app.py, handed down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
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
    post_seconds: float = POST_SECONDS


class Lost(Exception):
    """Another process has the webhook now, or a person has changed it: what was under way is not ours to write down."""
