"""What the routes of reporting work with. Made once in app.py, handed down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.kit.clock import Clock
    from services.kit.log.growth import Growth
    from services.kit.personal import Vault
    from services.kit.postgres import Pool
    from services.reporting.feed import Feed
    from services.reporting.readers import Readers


@dataclass(frozen=True, slots=True)
class Edge:
    """`pool` reads the views and the log, `secret` signs guests' keys."""

    pool: Pool
    vault: Vault
    clock: Clock
    feed: Feed
    secret: bytes


@dataclass(frozen=True, slots=True)
class Following:
    """What those who follow the log share: when there is more of it, and who they are."""

    growth: Growth
    readers: Readers
