"""Calendars, policies and routes of a clients file: checked and explained without a desk, or put into its log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from contracts.calendars import PutCalendar
from contracts.clients import ClientRegistered, Tier
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.policies import PutPolicy
from contracts.routes import PutRoutes
from contracts.subjects import client_stream
from services.kit.clients import Author
from services.kit.configuration import Put, decide, put_configuration
from services.kit.postgres import Pool
from services.kit.routes import put_routes
from services.kit.rules.policies import Calendars, Policies
from services.kit.rules.preview import preview
from services.kit.rules.routes import decide_routes

SETS = files("services.cli") / "desks"


class Terms(BaseModel):
    """What clocks and routing go by: for one client, or under `desk:` for every client without its own."""

    model_config = ConfigDict(extra="forbid")

    calendars: tuple[PutCalendar, ...] = Field(default=(), max_length=50)
    policy: PutPolicy | None = None
    routes: PutRoutes | None = None

    def commands(self) -> list[Put]:
        return [*self.calendars, *([self.policy] if self.policy else [])]


@dataclass(frozen=True)
class Told:
    """What became of the terms of one client, and when its tickets would be due by them."""

    put: list[str] = field(default_factory=list)
    due: list[str] = field(default_factory=list)


def shipped(name: Path) -> Path:
    """The file, or the set of that name that comes with the product: office, shop, operations."""
    found = Path(str(SETS / f"{name}.yaml"))
    return found if not name.exists() and name.name == str(name) and found.exists() else name


def names_of_sets() -> str:
    return ", ".join(sorted(Path(str(entry)).stem for entry in SETS.iterdir() if str(entry).endswith(".yaml")))


def explained(
    slug: str, terms: Terms, desk: Sequence[Recorded[Event]], now: datetime
) -> tuple[Told, list[Recorded[Event]]]:
    """The same decisions as the desk's, on the file alone. Raises Refused. Gives the client's history too."""
    known = ClientRegistered(client=slug, name=slug, prefix="AA", zone="UTC", tier=Tier.STANDARD)
    history, told = [_recorded(slug, 1, now, known)], Told()
    for command in terms.commands():
        event = decide(slug, command, history, desk, now)
        if event is not None:
            history.append(_recorded(slug, len(history) + 1, now, event))
            told.put.append(f"{kind(command)} {command.name}")
    if terms.routes is not None and decide_routes(slug, terms.routes, history, None) is not None:
        told.put.append("routes")  # whether the teams are there, only a desk can say
    books = Policies.of(history, desk), Calendars.of(history, desk)
    told.due.extend(line.sentence for line in preview(*books, now))
    return told, history


async def put_terms(pool: Pool, slug: str, terms: Terms, author: Author) -> Told:
    """Puts what is news. Raises Refused, and NotAppended where somebody else was faster."""
    told = Told()
    for command in terms.commands():
        async with pool.acquire() as connection:
            event, _ = await put_configuration(connection, slug, command, author, datetime.now(UTC))
        news = "unchanged" if event is None else f"version {event.version}"
        told.put.append(f"{kind(command)} {command.name} {news}")
    if terms.routes is not None:
        async with pool.acquire() as connection:
            routes, _ = await put_routes(connection, slug, terms.routes, author)
        told.put.append("routes unchanged" if routes is None else f"routes version {routes.version}")
    return told


def kind(command: Put) -> str:
    return "calendar" if isinstance(command, PutCalendar) else "policy"


def _recorded(slug: str, version: int, at: datetime, event: Event) -> Recorded[Event]:
    return Recorded(
        lane=0, position=version, client=slug, sequence=version, number=None, stream=client_stream(slug),
        version=version, id=UUID(int=version), type=event.type, schema_version=1, actor="system:cli", causation=None,
        origin="live", occurred_at=at, recorded_at=at, trace=None, data=event,
    )  # fmt: skip
