"""(Held, names) -> a ticket as the API shows it; events -> lines of its timeline. Pure; personal values stay sealed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from contracts import tickets
from contracts.envelope import Actor, Recorded, cloud_attributes
from contracts.model import Event
from contracts.terms import Status
from contracts.ticket import Held
from contracts.ticket_state import Judgement, Promise
from services.reporting.line import ACTIVE
from services.reporting.who import Known, Names

INSTANTS = ("opened_at", "updated_at", "first_reply_at", "resolved_at", "closed_at")


def ticket_shape(ticket: Held, names: Names, client_name: str | None) -> dict[str, Any]:
    """The whole ticket."""
    return {
        "id": ticket.id,
        "reference": ticket.reference,
        "client": ticket.client,
        "client_name": client_name,
        "status": ticket.status.value,
        "subject": plain(ticket.subject),
        "requester": person(ticket.requester, names.persons.get(ticket.requester)),
        "channel": ticket.channel.value,
        "urgency": ticket.urgency,
        "category": ticket.category,
        "classification": classification_shape(ticket),
        "service": ticket.service,
        "language": ticket.language,
        "tone": ticket.tone,
        "tone_degree": ticket.tone_degree,
        "priority": priority_shape(ticket.judgement, names),
        "suggested": priority_shape(ticket.suggested, names),
        "checkpoint": checkpoint_shape(ticket.promise),
        "next_update_by": ticket.promise.due_at if ticket.promise and ticket.status in ACTIVE else None,
        "assignee": _assignee(ticket.agent, names),
        "team": ticket.team,
        "level": ticket.level,
        "tags": ticket.tags,
        "exchanges": ticket.exchanges,
        "reopened": ticket.reopened,
        "collaborators": [person(other, names.persons.get(other)) for other in ticket.collaborators],
        "links": [{"ticket": other, "kind": kind.value} for other, kind in ticket.links],
        **{name: getattr(ticket, name) for name in ("merged_into", "split_from", "adopted")},
        "split_off": [other for other, _ in ticket.split_off],
        "cause": ticket.cause,
        "close_reason": ticket.close_reason,
        **{name: getattr(ticket, name) for name in INSTANTS},
        "source": ticket.source.model_dump(mode="json") if ticket.source else None,
        **{name: getattr(ticket, name) for name in ("source_status", "origin", "version", "intake_version")},
    }


def person(identifier: UUID, known: Known | None) -> dict[str, Any]:
    return {"id": identifier, "name": known.name if known else None, "address": known.address if known else None}


def _assignee(agent: UUID | None, names: Names) -> dict[str, Any] | None:
    if agent is None:
        return None
    known = names.agents.get(agent)
    return {"id": agent, "name": known.name if known else None}


def priority_shape(judgement: Judgement | None, names: Names) -> dict[str, Any] | None:
    """A priority with its grounds; `set_by` is the rules, or the person whose word stays."""
    if judgement is None:
        return None
    return {
        "value": judgement.priority.value,
        "set_by": who(judgement.by, names),
        "at": judgement.at,
        "reason": plain(judgement.reason),
        "reasons": [reason.model_dump(mode="json") for reason in judgement.reasons],
        "rule_version": judgement.rule_version,
        "urgency": judgement.urgency,
        "impact": judgement.impact,
        "smallest_change": judgement.smallest_change,
        "inputs": judgement.inputs.model_dump(mode="json") if judgement.inputs else None,
    }


def classification_shape(ticket: Held) -> dict[str, Any] | None:
    """How sure the rules were of what a ticket is about, from what; where they were not, between what."""
    found = ticket.classification
    if found is None:
        return None
    return {
        "category": found.category,
        "service": found.service,
        "confidence": found.confidence,
        "source": found.source,
        "learned_from": found.learned_from,
        "unsure": found.category is None,
        "candidates": [{"category": name, "confidence": share} for name, share in found.candidates],
        "set_by_person": ticket.category_by is not None,
    }


def checkpoint_shape(promise: Promise | None) -> dict[str, Any] | None:
    if promise is None:
        return None
    return {
        "due_at": promise.due_at,
        "text": plain(promise.text),
        "by": promise.by.value,
        "promised_at": promise.promised_at,
        "outcome": promise.outcome,
    }


def who(actor: str, names: Names) -> dict[str, Any]:
    kind, identifier = Actor.parse(actor)
    return {"kind": kind, "id": identifier, "name": names.of(actor)}


def plain(value: Any) -> Any:
    """A personal value as JSON."""
    return value if value is None or isinstance(value, str) else value.model_dump(mode="json")


def cloud_event(event: Recorded[Event]) -> dict[str, Any]:
    """An event in CloudEvents form, its data as JSON, sealed."""
    return cloud_attributes(event) | {"data": event.data.model_dump(mode="json", exclude_none=True)}


def timeline_item(event: Recorded[Event], names: Names, references: Mapping[UUID, str]) -> dict[str, Any]:
    """An event of a ticket for its timeline: with the names of whoever acted and of whom it names."""
    item = cloud_event(event) | {"actor_name": names.of(event.actor)}
    data = item["data"]
    match event.data:
        case tickets.TicketAssigned(agent=UUID() as agent):
            data["agent_name"] = _name(names.agents, agent)
        case tickets.CollaboratorAdded(person=other):
            data["person_name"] = _name(names.persons, other)
        case tickets.MessageReceived(author=author):
            data["author_name"] = _name(names.persons, author)
        case _:
            for other in others_in([event]):
                data["other_reference"] = references.get(other)
    return item


def _name(known: Mapping[UUID, Known], identifier: UUID) -> Any:
    found = known.get(identifier)
    return found.name if found else None


def persons_in(events: Iterable[Recorded[Event]]) -> set[UUID]:
    """The client's people whom some events name."""
    found: set[UUID] = set()
    for event in events:
        match event.data:
            case tickets.TicketSubmitted(requester=one) | tickets.MessageReceived(author=one):
                found.add(one)
            case tickets.CollaboratorAdded(person=one):
                found.add(one)
            case _:
                pass
    return found | actors_in(events, "requester")


