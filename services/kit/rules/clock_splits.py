"""What splits do to the clocks of both tickets: who asked has waited since they wrote, wherever it stands now. Pure.

slas.md is silent on splits; these are its rules 7 and 12 for words that change their ticket: the oldest unanswered
message keeps its start, and what is late by the change comes true at the change, marked so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts import tickets
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.sla import Metric
from services.kit.rules.clock_cycle import End
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
    """What comes back is asked here since it was written, unless an answer has covered it meanwhile."""
    for message in told.messages:
        asked = fold.elsewhere.pop(message, None)
        if asked is not None:
            fold.messages[message] = asked
    ask_anew(fold, event, at)


def ask_anew(fold: Fold, event: Recorded[Event], at: int) -> None:
    """The clock of a reply counts from the oldest unanswered message that is here: where that is another one now, the
    cycle is cancelled and one begins that has run since then."""
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
        fold.start(metric, at, oldest[0]).begun_at(oldest[1], at)


def split_off(fold: Fold, _: Recorded[Event], at: int, told: tickets.TicketSplitOff) -> None:
    """Who asked has waited since they wrote: the clocks of the new ticket have run since then."""
    if told.asked_at is not None:
        for cycle in fold.open.values():
            if cycle.metric is not Metric.PROMISE:
                cycle.begun_at(min(us(told.asked_at), at), at)
