"""(A cluster, the incident as the log holds it) -> the fact that brings the incident up to the cluster. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from contracts.incident import Incident, IncidentStatus
from contracts.incidents import IncidentGrew, IncidentSubsided, IncidentSuspected, Member, Sign
from contracts.model import Personal
from contracts.subjects import lane_of
from services.triage.radar import clusters
from services.triage.radar.keys import handle_of
from services.triage.radar.radar import STATE_VERSION
from services.triage.radar.sign import Sign as RadarSign
from services.triage.radar.wording import KINDS, strongest_first

SIGNS_MAX: Final = 12  # of an incident; the strongest say enough
MEMBERS_MAX: Final = 500  # in one event
STRONGER: Final = 1.0  # units of evidence; less is no news
SURER: Final = 0.2  # of a membership's strength

LISTENING: Final = frozenset(
    {IncidentStatus.ABSENT, IncidentStatus.SUSPECTED, IncidentStatus.CONFIRMED, IncidentStatus.SUBSIDED}
)

Fact = IncidentSuspected | IncidentGrew | IncidentSubsided
Births = Mapping[UUID, tuple[str, datetime]]
"""Ticket -> its client, and when it was submitted."""


def new_tickets(cluster: clusters.Cluster, known: Incident) -> list[UUID]:
    """Tickets of the cluster that the incident lacks, or holds for less sure."""
    found = []
    for text, strength in cluster.tickets.items():
        ticket = UUID(text)
        member = known.members.get(ticket)
        if ticket in known.removed or (member is not None and member.strength > strength - SURER):
            continue
        found.append(ticket)
    return found[:MEMBERS_MAX]


def new_signs(cluster: clusters.Cluster, known: Incident, secret: bytes) -> list[RadarSign]:
    """Signs that are new, or much stronger than they were told."""
    found = []
    for sign in strongest_first(cluster)[:SIGNS_MAX]:
        told = known.signs.get(key_of(sign, secret))
        if told is None or sign.evidence >= told.evidence + STRONGER:
            found.append(sign)
    return found


def fact_of(
    cluster: clusters.Cluster, known: Incident, births: Births, words: Mapping[str, Personal], *, secret: bytes,
    desk_clients: int,
) -> Fact | None:  # fmt: skip
    """What to tell of a cluster; None where the incident knows it all, or hears no more. `words` seals signs' keys."""
    if known.status not in LISTENING:
        return None
    members = tuple(
        Member(
            ticket=ticket,
            client=births[ticket][0],
            at=births[ticket][1],
            strength=round(cluster.tickets[str(ticket)], 3),
        )
        for ticket in new_tickets(cluster, known)
        if ticket in births
    )
    signs = tuple(
        sign_of(sign, words[sign.key], secret) for sign in new_signs(cluster, known, secret) if sign.key in words
    )
    if known.status is IncidentStatus.ABSENT:
        return _suspicion(cluster, members, signs, desk_clients)
    if not members and not signs and known.status is not IncidentStatus.SUBSIDED:
        return None
    return IncidentGrew(members=members, signs=signs, desk_clients=desk_clients)


def _suspicion(
    cluster: clusters.Cluster, members: tuple[Member, ...], signs: tuple[Sign, ...], desk_clients: int
) -> IncidentSuspected:
    strongest = strongest_first(cluster)[0]
    return IncidentSuspected(
        keys=tuple((sign.kind, sign.word) for sign in signs),
        clients=tuple(dict.fromkeys(member.client for member in members)),
        tickets=tuple(member.ticket for member in members),
        evidence=round(strongest.evidence, 3),
        expected_clients=round(strongest.expected, 4),
        first_seen_at=instant(cluster.first_at),
        rule_version=STATE_VERSION,
        signs=signs,
        members=members,
        desk_clients=desk_clients,
    )


def end_of(cluster: clusters.Cluster, known: Incident, into: UUID | None) -> IncidentSubsided | None:
    """What to tell of a cluster that is quiet, or went on in another one."""
    if known.status is not IncidentStatus.SUSPECTED:
        return None
    return IncidentSubsided(last_seen_at=instant(cluster.last_at), into=into)


def sign_of(sign: RadarSign, word: Personal, secret: bytes) -> Sign:
    return Sign(
        key=key_of(sign, secret),
        kind=KINDS[sign.key[0]],
        word=word,
        clients=sign.clients,
        tickets=sign.tickets,
        expected=round(sign.expected, 4),
        evidence=round(sign.evidence, 3),
        above=round(sign.margin, 3),
    )


def key_of(sign: RadarSign, secret: bytes) -> str:
    return f"{handle_of(sign.key, secret):016x}"


def kind_and_word(sign: Sign, opened: str) -> str:
    """The radar's key of a told sign, its word opened."""
    return f"{next(letter for letter, kind in KINDS.items() if kind == sign.kind)}:{opened}"


def instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def lanes(tickets: list[UUID]) -> list[int]:
    return [lane_of(ticket) for ticket in tickets]
