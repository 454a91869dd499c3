"""(Seed, size, texts) -> a desk's tickets in order, each with the incident or decoy that it belongs to.

Days have their hours, weeks their Mondays, topics drift from day to day; clients are of very different sizes. Incidents
come at any time of a working day, fastest at their start; each report keeps some of the matter's words and says the
rest in its own. Decoys: a noisy client, a marketing mail that many clients' boxes forward, Mondays, a new product.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import merge
from random import Random

from services.triage.radar.radar import Report
from tests.radar.texts import Matter, Texts, naming

DAY = 86_400.0
START = 1_767_571_200.0  # a Monday, 0:00 UTC
HOURS = (1, 1, 1, 1, 1, 2, 4, 8, 14, 16, 15, 13, 11, 13, 14, 13, 11, 8, 5, 4, 3, 2, 2, 1)
WEEK = (1.35, 1.1, 1.05, 1.0, 0.95, 0.3, 0.25)
SIZES = (3, 5, 8, 15, 30)


@dataclass(frozen=True)
class Plan:
    """What to simulate."""

    seed: int
    days: int = 42
    clients: int = 200
    per_day: int = 2_000
    incidents: int = 60
    naming: float = 0.5
    """The share of an incident's reports that name the entity."""
    decoys: bool = True
    warm: float = 5.0
    """Days before the first incident."""
    sizes: tuple[int, ...] = SIZES


@dataclass
class Incident:
    """What was injected."""

    name: str
    size: int
    tickets: list[str] = field(default_factory=list)
    clients: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    @property
    def third_client(self) -> float:
        """When the third client reported it; the last report where there were fewer."""
        seen: set[str] = set()
        for at, client in zip(self.times, self.clients, strict=True):
            seen.add(client)
            if len(seen) == 3:
                return at
        return self.times[-1]


