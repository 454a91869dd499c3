"""The bank and a seed enter, the people of the month leave: clients with their requesters, and the desk. Pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from datetime import time
from random import Random
from zoneinfo import ZoneInfo

from contracts.people import Level
from services.demo.bank import Bank, ClientSpec, DeskPerson
from services.demo.chance import source, weighted
from services.demo.hours import ALL_DAYS, Shift

ON_CALL = "on-call"
WEEKEND_AT_WORK = 0.25  # share of a weekday's load from which on a client counts as working on Saturdays and Sundays
LAST_MINUTE = time(23, 59, 59)


@dataclass(frozen=True, slots=True)
class Agent:
    person: DeskPerson
    email: str
    shift: Shift

    @property
    def on_call(self) -> bool:
        return ON_CALL in self.person.teams


@dataclass(frozen=True, slots=True)
class Requester:
    name: str
    email: str
    language: str
    team: str
    device: str
    tag: str


@dataclass(frozen=True, slots=True)
class Client:
    spec: ClientSpec
    zone: ZoneInfo
    shift: Shift
    requesters: tuple[Requester, ...]


@dataclass(frozen=True, slots=True)
class Cast:
    clients: tuple[Client, ...]
    agents: tuple[Agent, ...]

    def client(self, slug: str) -> Client:
        return next(client for client in self.clients if client.spec.slug == slug)

    def speakers(self, language: str, *levels: Level) -> list[Agent]:
        """Who of these levels answers in this language."""
        return [a for a in self.agents if a.person.level in levels and language in a.person.languages]


def assemble(bank: Bank, seed: int) -> Cast:
    return Cast(
        clients=tuple(_client(bank, spec, source(seed, "people", spec.slug)) for spec in bank.clients),
        agents=tuple(_agent(bank, person) for person in bank.desk.people),
    )


def round_the_clock(cast: Cast) -> Cast:
    """The same people, always at work: for the last day, which must be alive at whatever hour the demo ends."""
    return Cast(
        clients=tuple(replace(client, shift=_always(client.zone)) for client in cast.clients),
        agents=tuple(replace(agent, shift=_always(agent.shift.zone)) for agent in cast.agents),
    )


def _always(zone: ZoneInfo) -> Shift:
    return Shift(zone, time.min, LAST_MINUTE, ALL_DAYS)


def _agent(bank: Bank, person: DeskPerson) -> Agent:
    days = ALL_DAYS if ON_CALL in person.teams else frozenset(range(5))
    shift = Shift(ZoneInfo(bank.desk.zone), person.start, person.end, days)
    return Agent(person, f"{address_part(person.name)}@{bank.desk.domain}", shift)


def _client(bank: Bank, spec: ClientSpec, chance: Random) -> Client:
    zone = ZoneInfo(spec.zone)
    days = ALL_DAYS if spec.weekend >= WEEKEND_AT_WORK else frozenset(range(5))
    people: dict[str, Requester] = {}
    while len(people) < spec.people:
        requester = _requester(bank, spec, chance)
        people.setdefault(requester.email, requester)
    return Client(spec, zone, Shift(zone, *spec.hours, days), tuple(people.values()))


def _requester(bank: Bank, spec: ClientSpec, chance: Random) -> Requester:
    language = weighted(chance, spec.languages)
    names = bank.names[language]
    name = f"{chance.choice(names.given)} {chance.choice(names.family)}"
    return Requester(
        name=name,
        email=f"{address_part(name)}@{spec.domain}",
        language=language,
        team=chance.choice(spec.teams),
        device=chance.choice(bank.devices),
        tag=f"{spec.prefix}-{chance.randrange(1000, 9999)}",
    )


def address_part(name: str) -> str:
    """A name as it stands before the @: lower case, dots for spaces, no accents."""
    plain = unicodedata.normalize("NFKD", name.lower().replace("ß", "ss"))
    return "".join(c for c in plain.replace(" ", ".") if c.isascii())
