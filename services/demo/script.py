"""(bank, seed, start, end) -> the actions of a desk's month, in order of time. Pure.

The same arguments give the same actions for ever. Nothing happens at or after `end`: what is open then stays open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from random import Random

from contracts.calendars import WEEK, Intervals, PutCalendar, Weekday
from contracts.clients import PutClient
from contracts.model import DESK
from contracts.people import RegisterAgent
from contracts.terms import Channel, Tone, Urgency
from services.demo.actions import Action, Terms
from services.demo.arrivals import arrivals
from services.demo.bank import Bank, Topic
from services.demo.cast import Agent, Cast, Client, Requester, assemble
from services.demo.chance import source, weighted
from services.demo.last_day import Cue, cues, suits
from services.demo.outage import begins, incident, outage
from services.demo.plots import Case, play_out
from services.demo.thread import Thread
from services.demo.wording import MOODS, compose, topic_slots, voice_of

SHORTEST = timedelta(days=7)  # an outage and the weeks around it need room
PASSWORD = "daybook-demo"  # noqa: S105 - printed on the screen when the demo has played, for everybody to use
CHANNELS = {Channel.MAIL: 42.0, Channel.WEB: 36.0, Channel.PHONE: 12.0, Channel.CHAT: 6.0, Channel.API: 4.0}
UNSTATED = 0.25  # part of the tickets whose requester names no urgency


def month(bank: Bank, seed: int, start: datetime, end: datetime) -> Iterator[Action]:
    """Every action in [start, end). Raises ValueError where the window is shorter than a week."""
    if end - start < SHORTEST:
        raise ValueError(f"the demo needs at least {SHORTEST.days} days, from {start:%F} to {end:%F} are fewer")
    cast = assemble(bank, seed)
    yield from opening(cast, start)
    yield from terms(bank, cast, start)
    yield from sorted(
        (action for action in _threads(bank, cast, seed, start, end) if start <= action.at < end),
        key=lambda action: (action.at, action.thread),
    )


def opening(cast: Cast, start: datetime) -> Iterator[Action]:
    """The desk is set up: its clients, then its people."""
    for client in cast.clients:
        yield Action(start, f"client:{client.spec.slug}", client.spec.slug, _put(client))
    for agent in cast.agents:
        yield Action(start, f"agent:{agent.email}", DESK, _register(agent))


def terms(bank: Bank, cast: Cast, start: datetime) -> Iterator[Action]:
    """What was promised: a policy for all, and the hours of each client."""
    promised: tuple[Terms, ...] = (*bank.terms.calendars, bank.terms.policy)
    for number, command in enumerate(promised):
        yield Action(start, f"terms:{number}", DESK, command)
    for client in cast.clients:
        opens, closes = (f"{end:%H:%M}" for end in client.spec.hours)
        hours: dict[Weekday, Intervals] = {WEEK[day]: ((opens, closes),) for day in sorted(client.shift.days)}
        calendar = PutCalendar(zone=client.spec.zone, hours=hours)
        yield Action(start, f"hours:{client.spec.slug}", client.spec.slug, calendar)


def _put(client: Client) -> PutClient:
    spec = client.spec
    languages = tuple(sorted(spec.languages, key=lambda name: -spec.languages[name]))
    return PutClient(name=spec.name, prefix=spec.prefix, zone=spec.zone, tier=spec.tier, languages=languages)


def _register(agent: Agent) -> RegisterAgent:
    person = agent.person
    return RegisterAgent(
        email=agent.email,
        name=person.name,
        role=person.role,
        level=person.level,
        teams=person.teams,
        password=PASSWORD,
    )


def _threads(bank: Bank, cast: Cast, seed: int, start: datetime, end: datetime) -> Iterator[Action]:
    shares = sum(client.spec.share for client in cast.clients)
    for client in cast.clients:
        for at, name in arrivals(client, shares, seed, start, end):
            yield from _ordinary(bank, cast, client, source(seed, "ticket", name), name, at)
    began = begins(bank, start, end)
    yield from outage(bank, cast, seed, began)
    yield from incident(bank, cast, began)
    yield from _last_day(bank, cast, seed, end)


def _ordinary(bank: Bank, cast: Cast, client: Client, chance: Random, name: str, at: datetime) -> Iterable[Action]:
    who = chance.choice(client.requesters)
    topic = _topic([t for t in bank.topics if concerns(t, client, who)], chance)
    mood = weighted(chance, MOODS)
    urgency = _urgency(topic, mood, chance)
    voice = voice_of(bank, client, who, topic_slots(topic, chance), at, chance)
    thread = Thread(name, cast, client, who, voice, at, logs=bank.logs)
    _begin(thread, topic, mood, urgency)
    play_out(thread, Case(topic, mood, urgency in {Urgency.HIGH, Urgency.CRITICAL}), chance)
    return thread.actions


def _last_day(bank: Bank, cast: Cast, seed: int, end: datetime) -> Iterator[Action]:
    awake, dated = cues(cast, end)
    order = source(seed, "last day").sample(awake.clients, len(awake.clients))
    for number, (at, cue) in enumerate(dated):
        yield from _cued(bank, awake, order[number % len(order)], seed, cue, number, at)


def _cued(bank: Bank, cast: Cast, client: Client, seed: int, cue: Cue, number: int, at: datetime) -> Iterable[Action]:
    name = f"{client.spec.slug}-last-{number:02d}"
    chance = source(seed, "ticket", name)
    who = chance.choice([r for r in client.requesters if r.language == "en"])
    topic = _topic([t for t in bank.topics if concerns(t, client, who) and suits(t, cue)], chance)
    voice = voice_of(bank, client, who, topic_slots(topic, chance), at, chance)
    thread = Thread(name, cast, client, who, voice, at, logs=bank.logs)
    _begin(thread, topic, cue.mood, cue.urgency)
    cue.plot(thread, Case(topic, cue.mood, urgent=True), chance)
    return thread.actions


def _begin(thread: Thread, topic: Topic, mood: Tone, urgency: Urgency | None) -> None:
    channel = weighted(thread.voice.chance, CHANNELS)
    subject, body = compose(thread.voice, topic, mood, channel)
    thread.submit(subject, body, topic.category, urgency, channel)


def concerns(topic: Topic, client: Client, who: Requester) -> bool:
    return topic.language == who.language and (not topic.kinds or client.spec.kind in topic.kinds)


def _topic(topics: list[Topic], chance: Random) -> Topic:
    return chance.choices(topics, [topic.weight for topic in topics])[0]


def _urgency(topic: Topic, mood: Tone, chance: Random) -> Urgency | None:
    """As stated: often not at all, and never low by somebody in a hurry."""
    if mood is Tone.URGENT:
        return weighted(chance, {Urgency.HIGH: 3, Urgency.CRITICAL: 1})
    return None if chance.random() < UNSTATED else weighted(chance, topic.urgency)
