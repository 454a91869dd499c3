"""The outage two thirds into the month: five clients, one cause, many wordings, updates and a resolution. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from contracts.incident_commands import ConfirmIncident, ResolveIncident, UpdateIncident
from contracts.model import DESK
from contracts.people import Level, Role
from contracts.terms import CauseClass, Channel, CloseReason, Priority, Urgency
from services.demo.actions import Action, IncidentStep
from services.demo.bank import Bank, Letters, Reports
from services.demo.cast import Cast, Client, Requester
from services.demo.chance import source, spread, weighted
from services.demo.hours import WEEKDAYS
from services.demo.thread import Thread
from services.demo.wording import Voice, fill, voice_of

WHEN = 2 / 3  # of the month
NAMED = "-outage-"  # in the name of each of its threads
KNOWN_MINUTES = 17  # after the first ticket the desk knows what it is
UPDATE_MINUTES = (72, 128)  # after the first ticket, when updates go out
CONFIRM_MINUTES, TOLD_MINUTES, OVER_MINUTES = 41, 96, 195  # after it, what a lead does with the radar's suspicion
NEXT_MINUTES = 210  # when the lead promises the next word
LAST_REPORT_MINUTES = 100  # from then on everybody knows
CHANNELS = {Channel.MAIL: 4.0, Channel.WEB: 4.0, Channel.PHONE: 3.0, Channel.CHAT: 1.0}
URGENCIES: dict[Urgency | None, float] = {Urgency.CRITICAL: 4, Urgency.HIGH: 5, Urgency.NORMAL: 1, None: 2}


@dataclass(frozen=True, slots=True)
class Report:
    """One ticket of the outage before its life is written."""

    client: Client
    requester: Requester
    at: datetime
    number: int


def begins(bank: Bank, start: datetime, end: datetime) -> datetime:
    """The instant of the first ticket: the office day that is nearest below two thirds of the month."""
    zone = ZoneInfo(bank.desk.zone)
    day = (start + (end - start) * WHEN).astimezone(zone).date()
    while day.weekday() not in WEEKDAYS:
        day -= timedelta(days=1)
    return datetime.combine(day, bank.outage.starts, zone).astimezone(UTC)


def outage(bank: Bank, cast: Cast, seed: int, began: datetime) -> Iterator[Action]:
    """The actions of every ticket of the outage, ticket by ticket."""
    for report in _reports(bank, cast, seed, began):
        yield from _life(bank, cast, source(seed, "outage", report.client.spec.slug, report.number), report, began)


def incident(bank: Bank, cast: Cast, began: datetime) -> Iterator[Action]:
    """A lead confirms what the radar suspects, tells everyone affected once, and writes the report when it is over."""
    lead = next(agent for agent in cast.agents if agent.person.role is Role.LEAD)
    said, promised = bank.outage.incident, began + timedelta(minutes=NEXT_MINUTES)
    course: tuple[tuple[int, IncidentStep], ...] = (
        (CONFIRM_MINUTES, ConfirmIncident(title=said.title)),
        (TOLD_MINUTES, UpdateIncident(text=said.update, next_update_at=promised)),
        (OVER_MINUTES, ResolveIncident(summary=said.report)),
    )
    for number, (minutes, command) in enumerate(course):
        at = began + timedelta(minutes=minutes)
        yield Action(at, f"incident:{number}", DESK, command, by=lead.email)


def _reports(bank: Bank, cast: Cast, seed: int, began: datetime) -> Iterator[Report]:
    """Each client's first ticket comes a little after that of the client before; the others follow in a burst."""
    chance, spec = source(seed, "outage"), bank.outage
    step = spec.minutes_to_last_client / (len(spec.clients) - 1)
    for place, slug in enumerate(spec.clients):
        client = cast.client(slug)
        first = place * step
        people = [who for who in client.requesters if who.language in spec.reports]
        later = sorted(first + min(chance.expovariate(1 / 24), LAST_REPORT_MINUTES - first) for _ in people)
        minutes = [first, *later][: spec.tickets[slug]]
        for number, (who, minute) in enumerate(zip(chance.sample(people, len(people)), minutes, strict=False)):
            yield Report(client, who, began + timedelta(minutes=minute, seconds=chance.randrange(40)), number)


