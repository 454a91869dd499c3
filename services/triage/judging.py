"""(Folded ticket, changed facts) -> the rules' next judgement of it, or silence. Pure.

Each judgement starts from the numbers of the one before (`Held.by_rules`), so nothing is forgotten and no text is
opened. A new fact changes a priority at most once and at once upwards; downwards it is only suggested; what a person
set is changed by an incident alone, and then only as far as the incident itself demands.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from contracts import tickets as tell
from contracts.clients import Tier
from contracts.ticket_state import Closed, Held, Judgement, Resolved
from services.kit.rules.facts import Facts, facts_of
from services.kit.rules.priority import evidence_of, judge

Judged = tell.TicketPrioritised | tell.PrioritySuggested


def judge_again(ticket: Held, *, clients: int, incident_clients: int) -> Judged | None:
    """What an incident makes of a ticket that it touches, or leaves again: None where that changes nothing.

    `clients` are the distinct clients of the suspected or confirmed incident, 1 where it is over or was rejected;
    `incident_clients` the same once a person has confirmed it, else 0. The caller appends the answer to the ticket.
    """
    facts = replace(known_facts(ticket), clients=max(1, clients), incident_clients=incident_clients)
    if by_a_person(ticket.judgement):
        return _against_a_person(ticket, facts)
    return verdict(ticket, facts)


def known_facts(ticket: Held, tier: Tier = Tier.STANDARD) -> Facts:
    """The facts of the rules' newest judgement; of a ticket that has none, those of its fold."""
    before = ticket.by_rules
    if before is None:
        return Facts(stated=ticket.urgency, exchanges=ticket.exchanges, category=matter_of(ticket), tier=tier)
    if before.inputs is not None:
        return facts_of(before.inputs, before.reasons)
    return Facts(  # a judgement of rules that did not record their numbers yet
        stated=ticket.urgency,
        words=evidence_of(before.reasons),
        exchanges=ticket.exchanges,
        category=matter_of(ticket),
        tier=tier,
    )


def matter_of(ticket: Held) -> str | None:
    """What tells a ticket's service: what a person set; else the service that was found; else the chosen category."""
    return ticket.category if ticket.category_by else ticket.service or ticket.category


def by_a_person(judgement: Judgement | None) -> bool:
    return judgement is not None and judgement.rule_version is None


def verdict(ticket: Held, facts: Facts) -> Judged | None:
    """The judgement of these facts, where it says something new about a ticket that is worked on."""
    current, before = ticket.judgement, ticket.by_rules
    if current is not None and isinstance(ticket, Resolved | Closed):
        return None
    if by_a_person(current):
        return None
    judged = judge(facts)
    if before is not None and _same(before, judged):
        return None
    if current is None or judged.priority <= current.priority:
        return judged
    return suggested(judged)


def _against_a_person(ticket: Held, facts: Facts) -> Judged | None:
    """An incident outranks a person's word only where the incident, and nothing else, asks for more."""
    if isinstance(ticket, Resolved | Closed) or ticket.priority is None:
        return None
    judged = judge(facts)
    without = judge(replace(facts, clients=1, incident_clients=0))
    return judged if judged.priority < min(ticket.priority, without.priority) else None


def suggested(judged: tell.TicketPrioritised) -> tell.PrioritySuggested:
    """The same judgement as a suggestion."""
    fields: dict[str, Any] = {name: getattr(judged, name) for name in tell.Judged.model_fields}
    return tell.PrioritySuggested.model_construct(**fields)


def _same(before: Judgement, judged: tell.TicketPrioritised) -> bool:
    """Whether a judgement repeats what was said: the same priority by the same sums."""
    return (before.priority, before.urgency, before.impact) == (judged.priority, judged.urgency, judged.impact)
