"""The end of the month enters; some twenty tickets of its last day leave, in every state and urgency. Pure.

Whenever a stranger starts the demo, at night or on a Sunday, the inbox shows a desk at work.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from contracts.people import Level
from contracts.terms import Status, Tone, Urgency
from services.demo.bank import Topic
from services.demo.cast import Cast, round_the_clock
from services.demo.plots import (
    Case,
    Plot,
    answer,
    ask,
    asked,
    choose,
    first_letter,
    nag,
    passed_on,
    progress,
    quick,
    supplied,
    take,
)
from services.demo.thread import Thread


def untouched(thread: Thread, case: Case, chance: Random) -> None:
    """Just in; nobody has looked at it."""


def taken(thread: Thread, case: Case, chance: Random) -> None:
    take(thread, case, chance)


def promised(thread: Thread, case: Case, chance: Random) -> None:
    """Answered with what is known; the next letter is owed."""
    take(thread, case, chance)
    first_letter(thread, case, chance)


def waiting(thread: Thread, case: Case, chance: Random) -> None:
    take(thread, case, chance)
    ask(thread, case, chance)


def answered(thread: Thread, case: Case, chance: Random) -> None:
    """The requester has answered, the desk holds the ball."""
    waiting(thread, case, chance)
    answer(thread, case, chance)


def with_expert(thread: Thread, case: Case, chance: Random) -> None:
    """At the second level, and the requester is impatient."""
    promised(thread, case, chance)
    thread.note(thread.voice.say(thread.voice.phrases.handovers))
    thread.assign(choose(thread, chance, Level.L2, minutes=5), 5)
    nag(thread, case, chance)
    progress(thread, chance)


def at_supplier(thread: Thread, case: Case, chance: Random) -> None:
    promised(thread, case, chance)
    thread.work(10)
    thread.letter(
        thread.voice.say(thread.voice.phrases.supplier), promise_minutes=900, status=Status.WAITING_FOR_SUPPLIER
    )


@dataclass(frozen=True, slots=True)
class Cue:
    """So many minutes before the end somebody writes, this urgent and in this mood."""

    minutes: int
    plot: Plot
    urgency: Urgency | None
    mood: Tone = Tone.NEUTRAL
    category: str = ""


LOW, NORMAL, HIGH, CRITICAL = Urgency
CUES = (
    Cue(2, untouched, NORMAL),
    Cue(5, untouched, CRITICAL, Tone.ANGRY, "network"),
    Cue(9, untouched, LOW, Tone.CONFUSED),
    Cue(14, untouched, None, Tone.FRUSTRATED),
    Cue(31, taken, HIGH, Tone.URGENT),
    Cue(48, taken, NORMAL),
    Cue(75, promised, CRITICAL, Tone.URGENT, "network"),
    Cue(110, promised, HIGH, Tone.FRUSTRATED, "application"),
    Cue(150, promised, NORMAL),
    Cue(170, waiting, NORMAL, Tone.CONFUSED),
    Cue(190, waiting, HIGH),
    Cue(260, answered, NORMAL, Tone.FRUSTRATED),
    Cue(300, answered, LOW),
    Cue(330, with_expert, HIGH, Tone.ANGRY, "application"),
    Cue(400, with_expert, NORMAL, Tone.FRUSTRATED, "data"),
    Cue(420, at_supplier, NORMAL, Tone.NEUTRAL, "hardware"),
    Cue(500, at_supplier, LOW),
    Cue(520, quick, NORMAL, Tone.SATISFIED),
    Cue(600, quick, HIGH),
    Cue(700, asked, LOW),
    Cue(1100, passed_on, HIGH, Tone.URGENT),
    Cue(1300, supplied, NORMAL),
)
PACE = 0.35  # whoever is on call answers quickly


def cues(cast: Cast, end: datetime) -> tuple[Cast, list[tuple[datetime, Cue]]]:
    """People who are all at work, and when each cue begins, the earliest first."""
    return round_the_clock(cast), [(end - timedelta(minutes=cue.minutes), cue) for cue in reversed(CUES)]


def suits(topic: Topic, cue: Cue) -> bool:
    return not cue.category or topic.category == cue.category