def _life(bank: Bank, cast: Cast, chance: Random, report: Report, began: datetime) -> Iterator[Action]:
    voice = _voice(bank, report, began, chance)
    key = f"{report.client.spec.slug}{NAMED}{report.number:02d}"
    thread = Thread(key, cast, report.client, report.requester, voice, report.at)
    language = report.requester.language
    reports, letters = bank.outage.reports[language], bank.outage.letters[language]
    channel = weighted(chance, CHANNELS)
    subject, body = _compose(voice, reports, channel)
    thread.submit(subject, body, bank.outage.category, weighted(chance, URGENCIES), channel)
    _answer(bank, thread, letters, chance, began)
    _end(bank, thread, letters, chance, began)
    yield from thread.actions


def _voice(bank: Bank, report: Report, began: datetime, chance: Random) -> Voice:
    voice = voice_of(bank, report.client, report.requester, {}, report.at, chance)
    noticed = max(began, report.at - timedelta(minutes=chance.randrange(2, 9)))
    expired = began.replace(minute=0, second=0)
    return voice.knowing(time=voice.clock(noticed), expired=voice.clock(expired))


def _compose(voice: Voice, reports: Reports, channel: Channel) -> tuple[str, str]:
    details = voice.chance.sample(reports.details, voice.chance.choice((0, 1, 1, 2)))
    matter = [
        voice.say(reports.openings),
        " ".join(fill(text, voice.slots) for text in details),
        voice.say(reports.impacts),
    ]
    if channel is not Channel.PHONE:
        matter = [voice.say(voice.phrases.greetings), *matter, voice.say(voice.phrases.byes)]
    return voice.say(reports.subjects), "\n\n".join(filter(None, matter))


def _answer(bank: Bank, thread: Thread, letters: Letters, chance: Random, began: datetime) -> None:
    """Taken, tagged, answered with what is known, and told of the progress."""
    thread.until(began + timedelta(minutes=KNOWN_MINUTES))
    thread.assign(chance.choice(thread.cast.speakers(thread.requester.language, Level.L2, Level.L3)), spread(chance, 5))
    if chance.random() < 0.7:
        thread.prioritise(Priority.P1, bank.outage.priority_reason)
    thread.tag(bank.outage.tag)
    if chance.random() < 0.3:
        thread.note(fill(chance.choice(bank.outage.notes), thread.voice.slots))
    _tell(thread, letters.first, began + timedelta(minutes=UPDATE_MINUTES[0]))
    if chance.random() < 0.35:
        thread.wait(spread(chance, 18))
        thread.message(thread.voice.say(bank.outage.nags[thread.requester.language]))
    for minute, text in zip(UPDATE_MINUTES, letters.updates, strict=True):
        thread.until(began + timedelta(minutes=minute - chance.uniform(2, 12)))
        _tell(thread, text, began + timedelta(minutes=minute + 60))


def _tell(thread: Thread, text: str, again: datetime) -> None:
    minutes = max(20.0, (again - thread.now).total_seconds() / 60)
    thread.letter(fill(text, thread.voice.slots), promise_minutes=minutes)


def _end(bank: Bank, thread: Thread, letters: Letters, chance: Random, began: datetime) -> None:
    """Solved for all at about the same time; some say thanks; closed after quiet days."""
    thread.until(began + timedelta(minutes=bank.outage.minutes_to_fix + chance.uniform(0, 25)))
    solved = fill(letters.solved, thread.voice.slots)
    thread.letter(solved, thread.voice.say(thread.voice.phrases.bring_back), promise_minutes=None)
    if chance.random() < 0.4:
        thread.wait(spread(chance, 25))
        thread.message(thread.voice.say(thread.voice.phrases.thanks))
    thread.resolve(solved, CauseClass.OUR_FAULT, for_good=True)
    thread.work(spread(chance, 900, 0.2))
    thread.close(CloseReason.DONE, thread.voice.say(thread.voice.phrases.closings))
