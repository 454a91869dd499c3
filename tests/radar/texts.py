"""Chance -> subjects and bodies of tickets: of a made-up language, or of real customers' questions where there are any.

The made-up desk needs no data: topics with words of their own on a common vocabulary with Zipf's frequencies. The real
one takes every intent of BANKING77 and CLINC150 as a topic, and says two of its questions in a ticket.
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Protocol

SYLLABLES = str.split(
    "ba ce di fo gu ka le mi no pu ra se ti vo zu cha dre fli gro pla sti tru bel dor gan hem jor lin mer nus"
)
HOSTS = ("mail", "db", "gw", "app", "file", "print")
FORMS = ("error {}", "we get code {}", "it says error code {}", "{} on the screen", "shows {}", "Error: {}", "({})")


class Texts(Protocol):
    """Where words come from."""

    topics: int

    def category(self, topic: int) -> str: ...

    def ticket(self, topic: int, chance: Random) -> tuple[str, str]: ...

    def matter(self, topic: int, chance: Random) -> Matter: ...


@dataclass
class Matter:
    """What an incident is about: a topic, words that some of the reports use, and a name that some of them give."""

    topic: int
    words: list[str] = field(default_factory=list)
    entity: str = ""


def entity(chance: Random) -> str:
    """The name of a thing that fails: a code, a host, a product."""
    kind = chance.randrange(3)
    if kind == 0:
        return f"{chance.choice('ABDEFKLMPSTXZ')}{chance.randrange(1000, 9999)}"
    if kind == 1:
        return f"{chance.choice(HOSTS)}-{chance.randrange(10, 99)}.example.{chance.choice(('net', 'org'))}"
    return f"{chance.randrange(1000, 9999)}"


def naming(name: str, chance: Random) -> str:
    form = chance.choice(FORMS[:3] + FORMS[5:6] if name.isdigit() else FORMS)
    return form.format(name)


@dataclass
class Made:
    """A made-up language."""

    seed: int
    topics: int = 80
    general: list[str] = field(init=False)
    special: list[list[str]] = field(init=False)
    weights: list[float] = field(init=False)

    def __post_init__(self) -> None:
        chance = Random(f"language {self.seed}")
        words: dict[str, None] = {}
        while len(words) < 6_000:
            words["".join(chance.choices(SYLLABLES, k=chance.choice((2, 2, 3, 3, 4))))] = None
        known = list(words)
        self.general = known[:4_000]
        self.weights = list(accumulate(1 / (rank + 8) for rank in range(len(self.general))))
        self.special = [chance.sample(known[3_000:], 24) for _ in range(self.topics)]

    def category(self, topic: int) -> str:
        return f"area {topic % 12}"

    def ticket(self, topic: int, chance: Random) -> tuple[str, str]:
        own = self.special[topic]
        subject = [*chance.sample(own, 2), *self._some(chance, 2)]
        body = [
            *(chance.choice(own) for _ in range(chance.randrange(2, 6))),
            *self._some(chance, chance.randrange(8, 28)),
        ]
        chance.shuffle(subject)
        chance.shuffle(body)
        if chance.random() < 0.08:
            body.append(naming(entity(Random(f"{topic} {chance.randrange(12)}")), chance))
        return " ".join(subject), " ".join(body)

    def _some(self, chance: Random, count: int) -> list[str]:
        return chance.choices(self.general, cum_weights=self.weights, k=count)

    def matter(self, topic: int, chance: Random) -> Matter:
        return Matter(topic, chance.sample(self.general[400:], 4), entity(chance))


@dataclass
class Real:
    """Questions of real customers, by their intent."""

    folder: Path
    topics: int = field(init=False)
    names: list[str] = field(init=False)
    questions: list[list[str]] = field(init=False)

    def __post_init__(self) -> None:
        found: dict[str, list[str]] = {}
        for file, label in (("banking77_train", "category"), ("clinc150_full", "intent")):
            with gzip.open(self.folder / "texts" / f"{file}.csv.gz", "rt", encoding="utf-8") as lines:
                for row in csv.DictReader(lines):
                    if not row[label].startswith("oos"):
                        found.setdefault(row[label], []).append(row["text"])
        self.names = sorted(found)
        self.questions = [found[name] for name in self.names]
        self.topics = len(self.names)

    def category(self, topic: int) -> str:
        return self.names[topic].split("_")[0]

    def ticket(self, topic: int, chance: Random) -> tuple[str, str]:
        first, second = chance.choice(self.questions[topic]), chance.choice(self.questions[topic])
        words = first.split()
        subject = " ".join(words[: chance.randrange(3, 8)])
        body = first if chance.random() < 0.5 else f"{first} {second}"
        if chance.random() < 0.05:
            body += " " + naming(entity(Random(f"{topic} {chance.randrange(12)}")), chance)
        return subject, body

    def matter(self, topic: int, chance: Random) -> Matter:
        return Matter(topic, [], entity(chance))
