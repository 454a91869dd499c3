"""How a ticket goes on after it was submitted: a Thread enters and is written to its end. Pure but for the thread.

Minutes are working minutes of whoever acts; medians, spread by chance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from contracts.people import Level
from contracts.terms import CloseReason, Priority, Status, Tone
from services.demo.bank import Fix, Topic
from services.demo.cast import Agent
from services.demo.chance import spread, weighted
from services.demo.thread import Thread

DAY = 480  # working minutes
TAGS = ("first-contact", "recurring", "workaround", "known-error", "remote-session", "training", "vip")
CONFIRMED = 0.35  # part of the solutions that the requester confirms
COMES_BACK = 0.06  # part of the resolved tickets
CALLS = 0.3  # part of those who call then, and do not write
CANDIDATES = 3  # people who are looked at when a ticket needs somebody; the earliest takes it


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of a ticket beside its thread."""

    topic: Topic
    mood: Tone
    urgent: bool

    @property
    def pace(self) -> float:
        """Urgent cases go faster."""
        return 0.35 if self.urgent else 1.0


Plot = Callable[[Thread, Case, Random], None]


def choose(thread: Thread, chance: Random, *levels: Level, minutes: float) -> Agent:
    """Of a few people who speak the language, and those who are on call, the one who can begin first."""
    able = thread.cast.speakers(thread.requester.language, *levels)
    few = [*chance.sample(able, min(CANDIDATES, len(able))), *(agent for agent in able if agent.on_call)]
    return min(few, key=lambda agent: agent.shift.after(thread.now, minutes))


def take(thread: Thread, case: Case, chance: Random) -> None:
    """The first line takes the ticket, sometimes sets its priority or a tag."""
    minutes = spread(chance, 9 * case.pace)
    thread.assign(choose(thread, chance, Level.L1, minutes=minutes), minutes)
    if chance.random() < 0.07:
        priority = Priority.P1 if case.urgent and chance.random() < 0.4 else chance.choice(list(Priority)[1:])
        thread.prioritise(priority, thread.voice.say(thread.voice.phrases.priority_reasons))
    if chance.random() < 0.12:
        thread.tag(chance.choice(TAGS))


def quick(thread: Thread, case: Case, chance: Random) -> None:
    """Known and solved with the first answer."""
    take(thread, case, chance)
    thread.work(spread(chance, 45 * case.pace))
    solve(thread, case, chance, chance.choice(case.topic.fixes))


def asked(thread: Thread, case: Case, chance: Random) -> None:
    """One question, one answer, then the solution."""
    take(thread, case, chance)
    fix = ask(thread, case, chance)
    answer(thread, case, chance)
    thread.work(spread(chance, 60 * case.pace))
    if chance.random() < 0.4:
        note(thread, fix)
    if chance.random() < 0.2 and not case.topic.is_wish:
        progress(thread, chance)
        thread.work(spread(chance, 150 * case.pace))
    solve(thread, case, chance, fix)


def passed_on(thread: Thread, case: Case, chance: Random) -> None:
    """The first line cannot solve it; the second and sometimes the third does."""
    take(thread, case, chance)
    fix = ask(thread, case, chance) if chance.random() < 0.4 else first_letter(thread, case, chance)
    if thread.status is Status.WAITING_FOR_CUSTOMER:
        answer(thread, case, chance)
    thread.work(spread(chance, 50 * case.pace))
    thread.note(thread.voice.say(thread.voice.phrases.handovers))
    level = Level.L3 if chance.random() < 0.2 else Level.L2
    minutes = spread(chance, 30 * case.pace)
    expert = choose(thread, chance, level, minutes=minutes)
    thread.assign(expert, minutes)
    nag(thread, case, chance)
    thread.work(spread(chance, 160 * case.pace))
    if chance.random() < 0.5:
        note(thread, fix)
    progress(thread, chance)
    thread.work(spread(chance, 300 * case.pace, 0.9))
    solve(thread, case, chance, fix)


def supplied(thread: Thread, case: Case, chance: Random) -> None:
    """Somebody outside has to do something; it takes days."""
    take(thread, case, chance)
    fix = first_letter(thread, case, chance)
    thread.work(spread(chance, 90))
    thread.letter(
        thread.voice.say(thread.voice.phrases.supplier),
        promise_minutes=1.5 * DAY,
        status=Status.WAITING_FOR_SUPPLIER,
    )
    for _ in range(chance.choice((0, 0, 1, 1, 2, 3))):
        thread.work(spread(chance, 1.6 * DAY, 0.3))
        thread.move_promise(1.5 * DAY)
    nag(thread, case, chance)
    thread.work(spread(chance, 0.8 * DAY))
    thread.change(Status.OPEN, promise_minutes=120)
    thread.work(spread(chance, 60))
    solve(thread, case, chance, fix)


def silent(thread: Thread, case: Case, chance: Random) -> None:
    """Asked and reminded, but the requester never answers."""
    take(thread, case, chance)
    ask(thread, case, chance)
    thread.work(spread(chance, 2 * DAY, 0.3))
    question = chance.choice(case.topic.questions)
    thread.letter(thread.voice.say(thread.voice.phrases.asks, ask=question.ask), promise_minutes=3 * DAY)
    thread.work(3 * DAY)
    thread.close(CloseReason.NO_ANSWER, thread.voice.phrases.no_answer)


