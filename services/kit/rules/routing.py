"""(A ticket's matter, a client's routes, who is there) -> team and agent, with the reasons in words. Pure.

The route that names most wins, as a policy's row does; within its team the agent is taken who may and can do it, speaks
the requester's language, is not above the level that is needed, and has least to do. Nobody is given a ticket against
what they may see, and where nobody fits the ticket waits for its team.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from uuid import UUID

from contracts.people import Level

LEVELS: Final = tuple(Level)
"""L1 to L3, least first."""

NAMES: Final[Mapping[str, str]] = {
    "ar": "Arabic", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish",
    "fi": "Finnish", "fr": "French", "he": "Hebrew", "hu": "Hungarian", "it": "Italian", "ja": "Japanese",
    "ko": "Korean", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sv": "Swedish", "tr": "Turkish", "uk": "Ukrainian", "zh": "Chinese",
}  # fmt: skip


@dataclass(frozen=True)
class Matter:
    """What is known of a ticket that is to be worked by somebody."""

    client: str
    category: str | None = None
    level: Level = Level.L1
    language: str | None = None
    skills: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Route:
    """Where tickets of a kind go; what is None counts for any. `skills` are asked of whoever takes it."""

    team: str
    category: str | None = None
    level: Level | None = None
    language: str | None = None
    skills: frozenset[str] = frozenset()
    client: str | None = None
    to_team: bool = False
    """Nobody of the team is given the ticket: one takes it."""

    def fits(self, matter: Matter) -> bool:
        asked = (
            (self.client, matter.client),
            (self.category, matter.category),
            (self.level, matter.level),
            (self.language, matter.language),
        )
        return all(mine is None or mine == theirs for mine, theirs in asked)

    @property
    def names(self) -> int:
        """How much of a ticket it names."""
        return sum(mine is not None for mine in (self.client, self.category, self.level, self.language))


@dataclass(frozen=True)
class Worker:
    """One of the desk's people, and what they have to do. `clients` empty: all of them."""

    id: UUID
    level: Level
    teams: frozenset[str]
    clients: frozenset[str] = frozenset()
    languages: frozenset[str] = field(default_factory=frozenset)
    skills: frozenset[str] = frozenset()
    load: int = 0
    """Open tickets."""
    capacity: int = 20
    present: bool = True


class Routed(NamedTuple):
    """Who works a ticket, and why. Without a team no route fits, without an agent nobody of the team does."""

    team: str | None
    agent: UUID | None
    why: tuple[str, ...]


def route(matter: Matter, routes: Sequence[Route], workers: Collection[Worker]) -> Routed:
    """Where a ticket goes. The same question has the same answer, in whatever order people are told."""
    fitting = [one for one in routes if one.fits(matter)]
    if not fitting:
        return Routed(None, None, ("no route fits",))
    chosen = max(fitting, key=lambda one: one.names)  # of equals the first
    why = [f"to team {chosen.team}: {_conditions(chosen)}"]
    if chosen.to_team:
        return Routed(chosen.team, None, (*why, "the team takes it"))
    able = _able(matter, chosen, workers, why)
    if not able:
        return Routed(chosen.team, None, tuple(why))
    best = min(able, key=lambda one: _rank(matter, one))
    why.append(_grounds(matter, matter.skills | chosen.skills, best, able))
    return Routed(chosen.team, best.id, tuple(why))


def _able(matter: Matter, chosen: Route, workers: Collection[Worker], why: list[str]) -> list[Worker]:
    """Who is left after each condition. `why` is told of the condition that leaves nobody."""
    needed = matter.skills | chosen.skills
    left = [one for one in workers if chosen.team in one.teams and one.present]
    steps = (
        ("nobody of the team is there", lambda one: True),
        (f"nobody there may see {matter.client}", lambda one: not one.clients or matter.client in one.clients),
        (f"nobody there has level {matter.level}", lambda one: _height(one.level) >= _height(matter.level)),
        (f"nobody there knows {', '.join(sorted(needed))}", lambda one: needed <= one.skills),
        ("everybody who fits has enough to do", lambda one: one.load < one.capacity),
    )
    for sentence, holds in steps:
        left = [one for one in left if holds(one)]
        if not left:
            why.append(sentence)
            break
    return left


def _rank(matter: Matter, one: Worker) -> tuple[bool, int, float, UUID]:
    """Least first: speaks the language, no higher level than needed, least of the capacity used, then by id."""
    above = _height(one.level) - _height(matter.level)
    return not _speaks(matter, one), above, one.load / one.capacity, one.id


def _speaks(matter: Matter, one: Worker) -> bool:
    return matter.language is None or matter.language in one.languages


def _height(level: Level) -> int:
    return LEVELS.index(level)


def _conditions(chosen: Route) -> str:
    """What the route names, in words; skills are what it asks of people."""
    named = (
        ("client", chosen.client),
        ("category", chosen.category),
        ("level", chosen.level),
        ("language", chosen.language and spoken(chosen.language)),
    )
    told = [f"{name} {value}" for name, value in named if value is not None]
    return ", ".join(told) or "every ticket"


def _grounds(matter: Matter, needed: frozenset[str], best: Worker, able: Collection[Worker]) -> str:
    """Why this one of those who could."""
    parts = []
    if needed:
        parts.append(f"knows {', '.join(sorted(needed))}")
    if matter.language is not None:
        speaks = _speaks(matter, best)
        parts.append(f"{'' if speaks else 'nobody who fits '}speaks {spoken(matter.language)}")
    if len(able) == 1:
        return ", ".join([*parts, f"the one who fits ({best.load} open tickets)"])
    fewest = best.load / best.capacity <= min(one.load / one.capacity for one in able)
    said = "fewest open tickets" if fewest else f"level {best.level}, fewest open tickets of those who suit best"
    return ", ".join([*parts, f"{said} ({best.load})"])


def spoken(language: str) -> str:
    """A language by its English name; one that has none here by its code."""
    return NAMES.get(language, language)


def sentence(found: Routed) -> str:
    """Why, as a history tells it: To team payments: category billing, speaks German, fewest open tickets (4)"""
    told = ", ".join(found.why)
    return told[:1].upper() + told[1:]
