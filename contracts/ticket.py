"""The fold of a ticket: (Ticket, Recorded) -> Ticket. Pure, total over every event, and it never judges.

Every service and every Python subscriber folds with this. It works on sealed text unopened. States are types:
`Absent | Open | Waiting | Resolved | Closed`; all but Absent hold the same facts (`contracts.ticket_state`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from contracts import sla, tickets
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.ownership import is_intake_owned
from contracts.terms import Status
from contracts.ticket_joined import Change, merged, split, split_off, unmerged, unsplit
from contracts.ticket_state import (
    STATES,
    Absent,
    Classification,
    Closed,
    Held,
    Judgement,
    New,
    Open,
    Promise,
    Resolved,
    Ticket,
    Waiting,
)

__all__ = ["INITIAL", "Absent", "Closed", "Held", "New", "Open", "Resolved", "Ticket", "Waiting", "evolve", "fold"]

INITIAL = Absent()


def fold(events: Iterable[Recorded[Event]], ticket: Ticket = INITIAL) -> Ticket:
    """The ticket after these events, which follow in the order of its stream."""
    for event in events:
        ticket = evolve(ticket, event)
    return ticket


def evolve(ticket: Ticket, event: Recorded[Event]) -> Ticket:
    """The ticket after one more event. Events of other streams' kinds, and changes before the birth, only count."""
    if isinstance(ticket, Absent):
        if isinstance(event.data, tickets.TicketSubmitted):
            return _born(event, event.data)
        return Absent(event.version)
    rule = CHANGES.get(event.type)
    if rule is None:
        return _with(ticket, type(ticket), event, {})
    state, change = rule(ticket, event, event.data)
    return _with(ticket, state or type(ticket), event, change)


def _with(ticket: Held, state: type[Any], event: Recorded[Event], change: dict[str, Any]) -> Ticket:
    """A copy in another state, by way of its dict: dataclasses.replace takes six times as long on this many fields."""
    facts = ticket.__dict__.copy()
    facts["version"] = event.version
    facts["updated_at"] = event.occurred_at
    if is_intake_owned(event.type):
        facts["intake_version"] = event.version
    facts.update(change)
    new = object.__new__(state)
    object.__setattr__(new, "__dict__", facts)
    return new  # type: ignore[no-any-return]


def _born(event: Recorded[Event], data: tickets.TicketSubmitted) -> Ticket:
    return New(
        id=event.stream,
        client=event.client,
        number=event.number or 0,
        prefix=data.prefix,
        version=event.version,
        intake_version=event.version,
        origin=event.origin,
        requester=data.requester,
        subject=data.subject,
        channel=data.channel,
        urgency=data.urgency,
        language=data.language,
        source=data.source,
        source_status=data.source.status if data.source else None,
        opened_at=event.occurred_at,
        updated_at=event.occurred_at,
        category=data.category,
        last_message_at=event.occurred_at,
    )


def _promised(_: Held, event: Recorded[Event], data: tickets.CheckpointPromised) -> Change:
    return None, {"promise": Promise(data.due_at, data.by, data.text, event.occurred_at)}


def _kept(ticket: Held, _: Recorded[Event], data: tickets.CheckpointKept) -> Change:
    """What was promised with the words that kept a promise is the next one, even if it is due at the same instant."""
    kept_at = ticket.resolved_at or ticket.last_reply_at
    if kept_at is not None and ticket.promise is not None and ticket.promise.promised_at >= kept_at:
        return None, {}
    return None, _outcome(ticket, data.due_at, "kept")


def _missed(ticket: Held, _: Recorded[Event], data: tickets.CheckpointMissed) -> Change:
    return None, _outcome(ticket, data.due_at, "missed")


def _outcome(ticket: Held, due_at: object, outcome: str) -> dict[str, Any]:
    if ticket.promise is None or ticket.promise.due_at != due_at:
        return {}
    return {"promise": replace(ticket.promise, outcome=outcome)}


def _classified(ticket: Held, _: Recorded[Event], data: tickets.TicketClassified) -> Change:
    found = Classification(
        data.category, data.service, data.confidence, data.source, data.candidates or (), data.learned_from
    )
    return None, {
        "category": ticket.category if ticket.category_by else data.category or ticket.category,
        "service": data.service or ticket.service,
        "classification": found,
    }


def _toned(_: Held, __: Recorded[Event], data: tickets.ToneDetected) -> Change:
    return None, {"tone": data.tone, "tone_degree": data.degree}


def _prioritised(_: Held, event: Recorded[Event], data: tickets.TicketPrioritised) -> Change:
    judgement = _judgement(event, data)
    return None, {"judgement": judgement, "by_rules": judgement, "suggested": None}


def _suggested(_: Held, event: Recorded[Event], data: tickets.PrioritySuggested) -> Change:
    judgement = _judgement(event, data)
    return None, {"suggested": judgement, "by_rules": judgement}


def _judgement(event: Recorded[Event], data: tickets.Judged) -> Judgement:
    return Judgement(
        priority=data.priority,
        by=event.actor,
        at=event.occurred_at,
        reasons=data.reasons,
        urgency=data.urgency,
        impact=data.impact,
        rule_version=data.rule_version,
        smallest_change=data.smallest_change,
        inputs=data.inputs,
    )


