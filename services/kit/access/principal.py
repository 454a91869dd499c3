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
    """token, session, service, or anonymous."""
    role: Role | None
    clients: frozenset[str] | None
    origin: Origin
    scopes: frozenset[str]
    agent: UUID | None
    name: str
    """What the token was called when it was made, or the service's name; never a person's."""

    def may_see(self, client: str) -> bool:
        """Whether a client's things exist for this caller. Answer 404, not 403, where not: nothing may be inferred."""
        return self.clients is None or client in self.clients

    @property
    def personal(self) -> bool:
        """Whether feeds and webhooks may carry opened personal text for this caller."""
        return "personal" in self.scopes

    @property
    def actor(self) -> str:
        """How the envelope of what this caller does names them: `agent:<uuid>`, `token:<id>` or `system:<service>`."""
        if self.kind == "service":
            return str(Actor("system", self.name))
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
