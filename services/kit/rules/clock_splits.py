"""What splits do to the clocks of both tickets: who asked has waited since they wrote, wherever it stands now. Pure.

slas.md is silent on splits; these are its rules 7 and 12 for words that change their ticket: the oldest unanswered
message keeps its start, and what is late by the change comes true at the change, marked so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from contracts import tickets
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.sla import Metric
from services.kit.rules.clock_cycle import Cycle, End
from services.kit.rules.open_time import us

if TYPE_CHECKING:
    from services.kit.rules.clocks import Fold


def split(fold: Fold, event: Recorded[Event], at: int, told: tickets.TicketSplit) -> None:
    """What went on elsewhere is not asked here any more."""
    for message in told.messages:
        asked = fold.messages.pop(message, None)
        if asked is not None:
            fold.elsewhere[message] = asked
    ask_anew(fold, event, at)


def unsplit(fold: Fold, event: Recorded[Event], at: int, told: tickets.TicketUnsplit) -> None:
    """What comes back is asked here since it was written, unless an answer, here or there, has covered it meanwhile."""
    for message in told.messages:
        asked = fold.elsewhere.pop(message, None)
        if asked is not None and not told.answered:
            fold.messages[message] = asked
    fold.unasked = fold.unasked and not told.answered
    ask_anew(fold, event, at)


def ask_anew(fold: Fold, event: Recorded[Event], at: int) -> None:
    """The clock of a reply counts from the oldest unanswered message that is here: where that is another one now, the
    cycle is cancelled, and that message's own goes on, or one begins that has run since then."""
    first = Metric.FIRST_REPLY in fold.open or fold.unasked
    metric = Metric.FIRST_REPLY if first else Metric.NEXT_REPLY
    cycle = fold.open.get(metric)
    oldest = min(fold.messages.items(), key=lambda message: message[1], default=None)
    if cycle is not None and cycle.cause == fold.born:
        return  # the ticket's own first words stay, and are older than any message
    if oldest is None:
        fold.unasked = first
        fold.finish(metric, at, event.id, End.CANCELLED)
    elif cycle is None or cycle.cause != oldest[0]:
        fold.unasked = False
        fold.finish(metric, at, event.id, End.CANCELLED)
        before = next((each for each in fold.cycles if each.metric is metric and _was_of(each, oldest[0])), None)
        if before is None:
            fold.start(metric, at, oldest[0]).begun_at(oldest[1], at, event.id)
        else:
            fold.go_on(before, at, event.id)


def _was_of(cycle: Cycle, message: UUID) -> bool:
    return cycle.cause == message and cycle.end is End.CANCELLED


def split_off(fold: Fold, event: Recorded[Event], at: int, told: tickets.TicketSplitOff) -> None:
    """An agent splits, but the words are the requester's and ask for a first reply. Who asked has waited since they
    wrote: the clocks of the new ticket have run since then."""
    if Metric.FIRST_REPLY not in fold.counts:
        fold.start(Metric.FIRST_REPLY, at, fold.born or event.id)
    if told.asked_at is not None:
        for cycle in fold.open.values():
            if cycle.metric is not Metric.PROMISE:
                cycle.begun_at(min(us(told.asked_at), at), at, event.id)
