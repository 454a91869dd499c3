"""What each event of a ticket does to its clocks (slas.md, rules 5 to 10). Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from contracts import sla, tickets
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.sla import Metric
from contracts.terms import Channel, CloseReason, Status
from services.kit.rules.clock_cycle import End, Kind
from services.kit.rules.clock_splits import split, split_off, unsplit
from services.kit.rules.open_time import us
from services.kit.rules.policies import WALL, Aim, Threshold

if TYPE_CHECKING:
    from services.kit.rules.clocks import Fold

ENDED: Final = frozenset({Status.RESOLVED, Status.CLOSED})
NOT_COUNTED: Final = frozenset({CloseReason.SPAM, CloseReason.DUPLICATE})
"""Tickets closed as such are left out of attainment, visibly."""

BEGUN_AGAIN: Final = (Metric.RESOLUTION, Metric.AGENT_WORK, Metric.UPDATE)
"""What begins anew where a ticket is opened again and nothing of it goes on."""


def submitted(fold: Fold, event: Recorded[Event], at: int, told: tickets.TicketSubmitted) -> None:
    """A ticket that an agent opens asks for a first reply only with the requester's first message."""
    fold.origin, fold.born = event.origin, event.id
    fold.facts_from = None if event.origin == "import" else 0
    fold.by_phone = told.channel is Channel.PHONE
    fold.keys = fold.keys._replace(client=event.client, category=told.category)
    if not event.actor.startswith("agent:"):
        fold.start(Metric.FIRST_REPLY, at, event.id)
    fold.start(Metric.RESOLUTION, at, event.id)
    fold.start(Metric.AGENT_WORK, at, event.id)


def message(fold: Fold, event: Recorded[Event], at: int, told: tickets.MessageReceived) -> None:
    """The oldest unanswered message keeps its start; thanks ask for nothing."""
    if told.thanks:
        return
    fold.messages[event.id] = at
    if fold.ended_at is not None:
        fold.asked = event.id
    else:
        ask(fold, at, event.id)


def ask(fold: Fold, at: int, cause: UUID) -> None:
    if Metric.FIRST_REPLY in fold.open or Metric.NEXT_REPLY in fold.open:
        return
    never = fold.unasked or Metric.FIRST_REPLY not in fold.counts
    fold.unasked = False
    fold.start(Metric.FIRST_REPLY if never else Metric.NEXT_REPLY, at, cause)


def reply(fold: Fold, event: Recorded[Event], at: int, told: tickets.ReplySent) -> None:
    """A person's public answer. An automatic letter neither starts nor stops anything."""
    if event.actor.startswith("system:"):
        return
    answered = at if told.answered_at is None else min(us(told.answered_at), at)
    by_phone = fold.by_phone or told.channel is Channel.PHONE
    if by_phone and told.answered_at is not None and Metric.FIRST_REPLY not in fold.counts:
        fold.start(Metric.FIRST_REPLY, answered, event.id)
    fold.answered = True
    fold.asked = None
    fold.messages.clear()
    fold.elsewhere.clear()
    fold.finish(Metric.FIRST_REPLY, answered, event.id)
    fold.finish(Metric.NEXT_REPLY, answered, event.id)
    fold.finish(Metric.PROMISE, at, event.id)
    fold.finish(Metric.UPDATE, at, event.id)
    if fold.ended_at is None:
        fold.start(Metric.UPDATE, at, event.id)


def promised(fold: Fold, event: Recorded[Event], at: int, told: tickets.CheckpointPromised) -> None:
    """A promise is wall time and never paused; a new one takes the place of one that nobody kept yet."""
    fold.finish(Metric.PROMISE, at, event.id, End.CANCELLED)
    if fold.ended_at is not None:
        return
    due = us(told.due_at)
    length = max(due - at, 0)
    aim = Aim(WALL, WALL, length, policy="promise", thresholds=(Threshold(length, "breached"),))
    fold.begin(Metric.PROMISE, at, event.id, None, aim)
    limit_update(fold, at, event.id, due)


def limit_update(fold: Fold, at: int, cause: UUID, promise: int) -> None:
    update = fold.open.get(Metric.UPDATE)
    if update is not None:
        update.limit(at, cause, promise)


def prioritised(
    fold: Fold, event: Recorded[Event], at: int, told: tickets.TicketPrioritised | tickets.PrioritySet
) -> None:
    fold.retarget(at, event.id, fold.keys._replace(priority=told.priority))


def classified(fold: Fold, event: Recorded[Event], at: int, told: tickets.TicketClassified) -> None:
    keys = fold.keys
    category, service = told.category or keys.category, told.service or keys.service
    fold.retarget(at, event.id, keys._replace(category=category, service=service))


def category_set(fold: Fold, event: Recorded[Event], at: int, told: tickets.CategorySet) -> None:
    fold.retarget(at, event.id, fold.keys._replace(category=told.category))


def status_changed(fold: Fold, event: Recorded[Event], at: int, told: tickets.StatusChanged) -> None:
    was_ended = fold.ended_at is not None
    fold.status = told.status
    if told.status in ENDED:
        end(fold, event, at)
    elif was_ended:
        open_again(fold, event, at)
    else:
        fold.turn(at, event.id)


def resolved(fold: Fold, event: Recorded[Event], at: int, _: tickets.TicketResolved) -> None:
    fold.status = Status.RESOLVED
    end(fold, event, at)


def closed(fold: Fold, event: Recorded[Event], at: int, told: tickets.TicketClosed) -> None:
    fold.status = Status.CLOSED
    fold.excluded = told.reason if told.reason in NOT_COUNTED else None
    end(fold, event, at)


