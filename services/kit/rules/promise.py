"""(terms, ticket, who spoke last, now) -> when the requester hears next, where nobody knew better. Pure.

The policy says it: the row's `promise`, or else the metric that asks for the next word, in the open time of its
calendar. Before triage has judged a ticket it is taken as P3; a higher priority brings its promise forward, nothing but
an agent moves one back. A desk that is behind says so: the wait that its last answers foretell is promised where it is
longer than the target, up to LATE_MAX times that.

What is promised is an instant: wall time, never paused (slas.md, rule 5). A promise that was missed stays the ticket's
checkpoint, shown as late, until the next one is promised; that follows at once (`missed`), counted from now on, so that
an open ticket has exactly one at every instant. An agent who promises something sooner comes before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, NamedTuple
from uuid import UUID

from contracts.clients import Tier
from contracts.sla import Metric
from contracts.terms import Priority, Urgency
from services.kit.rules.open_time import NEVER, SECOND, OpenTime, instant, us
from services.kit.rules.policies import Aim, Calendars, Keys, NoCalendar, Policies

HOURS: Final[Mapping[Tier, Mapping[Urgency, int]]] = {
    Tier.PREMIUM: {Urgency.CRITICAL: 1, Urgency.HIGH: 2, Urgency.NORMAL: 4, Urgency.LOW: 8},
    Tier.STANDARD: {Urgency.CRITICAL: 2, Urgency.HIGH: 4, Urgency.NORMAL: 8, Urgency.LOW: 24},
    Tier.BASIC: {Urgency.CRITICAL: 4, Urgency.HIGH: 8, Urgency.NORMAL: 24, Urgency.LOW: 48},
}
"""Hours until the next word where no policy says it, by what the client has bought and how urgent it is said to be."""

FARTHEST: Final = timedelta(days=90)
ASSUMED: Final = Priority.P3
LATE_MAX: Final = 2  # times the target: beyond it the estimate says less than an apology
ANSWERS_MIN: Final = 10  # of late, to tell a pace from
NOTICE: Final = timedelta(minutes=5)  # what is brought forward to the past is promised for soon


class After(Enum):
    """Whose words the promise follows, and the metrics of a policy that tell it, the first that is there."""

    ASKED = (Metric.PROMISE, Metric.FIRST_REPLY, Metric.NEXT_REPLY, Metric.UPDATE)
    ASKED_AGAIN = (Metric.PROMISE, Metric.NEXT_REPLY, Metric.FIRST_REPLY, Metric.UPDATE)
    ANSWERED = (Metric.PROMISE, Metric.UPDATE, Metric.NEXT_REPLY)


@dataclass(frozen=True, slots=True)
class Load:
    """How busy the desk is with a client: who waits for an answer, and open seconds from one answer to the next."""

    waiting: int = 0
    answer_seconds: float = 0.0

    @property
    def wait_seconds(self) -> float:
        """Until all who wait are answered, at the pace of late."""
        return self.waiting * self.answer_seconds


CALM: Final = Load()


@dataclass(frozen=True, slots=True)
class Terms:
    """What is in force for a client, and how busy the desk is."""

    tier: Tier
    policies: Policies = field(default_factory=Policies)
    calendars: Calendars = field(default_factory=Calendars)
    load: Load = CALM


class About(NamedTuple):
    """What the promise depends on of the ticket."""

    client: str
    urgency: Urgency | None = None
    category: str | None = None
    service: str | None = None
    priority: Priority | None = None


def default_checkpoint(tier: Tier, urgency: Urgency | None, now: datetime) -> datetime:
    """The instant that is promised without a policy and calendar. Without a stated urgency it is taken as normal."""
    return now + timedelta(hours=HOURS[tier][urgency or Urgency.NORMAL])


def next_checkpoint(terms: Terms, about: About, after: After, now: datetime) -> datetime:
    """The instant that is promised when an agent gives none; after `now`, within FARTHEST."""
    aim = aim_of(terms, about, after, now)
    if aim is None or aim.length is None:
        due = _when_open(terms, default_checkpoint(terms.tier, about.urgency, now), now)
    else:
        due = _instant(aim.open.due(us(now), _length(aim.length, terms.load, after)), now)
    return min(due, now + FARTHEST)


def brought_forward(terms: Terms, about: About, after: After, promised_at: datetime, now: datetime) -> datetime:
    """What a higher priority would have promised then, or soon where that is over."""
    return max(next_checkpoint(terms, about, after, promised_at), now + NOTICE)


def aim_of(terms: Terms, about: About, after: After, now: datetime) -> Aim | None:
    """The target and calendar that a promise follows; None where no policy has one."""
    version = terms.policies.at(us(now))
    if version is None:
        return None
    keys = Keys(about.client, about.service, about.category, about.priority or ASSUMED, terms.tier)
    row = version.row_for(keys)
    if row is None:
        return None
    targets = version.policy.rows[row].targets
    metric = next((metric for metric in after.value if metric in targets), None)
    if metric is None:
        return None
    try:
        return terms.policies.aim(version, keys, metric, terms.calendars, us(now))
    except NoCalendar:  # a policy of the desk may name a calendar that only other clients have
        return None


def _length(target: int, load: Load, after: After) -> int:
    """Microseconds of open time. Who was answered just now is not in the queue."""
    if after is After.ANSWERED:
        return target
    return min(max(target, int(load.wait_seconds * SECOND)), LATE_MAX * target)


def _when_open(terms: Terms, due: datetime, now: datetime) -> datetime:
    """Hours without a policy run at night, too; but nobody writes then, where the hours are known."""
    if "default" not in terms.calendars.versions:
        return due
    return _instant(terms.calendars.at("default", us(now)).next_open(us(due)), now)


def _instant(at: int, now: datetime) -> datetime:
    return now + FARTHEST if at >= NEVER else instant(at)


class Happened(NamedTuple):
    """One event of a client: its type, its ticket, and when."""

    type: str
    ticket: UUID
    at: datetime


ASKS: Final = frozenset({"ticket.submitted", "ticket.message_received", "ticket.reopened"})
ANSWERS: Final = frozenset({"ticket.reply_sent", "ticket.resolved", "ticket.closed", "ticket.merged"})


def load_of(lately: Iterable[Happened], hours: OpenTime, now: datetime) -> Load:
    """The load that a client's last events tell, in the order in which they happened. Too few answers tell nothing."""
    waiting: set[UUID] = set()
    answers, since = 0, None
    for happened in lately:
        since = since or happened.at
        if happened.type in ASKS:
            waiting.add(happened.ticket)
        elif happened.type in ANSWERS and happened.ticket in waiting:
            waiting.discard(happened.ticket)
            answers += 1
    if since is None or answers < ANSWERS_MIN:
        return CALM
    return Load(len(waiting), hours.between(us(since), us(now)) / SECOND / answers)
