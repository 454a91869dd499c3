"""Settings -> the tokens by which services ask intake, and their rows. I/O: the rows, written as the owner.

A service that wants another's event to follow sends intake a command, like every other program. Its token is derived
from the desk's secret, one for each origin, so that it need not be handed around, and so that what a demo's events
cause is a demo's.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_URL, uuid5

from contracts.envelope import Origin
from contracts.people import Role
from services.kit.postgres import Connection, queries

if TYPE_CHECKING:
    from services.kit.settings import Settings

SQL = queries("services/kit/access/sql/services.sql")

SERVICES: Final = {"triage": Role.LEAD}
"""What a service may do beyond its own events."""

ORIGINS: Final = (Origin.LIVE, Origin.DEMO, Origin.PRACTICE)
"""Events of an import cause nothing."""


def service_token(settings: Settings, service: str, origin: Origin) -> str:
    """The token of a service for what events of one origin cause."""
    return f"day_{settings.password_of(f'service:{service}:{origin}')}"


async def write_service_tokens(owner: Connection, settings: Settings) -> None:
    """Makes the table know the tokens of this secret and no others. Safe at any time."""
    rows = [
        (
            sha256(service_token(settings, service, origin).encode()).digest(),
            uuid5(NAMESPACE_URL, f"daybook:{service}:{origin}"),
            f"service {service}",
            role.value,
            origin.value,
            service,
        )
        for service, role in SERVICES.items()
        for origin in ORIGINS
    ]
    async with owner.transaction():
        await owner.execute(SQL["forget"], [row[0] for row in rows])
        await owner.execute(SQL["remember"], *zip(*rows, strict=True))