def end(fold: Fold, event: Recorded[Event], at: int) -> None:
    """Everything stops. Within the policy's window it may go on; until then the result is provisional."""
    if fold.ended_at is not None:
        return
    fold.ended_at = at
    fold.finish(Metric.PROMISE, at, event.id)
    for metric, cycle in list(fold.open.items()):
        if metric is Metric.UPDATE and cycle.started == at:
            fold.finish(metric, at, event.id, End.CANCELLED)  # the answer that began it was the solution
        else:
            cycle.pause(at, event.id, Kind.RESOLVED)


def reopened(fold: Fold, event: Recorded[Event], at: int, _: tickets.TicketReopened) -> None:
    fold.status = Status.OPEN
    open_again(fold, event, at)


def open_again(fold: Fold, event: Recorded[Event], at: int) -> None:
    """Within the window the same cycles go on, without the time while resolved; after it new ones begin."""
    if fold.ended_at is None:
        fold.turn(at, event.id)  # an import opens again what only waited
        return
    fold.ended_at, fold.excluded = None, None
    for metric, cycle in list(fold.open.items()):
        if at >= cycle.provisional_until:
            del fold.open[metric]
            cycle.finish(cycle.part_from, cycle.part_cause, End.FULFILLED)
    fold.turn(at, event.id)
    fold.wake(at, event.id)
    for metric in BEGUN_AGAIN:
        if metric not in fold.open and (metric is not Metric.UPDATE or fold.answered):
            fold.start(metric, at, event.id)
    if Metric.FIRST_REPLY not in fold.open and Metric.NEXT_REPLY not in fold.open:
        fold.messages.clear()  # what was asked before was solved then
    if fold.asked is not None:
        fold.messages.setdefault(fold.asked, at)
        ask(fold, at, fold.asked)
        fold.asked = None


def merged(fold: Fold, _: Recorded[Event], __: int, ___: tickets.TicketMerged) -> None:
    """The clocks count for nothing from now on, and as if nothing had been once the merge is undone."""
    fold.merged = True


def unmerged(fold: Fold, _: Recorded[Event], __: int, ___: tickets.TicketUnmerged) -> None:
    fold.merged = False


def adopted(fold: Fold, event: Recorded[Event], at: int, _: tickets.TicketAdopted) -> None:
    """From here on facts are recorded, and not what came true while another desk had the ticket."""
    fold.adopt(at, event.id)
    fold.facts_from = at + 1  # what is late by the terms of this very instant was late before


def pinned(fold: Fold, event: Recorded[Event], at: int, told: sla.DeadlinePinned) -> None:
    """For the cycle that goes on, or else for the next one."""
    cycle = fold.open.get(told.metric)
    if cycle is None:
        fold.pins[told.metric] = us(told.due_at)
    else:
        cycle.pin_to(at, event.id, us(told.due_at))


def unpinned(fold: Fold, event: Recorded[Event], at: int, told: sla.DeadlineUnpinned) -> None:
    fold.pins.pop(told.metric, None)
    cycle = fold.open.get(told.metric)
    if cycle is not None:
        cycle.pin_to(at, event.id, None)


def recorded(fold: Fold, event: Recorded[Event], _: int, told: sla.ClockFact) -> None:
    """A fact that the log holds already, by the key of its threshold."""
    match told:
        case sla.SlaWarned():
            key = f"warned:{told.fraction:g}"
        case sla.SlaEscalated():
            key = f"escalated:{told.step}"
        case _:
            key = event.type.removeprefix("sla.")
    cycle = fold.by_id.get(told.cycle)
    if cycle is not None:
        cycle.recorded.setdefault(key, event.id)


def waived(fold: Fold, event: Recorded[Event], _: int, told: sla.SlaWaived) -> None:
    cycle = fold.by_id.get(told.cycle)
    if cycle is not None:
        cycle.waived = event.id


def settled(
    fold: Fold, event: Recorded[Event], _: int, told: tickets.CheckpointKept | tickets.CheckpointMissed
) -> None:
    """The outcome of a promise, known by its due time; of several that were due at once, by the words that kept it."""
    key = "met" if isinstance(told, tickets.CheckpointKept) else "breached"
    due = us(told.due_at)
    found = [cycle for cycle in fold.cycles if cycle.metric is Metric.PROMISE and cycle.due() == due]
    if isinstance(told, tickets.CheckpointKept):
        found = [cycle for cycle in found if cycle.end and cycle.marks[-1].cause == told.kept_by] or found
    if found:
        found[-1].recorded.setdefault(key, event.id)


RULES: Final[Mapping[str, Callable[[Fold, Recorded[Event], int, Any], None]]] = {
    "ticket.submitted": submitted,
    "ticket.message_received": message,
    "ticket.reply_sent": reply,
    "ticket.checkpoint_promised": promised,
    "ticket.checkpoint_kept": settled,
    "ticket.checkpoint_missed": settled,
    "ticket.prioritised": prioritised,
    "ticket.priority_set": prioritised,
    "ticket.classified": classified,
    "ticket.category_set": category_set,
    "ticket.status_changed": status_changed,
    "ticket.resolved": resolved,
    "ticket.reopened": reopened,
    "ticket.closed": closed,
    "ticket.merged": merged,
    "ticket.unmerged": unmerged,
    "ticket.split": split,
    "ticket.split_off": split_off,
    "ticket.unsplit": unsplit,
    "ticket.adopted": adopted,
    "sla.deadline_pinned": pinned,
    "sla.deadline_unpinned": unpinned,
    "sla.warned": recorded,
    "sla.breached": recorded,
    "sla.met": recorded,
    "sla.escalated": recorded,
    "sla.waived": waived,
}
"""Every other event leaves the clocks alone."""
