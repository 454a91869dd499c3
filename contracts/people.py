"""Commands and events of people: requesters of a client, and the desk's own agents; and the desk's clock. Pure data."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Final
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from contracts.model import Command, Event, Part, Personal, Word

Address = Annotated[str, StringConstraints(min_length=3, max_length=254, pattern=r"^[^@\s\x00]+@[^@\s\x00]+$")]
"""A mail address. Its local part is not judged here; the domain is checked at the door."""


LanguageCode = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
"""A language by its ISO 639 code: de, not de-CH."""

CAPACITY: Final = 20  # open tickets that an agent is given before others are, where nothing else is said


class Role(StrEnum):
    """What a token or a login may do."""

    ADMINISTRATOR = "administrator"
    MANAGER = "manager"
    LEAD = "lead"
    AGENT = "agent"
    AUDITOR = "auditor"
    INTAKE = "intake"
    SUBSCRIBER = "subscriber"


class Level(StrEnum):
    L1 = "L1"
    L2 = "L2"
    L3 = "L3"


class Requester(Command):
    """The person who asks, as given with a ticket: known by address within the client, registered where new."""

    email: Address
    name: str = Field(default="", max_length=200)


class RegisterAgent(Command):
    """Makes a login for one of the desk's people. The password is kept as a hash, outside the log."""

    email: Address
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    role: Role = Role.AGENT
    level: Level = Level.L1
    teams: tuple[Word, ...] = Field(default=(), max_length=50)
    clients: tuple[str, ...] = Field(default=(), max_length=1000, description="empty: all clients")
    languages: tuple[LanguageCode, ...] = Field(default=(), max_length=50, description="routes go by them")
    skills: tuple[Word, ...] = Field(default=(), max_length=100, description="what routes may ask for")
    capacity: int = Field(default=CAPACITY, ge=1, le=1000, description="open tickets; who has as many is given none")
    available: bool = Field(default=True, description="false: away, and given no tickets")
    password: Annotated[str, StringConstraints(min_length=8, max_length=200)] | None = None


class PersonRegistered(Event):
    """A requester became known. `address` is absent where an import has none."""

    type: ClassVar[str] = "person.registered"
    name: Personal
    address: Personal | None = None


class Profile(Part):
    """What the desk expects of and for a requester (F19); each from 1, low, to 5, high."""

    knowledge: int | None = None
    confidence: int | None = None
    expectations: int | None = None


class PersonProfiled(Event):
    type: ClassVar[str] = "person.profiled"
    profile: Profile


class PersonErased(Event):
    """The person's key is gone; what was sealed with it can't be read any more. Counts and times stay."""

    type: ClassVar[str] = "person.erased"
    person: UUID


class AgentRegistered(Event):
    type: ClassVar[str] = "agent.registered"
    schema_version: ClassVar[int] = 2
    name: Personal
    address: Personal
    role: Role
    level: Level
    teams: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    capacity: int = CAPACITY
    available: bool = True


class AgentChanged(Event):
    type: ClassVar[str] = "agent.changed"
    schema_version: ClassVar[int] = 2
    name: Personal
    address: Personal
    role: Role
    level: Level
    teams: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    capacity: int = CAPACITY
    available: bool = True


class AgentDeactivated(Event):
    """`reason` is sealed to the agent whom it is about."""

    type: ClassVar[str] = "agent.deactivated"
    reason: Personal | None = None


class ClockTicked(Event):
    """Where time is what the log says, it is now this late."""

    type: ClassVar[str] = "clock.ticked"
    now: AwareDatetime
