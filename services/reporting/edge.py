"""What the routes of reporting work with. Made once in app.py, handed down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from services.kit.access import Principal
    from services.kit.client_terms import ClientTerms
    from services.kit.clock import Clock
    from services.kit.log.growth import Growth
    from services.kit.personal import Vault
    from services.kit.postgres import Pool
    from services.reporting.feed import Feed
    from services.reporting.narrow import Narrow
    from services.reporting.readers import Readers


@dataclass(frozen=True, slots=True)
class Edge:
    """`pool` reads the views and the log of the whole desk, `narrow` some clients', `secret` signs guests' keys."""

    pool: Pool
    vault: Vault
    clock: Clock
    feed: Feed
    secret: bytes
    narrow: Narrow
    terms: ClientTerms

    def reading(self, caller: Principal) -> Pool:
        """What reads for a caller: of tickets and views, no row of a client that they may not see."""
        return self.pool if caller.clients is None else cast("Pool", self.narrow.to(caller.clients))

    def following(self, caller: Principal) -> Pool:
        """What reads events for a caller to follow: none of a client that they may not see, whatever they ask for."""
        return self.pool if caller.clients is None else cast("Pool", self.narrow.only(caller.clients))


@dataclass(frozen=True, slots=True)
class Following:
    """What those who follow the log share: when there is more of it, and who they are."""

    growth: Growth
    readers: Readers