def _priority_set(_: Held, event: Recorded[Event], data: tickets.PrioritySet) -> Change:
    judgement = Judgement(data.priority, event.actor, event.occurred_at, reason=data.reason)
    return None, {"judgement": judgement, "suggested": None}


def _message(ticket: Held, event: Recorded[Event], _: tickets.MessageReceived) -> Change:
    return None, {"messages": ticket.messages + 1, "last_message_at": event.occurred_at}


def _reply(ticket: Held, event: Recorded[Event], data: tickets.ReplySent) -> Change:
    at = data.answered_at or event.occurred_at
    change = {
        "replies": ticket.replies + 1,
        "first_reply_at": ticket.first_reply_at or at,
        "last_reply_at": event.occurred_at,
    }
    return (Open if isinstance(ticket, New) else None), change


def _assigned(ticket: Held, _: Recorded[Event], data: tickets.TicketAssigned) -> Change:
    return None, {"agent": data.agent, "team": data.team}


def _category_set(_: Held, event: Recorded[Event], data: tickets.CategorySet) -> Change:
    return None, {"category": data.category, "category_by": event.actor}


def _status(ticket: Held, event: Recorded[Event], data: tickets.StatusChanged) -> Change:
    change: dict[str, Any] = {"source_status": data.source_status or ticket.source_status}
    if data.status is ticket.status:  # an import repeats a state; an end keeps its first instant
        return None, change
    if data.status is Status.RESOLVED:
        change |= {"resolved_at": event.occurred_at, "closed_at": None, "close_reason": None}
    elif data.status is Status.CLOSED:
        change |= {"closed_at": event.occurred_at}
    else:
        change |= {"resolved_at": None, "closed_at": None, "close_reason": None}
    return STATES[data.status], change


def _escalated(_: Held, __: Recorded[Event], data: tickets.TicketEscalated) -> Change:
    return None, {"level": data.level, "team": data.team} if data.team else {"level": data.level}


def _found(_: Held, __: Recorded[Event], data: tickets.FindingRecorded) -> Change:
    return None, {"cause": data.cause}


def _collaborator(ticket: Held, _: Recorded[Event], data: tickets.CollaboratorAdded) -> Change:
    if data.person in ticket.collaborators:
        return None, {}
    return None, {"collaborators": (*ticket.collaborators, data.person)}


def _linked(ticket: Held, _: Recorded[Event], data: tickets.TicketLinked) -> Change:
    kept = tuple(link for link in ticket.links if link[0] != data.other)
    return None, {"links": (*kept, (data.other, data.kind))}


def _unlinked(ticket: Held, _: Recorded[Event], data: tickets.TicketUnlinked) -> Change:
    return None, {"links": tuple(link for link in ticket.links if link[0] != data.other)}


def _tagged(ticket: Held, _: Recorded[Event], data: tickets.TagsChanged) -> Change:
    return None, {"tags": tuple(sorted((set(ticket.tags) | set(data.added)) - set(data.removed)))}


def _resolved(ticket: Held, event: Recorded[Event], data: tickets.TicketResolved) -> Change:
    return Resolved, {
        "resolved_at": event.occurred_at,
        "cause": data.cause,
        "source_status": data.source_status or ticket.source_status,
    }


def _reopened(ticket: Held, _: Recorded[Event], data: tickets.TicketReopened) -> Change:
    return Open, {
        "reopened": ticket.reopened + 1,
        "resolved_at": None,
        "closed_at": None,
        "close_reason": None,
        "source_status": data.source_status or ticket.source_status,
    }


def _closed(ticket: Held, event: Recorded[Event], data: tickets.TicketClosed) -> Change:
    return Closed, {
        "closed_at": event.occurred_at,
        "close_reason": data.reason,
        "source_status": data.source_status or ticket.source_status,
    }


def _adopted(_: Held, __: Recorded[Event], ___: tickets.TicketAdopted) -> Change:
    return None, {"adopted": True}


def _breached(ticket: Held, _: Recorded[Event], __: sla.SlaBreached) -> Change:
    return None, {"breaches": ticket.breaches + 1}


CHANGES: Final[Mapping[str, Callable[[Held, Recorded[Event], Any], Change]]] = {
    "ticket.checkpoint_promised": _promised,
    "ticket.classified": _classified,
    "ticket.tone_detected": _toned,
    "ticket.prioritised": _prioritised,
    "ticket.priority_suggested": _suggested,
    "ticket.message_received": _message,
    "ticket.reply_sent": _reply,
    "ticket.assigned": _assigned,
    "ticket.priority_set": _priority_set,
    "ticket.category_set": _category_set,
    "ticket.status_changed": _status,
    "ticket.checkpoint_kept": _kept,
    "ticket.checkpoint_missed": _missed,
    "ticket.escalated": _escalated,
    "ticket.finding_recorded": _found,
    "ticket.collaborator_added": _collaborator,
    "ticket.linked": _linked,
    "ticket.unlinked": _unlinked,
    "ticket.tags_changed": _tagged,
    "ticket.resolved": _resolved,
    "ticket.reopened": _reopened,
    "ticket.closed": _closed,
    "ticket.merged": merged,
    "ticket.unmerged": unmerged,
    "ticket.split": split,
    "ticket.split_off": split_off,
    "ticket.unsplit": unsplit,
    "ticket.adopted": _adopted,
    "sla.breached": _breached,
}
"""The rule of each event that changes a fact; SILENT has the others. A test holds the two against the catalogue."""