def agents_in(events: Iterable[Recorded[Event]]) -> set[UUID]:
    """The desk's people whom some events name."""
    assigned = {event.data.agent for event in events if isinstance(event.data, tickets.TicketAssigned)}
    return {agent for agent in assigned if agent} | actors_in(events, "agent")


def actors_in(events: Iterable[Recorded[Event]], kind: str) -> set[UUID]:
    found = set()
    for event in events:
        actor, identifier = Actor.parse(event.actor)
        if actor == kind:
            try:
                found.add(UUID(identifier))
            except ValueError:
                continue  # an actor of another desk, kept as it was called there
    return found


def others_in(events: Iterable[Recorded[Event]]) -> set[UUID]:
    """Other tickets that some events name."""
    found: set[UUID] = set()
    for event in events:
        match event.data:
            case (
                tickets.TicketLinked(other=other)
                | tickets.TicketUnlinked(other=other)
                | tickets.TicketMerged(into=other)
                | tickets.TicketUnmerged(out_of=other)
                | tickets.TicketSplit(into=other)
                | tickets.TicketSplitOff(out_of=other)
                | tickets.TicketUnsplit(out_of=other)
            ):
                found.add(other)
            case _:
                pass
    return found


def guest_shape(
    ticket: Held, events: Sequence[Recorded[Event]], names: Names, client_name: str | None
) -> dict[str, Any]:
    """The ticket as its requester sees it: what was said to each other and where it stands, nothing of the inside."""
    promise = ticket.promise if ticket.status in ACTIVE else None
    return {
        "reference": ticket.reference,
        "client": ticket.client,
        "client_name": client_name,
        "subject": plain(ticket.subject),
        "status": ticket.status.value,
        "next_update_by": promise.due_at if promise else None,
        "next_update_text": plain(promise.text) if promise else None,
        "opened_at": ticket.opened_at,
        "history": [entry for event in events if (entry := _guest_entry(event, names)) is not None],
    }


def _guest_entry(event: Recorded[Event], names: Names) -> dict[str, Any] | None:
    match event.data:
        case tickets.TicketSubmitted(body=text):
            told: dict[str, Any] = {"kind": "submitted", "text": plain(text)}
        case tickets.MessageReceived(body=text, author=author):
            told = {"kind": "message", "text": plain(text), "who": _name(names.persons, author)}
        case tickets.ReplySent(body=text):
            told = {"kind": "reply", "text": plain(text), "who": names.of(event.actor)}
        case tickets.StatusChanged(status=status, explanation=text):
            told = {"kind": "status", "status": Status(status).value, "text": plain(text)}
        case tickets.CheckpointPromised(due_at=due_at, text=text):
            told = {"kind": "promised", "due_at": due_at, "text": plain(text)}
        case tickets.TicketAssigned(agent=UUID()):
            told = {"kind": "assigned"}
        case tickets.TicketResolved(summary=text):
            told = {"kind": "resolved", "text": plain(text)}
        case tickets.TicketReopened():
            told = {"kind": "reopened"}
        case tickets.TicketClosed() | tickets.TicketMerged():
            told = {"kind": "closed"}
        case _:
            return None
    return {"at": event.occurred_at, "who": None, "text": None} | told
