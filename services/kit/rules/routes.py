"""(What was put, what was said before, who works at the desk) -> the event that sets routes, and those in force. Pure.

A route that leads to nobody is refused when it is put: its tickets would wait for ever, and what is escalated would
come back to whoever escalated it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from contracts.clients import ClientRegistered
from contracts.envelope import Recorded
from contracts.model import DESK, Event
from contracts.people import Level
from contracts.routes import Give, PutRoutes, RouteRow, RoutesSet, Use
from services.kit.refused import Refused
from services.kit.rules.routing import LEVELS, Route


class Known(Protocol):
    """What a route is held against of one of the desk's people."""

    @property
    def level(self) -> Level: ...
    @property
    def teams(self) -> tuple[str, ...]: ...
    @property
    def skills(self) -> tuple[str, ...]: ...


def decide_routes(
    slug: str, command: PutRoutes, history: Sequence[Recorded[Event]], staff: Collection[Known] | None
) -> RoutesSet | None:
    """The event that sets what is asked for; None where that is in force already. Without `staff` it is not known who
    works at the desk. Raises Refused with the field."""
    if slug != DESK and not any(isinstance(event.data, ClientRegistered) for event in history):
        raise Refused("unknown_client", f"there is no client {slug}", "client")
    if slug == DESK and command.use is Use.DESK:
        raise Refused("invalid_field", 'these are the desk\'s routes: "use" is "own" or "off" here', "use")
    for number, row in enumerate(command.routes):
        if slug != DESK and row.client not in (None, slug):
            sentence = f"route {number + 1} is for {row.client}, and these are {slug}'s routes: put it into _desk's"
            raise Refused("invalid_field", sentence, f"routes.{number}.client")
        if staff is not None:
            _refuse_nobody(number, row, staff)
    routes = tuple(RouteRow.model_validate(row.model_dump()) for row in command.routes)
    before = last_set(history)
    if before is None and command.use is Use.DESK:
        return None
    if before is not None and (before.use, before.routes) == (command.use, routes):
        return None
    version = before.version + 1 if before else 1
    return RoutesSet(client=slug, version=version, use=command.use, routes=routes)


def _refuse_nobody(number: int, row: RouteRow, staff: Collection[Known]) -> None:
    """A team is known by the people who belong to it."""
    team = [one for one in staff if row.team in one.teams]
    if not team:
        known = sorted({name for one in staff for name in one.teams})
        told = f"the teams are {', '.join(known[:20])}" if known else "nobody belongs to any team yet"
        raise Refused("unknown_team", f"nobody belongs to a team {row.team!r}; {told}", f"routes.{number}.team")
    if row.level is not None and not any(LEVELS.index(one.level) >= LEVELS.index(row.level) for one in team):
        sentence = f"nobody of team {row.team} has level {row.level}: what is escalated to it would come back"
        raise Refused("nobody_of_level", sentence, f"routes.{number}.level")
    if not any(set(row.skills) <= set(one.skills) for one in team):
        sentence = f"nobody of team {row.team} knows {' and '.join(row.skills)}"
        raise Refused("unknown_skill", sentence, f"routes.{number}.skills")


def last_set(history: Iterable[Recorded[Event]]) -> RoutesSet | None:
    """What a client's own stream says last."""
    found = None
    for event in history:
        found = event.data if isinstance(event.data, RoutesSet) else found
    return found


def in_force(own: RoutesSet | None, desk: RoutesSet | None) -> RoutesSet | None:
    """By whose routes a client's tickets go; None where nobody set any. What is off is told as such."""
    return desk if own is None or own.use is Use.DESK else own


def rows_for(client: str, told: RoutesSet | None) -> list[RouteRow]:
    """Those of them that a client's tickets can go by: what the desk has for others is none of its business."""
    return [row for row in told.routes if client == DESK or row.client in (None, client)] if told else []


def routes_of(told: RoutesSet | None) -> tuple[Route, ...]:
    """What routing goes by; none where routes are off."""
    return () if told is None else tuple(route_of(row) for row in told.routes)


def route_of(row: RouteRow) -> Route:
    return Route(
        team=row.team,
        category=row.category,
        level=row.level,
        language=row.language,
        skills=frozenset(row.skills),
        client=row.client,
        to_team=row.give is Give.TEAM,
    )