@dataclass
class Desk:
    plan: Plan
    texts: Texts
    incidents: list[Incident] = field(default_factory=list)

    def __post_init__(self) -> None:
        chance = Random(f"desk {self.plan.seed}")
        self.names = [f"client-{number}" for number in range(self.plan.clients)]
        self.weights = [chance.lognormvariate(0, 1.0) for _ in self.names]
        topics = list(range(self.texts.topics))
        chance.shuffle(topics)
        self.shares = [0.0] * len(topics)
        for rank, topic in enumerate(topics):
            self.shares[topic] = 1 / (rank + 6)
        self.extra = sorted([*self._injected(chance), *(self._decoys(chance) if self.plan.decoys else ())])

    def reports(self) -> Iterator[Report]:
        """The tickets in order of time."""
        return merge(self._usual(), self.extra, key=lambda report: report.at)

    def _usual(self) -> Iterator[Report]:
        chance = Random(f"usual {self.plan.seed}")
        drift = [0.0] * len(self.shares)
        number = 0
        for day in range(self.plan.days):
            drift = [0.8 * one + chance.gauss(0, 0.18) for one in drift]
            shares = [share * 2.718281828**one for share, one in zip(self.shares, drift, strict=True)]
            total = int(self.plan.per_day * WEEK[day % 7] * chance.lognormvariate(0, 0.1))
            hours = chance.choices(range(24), HOURS, k=total)
            times = sorted(START + day * DAY + hour * 3600 + chance.random() * 3600 for hour in hours)
            whos = chance.choices(self.names, self.weights, k=total)
            topics = chance.choices(range(len(shares)), shares, k=total)
            for at, who, topic in zip(times, whos, topics, strict=True):
                number += 1
                yield self._report(at, who, f"T{number}", topic, chance)

    def _report(self, at: float, who: str, name: str, topic: int, chance: Random) -> Report:
        subject, body = self.texts.ticket(topic, chance)
        return Report(at, who, name, subject, body, self._category(topic, chance))

    def _category(self, topic: int, chance: Random) -> str | None:
        said = chance.random()
        if said < 0.3:
            return None
        return self.texts.category(topic if said < 0.9 else chance.randrange(self.texts.topics))

    def _injected(self, chance: Random) -> Iterator[Report]:
        plan = self.plan
        span = (plan.days - plan.warm - 0.5) / max(1, plan.incidents)
        for number in range(plan.incidents):
            day = int(plan.warm + (number + 0.5) * span)
            start = START + day * DAY + chance.uniform(7.5, 17) * 3600
            incident = Incident(f"I{number}", plan.sizes[number % len(plan.sizes)])
            topic = chance.randrange(self.texts.topics)
            matter = self.texts.matter(topic, chance)
            spread = chance.uniform(600, 2400)
            delays = sorted(min(chance.expovariate(1 / spread), 4 * spread) for _ in range(incident.size))
            who = [*chance.sample(self.names, max(3, round(incident.size * 0.9)))]
            who += chance.choices(who, k=incident.size - len(who))
            chance.shuffle(who)
            for place, (delay, client) in enumerate(zip(delays, who, strict=True)):
                name = f"{incident.name}-{place}"
                incident.tickets.append(name)
                incident.clients.append(client)
                incident.times.append(start + delay)
                yield self._told(start + delay, client, name, matter, chance)
            self.incidents.append(incident)

    def _told(self, at: float, client: str, name: str, matter: Matter, chance: Random) -> Report:
        """One client's report of a matter, in its own words."""
        subject, body = self.texts.ticket(matter.topic, chance)
        words = [word for word in matter.words if chance.random() < 0.4]
        if chance.random() < self.plan.naming:
            words.append(naming(matter.entity, chance))
        if chance.random() < 0.5 and words:
            subject += " " + words.pop()
        return Report(at, client, name, subject, f"{body} {' '.join(words)}", self._category(matter.topic, chance))

    def _decoys(self, chance: Random) -> Iterator[Report]:
        for week in range(1, self.plan.days // 7):
            start = START + (week * 7 + chance.randrange(5)) * DAY
            yield from self._noisy(start + chance.uniform(8, 15) * 3600, f"N{week}", chance)
            yield from self._marketing(start + chance.uniform(8, 15) * 3600, f"M{week}", chance)
        yield from self._product(chance)

    def _noisy(self, start: float, name: str, chance: Random) -> Iterator[Report]:
        """One client that tells the same thing forty times."""
        client, matter = chance.choice(self.names), self.texts.matter(chance.randrange(self.texts.topics), chance)
        for number in range(40):
            at = start + chance.random() * 5_400
            yield self._told(at, client, f"{name}-{number}", matter, chance)

    def _marketing(self, start: float, name: str, chance: Random) -> Iterator[Report]:
        """A newsletter that the boxes of a dozen clients forward to the desk."""
        subject, body = self.texts.ticket(chance.randrange(self.texts.topics), chance)
        offer = f"{body}. Save {chance.randrange(10, 60)} % this week! View in browser. Unsubscribe from our newsletter"
        for number, client in enumerate(chance.sample(self.names, 12)):
            at = start + chance.random() * 7_200
            yield Report(at, client, f"{name}-{number}", f"FW: {subject} webinar", offer, None)

    def _product(self, chance: Random) -> Iterator[Report]:
        """A product that nobody has heard of, and that more and more clients ask about from some day on."""
        first, number = int(self.plan.days * 0.5), 0
        for day in range(first, self.plan.days):
            for _ in range(min(day - first + 1, 10) * self.plan.per_day // 4_000):
                at = START + day * DAY + chance.choices(range(24), HOURS)[0] * 3600 + chance.random() * 3600
                topic, number = chance.randrange(self.texts.topics), number + 1
                report = self._report(at, chance.choices(self.names, self.weights)[0], f"P{number}", topic, chance)
                yield report._replace(body=report.body + " Nimbus360")
