"""The YAML files under texts/ enter, one frozen Bank leaves. Reads files, decides nothing.

Texts contain $words that `services.demo.wording` fills; a wrong field in a file is refused here by its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field

from contracts.calendars import PutCalendar
from contracts.clients import Tier
from contracts.people import Level, Role
from contracts.policies import PutPolicy
from contracts.terms import CauseClass, Status, Tone, Urgency

TEXTS = Path(__file__).with_name("texts")

Texts = tuple[str, ...]

WISHES = frozenset({"request", "billing"})  # categories


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Question(Part):
    ask: str
    answer: str


class Fix(Part):
    """How a case of this topic ends; the four texts belong together."""

    note: str
    cause: str
    done: str
    avoid: str
    cause_class: CauseClass = Field(alias="class")


class Topic(Part):
    """One kind of problem or wish, in one language."""

    name: str
    category: str
    language: str = "en"
    weight: int
    kinds: Texts = ()
    """Kinds of clients that have it; empty: all."""
    urgency: Mapping[Urgency, int]
    slots: Mapping[str, Texts]
    subjects: Texts
    openings: Texts
    details: Texts
    impacts: Texts
    questions: tuple[Question, ...]
    fixes: tuple[Fix, ...]

    @property
    def is_wish(self) -> bool:
        """Nothing is broken: somebody wants or asks something."""
        return self.category in WISHES or self.name == "how-to"


class Around(Part):
    """What a mood adds before and after the matter."""

    before: Texts
    after: Texts


class Phrases(Part):
    """What people say in one language around the matter itself."""

    greetings: Texts
    byes: Texts
    parts_of_day: Texts
    dayparts: Texts
    since: Texts
    moods: Mapping[Tone, Around]
    nags: Mapping[Tone, Texts]
    thanks: Texts
    found_it: Texts
    back: Texts
    hello: Texts
    sign: Texts
    first: Texts
    calm: Texts
    asks: Texts
    progress: Texts
    supplier: Texts
    nexts: Texts
    solved: Texts
    granted: Texts
    noted: Texts
    bring_back: Texts
    notes: Texts
    handovers: Texts
    internal: Texts
    explain: Mapping[Status, str]
    priority_reasons: Texts
    reopen_reason: str
    no_answer: str
    closings: Texts
    checkpoint_moved: Texts
    days: Texts
    clock: str
    when: str
    attached: str
    """A regular expression for texts that name an attachment."""


class ClientSpec(Part):
    slug: str
    name: str
    prefix: str
    kind: str
    zone: str
    tier: Tier
    hours: tuple[time, time]
    languages: Mapping[str, int]
    domain: str
    people: int
    share: int
    weekend: float
    apps: Texts
    hosts: Texts
    sites: Texts
    teams: Texts


class DeskPerson(Part):
    given: str
    family: str
    role: Role
    level: Level
    teams: Texts
    languages: Texts
    start: time = Field(alias="from")
    end: time = Field(alias="to")

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}"


class DeskSpec(Part):
    domain: str
    zone: str
    people: tuple[DeskPerson, ...]


class Names(Part):
    given: Texts
    family: Texts


class Reports(Part):
    subjects: Texts
    openings: Texts
    details: Texts
    impacts: Texts


class Letters(Part):
    first: str
    updates: Texts
    solved: str


class Known(Part):
    """What is said of the incident that the radar finds; it names no client."""

    title: str
    update: str
    report: str


class Outage(Part):
    code: str
    tag: str
    service: str
    starts: time
    minutes_to_last_client: int
    minutes_to_fix: int
    clients: Texts
    tickets: Mapping[str, int]
    category: str
    reports: Mapping[str, Reports]
    letters: Mapping[str, Letters]
    notes: Texts
    priority_reason: str
    nags: Mapping[str, Texts]
    incident: Known


class Logs(Part):
    """What stands in the small files that people attach."""

    names: Texts
    lines: Texts
    failures: Texts


class Promised(Part):
    """What the desk has promised to all of its clients."""

    calendars: tuple[PutCalendar, ...]
    policy: PutPolicy


class Bank(Part):
    """All texts, people and places of the demo."""

    clients: tuple[ClientSpec, ...]
    desk: DeskSpec
    names: Mapping[str, Names]
    devices: Texts
    topics: tuple[Topic, ...]
    phrases: Mapping[str, Phrases]
    outage: Outage
    logs: Logs
    terms: Promised


def load(folder: Path = TEXTS) -> Bank:
    """The whole bank. Raises pydantic.ValidationError with the field's name where a file is wrong."""
    people = _read(folder / "people.yaml")
    phrases = {path.stem: _read(path) for path in sorted((folder / "phrases").glob("*.yaml"))}
    bank = Bank.model_validate(
        {
            "clients": _read(folder / "clients.yaml"),
            "topics": tuple(_topics(folder / "topics")),
            "phrases": phrases,
            "outage": _read(folder / "outage.yaml"),
            "logs": _read(folder / "logs.yaml"),
            "terms": _read(folder / "terms.yaml"),
            **people,
        }
    )
    for client in bank.clients:
        ZoneInfo(client.zone)  # raises for a zone that does not exist, before a month is half played
    return bank


def _topics(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("*.yaml")):
        file = _read(path)
        for topic in file["topics"]:
            yield {"language": file["language"], **topic}


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))
