"""Who works a client's new tickets, and who works what was escalated: as it is put, and as an event. Pure data.

A route says for which tickets it is and to which team they go; what it leaves out counts for any. The one that names
most wins, of equals the first.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field, StringConstraints, field_validator, model_validator

from contracts.model import ClientId, Command, Event, Part, Word, contradiction
from contracts.people import LanguageCode, Level

ROUTES_MAX: Final = 200
SKILLS_MAX: Final = 20
KEYS: Final = ("client", "category", "level", "language")
"""What a route may ask of a ticket."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True)]


class Give(StrEnum):
    """Whom a team's ticket is given to: whoever of it fits and has least to do, or nobody, until one takes it."""

    LEAST_LOADED = "least_loaded"
    TEAM = "team"


class RouteRow(Part):
    """For which tickets (what is absent means any), and who works them."""

    client: ClientId | None = None
    category: Word | None = None
    level: Level | None = Field(default=None, description="absent: any level; new tickets are L1 until escalated")
    language: Word | None = None
    skills: tuple[Name, ...] = Field(default=(), max_length=SKILLS_MAX, description="asked of whoever is given it")
    team: Name
    give: Give = Give.LEAST_LOADED

    def conditions(self) -> tuple[str | None, ...]:
        return tuple(None if (value := getattr(self, key)) is None else str(value) for key in KEYS)


class StrictRouteRow(RouteRow):
    """A route as it is asked for: a misspelt field is refused by name."""

    model_config = ConfigDict(extra="forbid")
    language: LanguageCode | None = None


class Use(StrEnum):
    """By which routes a client's tickets go: its own, the desk's, or none."""

    OWN = "own"
    DESK = "desk"
    OFF = "off"


class PutRoutes(Command):
    """Sets the routes of a client anew; `_desk` has those of clients without their own."""

    use: Use = Use.OWN
    routes: tuple[StrictRouteRow, ...] = Field(default=(), max_length=ROUTES_MAX)

    @field_validator("routes")
    @classmethod
    def _each_once(cls, routes: tuple[StrictRouteRow, ...]) -> tuple[StrictRouteRow, ...]:
        seen: dict[tuple[str | None, ...], int] = {}
        for number, route in enumerate(routes, 1):
            first = seen.setdefault(route.conditions(), number)
            if first != number:
                raise ValueError(f"routes {first} and {number} are for the same tickets: take one of them out")
        return routes

    @model_validator(mode="after")
    def _says_where(self) -> PutRoutes:
        if self.use is Use.OWN and not self.routes:
            remedy = 'name at least one route, or write "use": "off" (nobody is given tickets) or "desk" (the desk\'s)'
            raise contradiction("routes", f"no route leads anywhere: {remedy}")
        if self.use is not Use.OWN and self.routes:
            raise contradiction(
                "use", f'with "use": "{self.use}" no route counts: leave the routes out, or write "own"'
            )
        return self


class RoutesSet(Event):
    """One version of a client's routes. They are for tickets that come from then on, and for what is escalated."""

    type: ClassVar[str] = "client.routes_set"
    client: ClientId
    version: int = Field(ge=1, description="counts the versions, from 1")
    use: Use
    routes: tuple[RouteRow, ...] = ()
