"""Who a request comes from, as its token says. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from contracts.envelope import Actor, Origin
from contracts.people import Role


@dataclass(frozen=True, slots=True)
class Principal:
    """The holder of a token or session. `clients` None means all; `agent` is set where a person of the desk acts."""

    id: str
    kind: str
    """token, session, or anonymous."""
    role: Role | None
    clients: frozenset[str] | None
    origin: Origin
    scopes: frozenset[str]
    agent: UUID | None
    name: str
    """What the token was called when it was made; never a person's name."""

    def may_see(self, client: str) -> bool:
        """Whether a client's things exist for this caller. Answer 404, not 403, where not: nothing may be inferred."""
        return self.clients is None or client in self.clients

    @property
    def personal(self) -> bool:
        """Whether feeds and webhooks may carry opened personal text for this caller."""
        return "personal" in self.scopes

    @property
    def actor(self) -> str:
        """How the envelope of what this caller does names them: `agent:<uuid>` or `token:<id>`."""
        return str(Actor("agent", str(self.agent)) if self.agent else Actor("token", self.id))


ANONYMOUS = Principal(
    id="anonymous",
    kind="anonymous",
    role=None,
    clients=frozenset(),
    origin=Origin.LIVE,
    scopes=frozenset(),
    agent=None,
    name="",
)
"""Who calls a public route without a token: sees no client's things but those its own key opens."""