def withdrawn(thread: Thread, case: Case, chance: Random) -> None:
    """The requester finds it alone."""
    take(thread, case, chance)
    thread.wait(spread(chance, 40))
    thread.message(thread.voice.say(thread.voice.phrases.found_it))
    thread.work(spread(chance, 15))
    thread.close(CloseReason.WITHDRAWN, thread.voice.say(thread.voice.phrases.closings[:1]))


PLOTS: dict[Plot, float] = {quick: 34, asked: 29, passed_on: 21, supplied: 8, silent: 4, withdrawn: 4}
WISH_PLOTS: dict[Plot, float] = {quick: 50, asked: 45, silent: 5}


def play_out(thread: Thread, case: Case, chance: Random) -> None:
    """One of the plots, drawn by its weight."""
    weighted(chance, WISH_PLOTS if case.topic.is_wish else PLOTS)(thread, case, chance)


def first_letter(thread: Thread, case: Case, chance: Random, question: str = "") -> Fix:
    """What was found so far and what happens next; calming first where the mood calls for it."""
    thread.work(spread(chance, 22 * case.pace))
    phrases, say = thread.voice.phrases, thread.voice.say
    calm = say(phrases.calm) if case.mood in {Tone.ANGRY, Tone.FRUSTRATED} else ""
    asking = say(phrases.asks, ask=question) if question else ""
    status = Status.WAITING_FOR_CUSTOMER if question else None
    found = say(phrases.noted if case.topic.is_wish else phrases.first)
    thread.letter(calm, found, asking, promise_minutes=240 * case.pace, status=status)
    return chance.choice(case.topic.fixes)


def ask(thread: Thread, case: Case, chance: Random) -> Fix:
    """The first answer ends in a question."""
    question = chance.choice(case.topic.questions)
    fix = first_letter(thread, case, chance, question.ask)
    thread.voice = thread.voice.knowing(answer=question.answer)
    return fix


def answer(thread: Thread, case: Case, chance: Random) -> None:
    thread.wait(spread(chance, 70 * case.pace, 0.9))
    thread.message(thread.voice.say(["$answer"]))


def note(thread: Thread, fix: Fix) -> None:
    thread.note(thread.voice.say(thread.voice.phrases.notes, note=fix.note))


def progress(thread: Thread, chance: Random) -> None:
    thread.letter(thread.voice.say(thread.voice.phrases.progress), promise_minutes=spread(chance, 200, 0.3))


def nag(thread: Thread, case: Case, chance: Random) -> None:
    """Who is unhappy writes again before the desk does."""
    patience = {Tone.ANGRY: 0.9, Tone.FRUSTRATED: 0.6, Tone.URGENT: 0.6}.get(case.mood, 0.2)
    if chance.random() > patience:
        return
    thread.wait(spread(chance, 120 * case.pace))
    mood = case.mood if case.mood in thread.voice.phrases.nags else Tone.NEUTRAL
    author = chance.choice(thread.client.requesters) if chance.random() < 0.12 else None
    thread.message(thread.voice.at(thread.now).say(thread.voice.phrases.nags[mood]), author)
    if chance.random() < 0.5:
        thread.work(spread(chance, 20))
        thread.note(thread.voice.say(thread.voice.phrases.internal))


def solve(thread: Thread, case: Case, chance: Random, fix: Fix) -> None:
    """The complete answer; many confirm it with thanks. Then resolved, sometimes back once, and closed when quiet."""
    phrases, say = thread.voice.phrases, thread.voice.say
    ending = phrases.granted if case.topic.category == "request" else phrases.solved
    found = say(ending, cause=fix.cause, done=fix.done)
    confirmed = chance.random() < CONFIRMED
    promise_minutes = DAY if confirmed else None
    thread.letter(found, fix.avoid and say([fix.avoid]), say(phrases.bring_back), promise_minutes=promise_minutes)
    if confirmed:
        thread.wait(spread(chance, 80))
        thread.message(say(phrases.thanks))
        thread.work(spread(chance, 20))
    resolve(thread, fix)
    if chance.random() < COMES_BACK and not case.topic.is_wish:
        back(thread, case, chance)
    if chance.random() < 0.9:
        thread.work(spread(chance, 2.5 * DAY, 0.3))
        thread.close(CloseReason.DONE, say(phrases.closings[:1] if confirmed else phrases.closings[1:]))


def resolve(thread: Thread, fix: Fix) -> None:
    summary = thread.voice.say(["$done $avoid"], done=fix.done, avoid=fix.avoid).strip()
    thread.resolve(summary, fix.cause_class, bool(fix.avoid))


def back(thread: Thread, case: Case, chance: Random) -> None:
    """It has come back, by mail or by a call; the same person goes on and finds the other cause."""
    phrases = thread.voice.phrases
    thread.wait(spread(chance, DAY))
    text = thread.voice.at(thread.now).say(phrases.back)
    if chance.random() < CALLS:
        thread.reopen(phrases.reopen_reason)
        thread.note(text)
    else:
        thread.message(text)
    thread.work(spread(chance, 25))
    progress(thread, chance)
    thread.work(spread(chance, 120))
    fix = case.topic.fixes[-1]
    thread.letter(thread.voice.say(phrases.solved, cause=fix.cause, done=fix.done), promise_minutes=None)
    resolve(thread, fix)
