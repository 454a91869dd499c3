"""The answers about what triage, or a person, made of a ticket. Pure data."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.terms import Priority
from services.reporting.shape import Shape, Text


class Actor(Shape):
    kind: str = Field(description="requester, agent, token or system")
    id: str
    name: Text


class ReasonShape(Shape):
    code: str
    axis: str
    points: float
    words: list[Text]
    events: list[UUID]


class PriorityShape(Shape):
    value: Priority
    set_by: Actor
    at: AwareDatetime
    reason: Text
    reasons: list[ReasonShape]
    rule_version: str | None
    urgency: float | None
    impact: float | None
    smallest_change: str | None
    inputs: dict[str, Any] | None = Field(description="the numbers that it was judged from, and is judged again")


class CandidateShape(Shape):
    category: str
    confidence: float


class ClassificationShape(Shape):
    """How sure the rules are of what a ticket is about. Without a category they are unsure between the candidates."""

    category: str | None
    service: str | None
    confidence: float
    source: str | None = Field(description="choice, form, text, learned or unsure")
    learned_from: int | None = Field(description="corrections of people that it was learned from")
    unsure: bool
    candidates: list[CandidateShape]
    set_by_person: bool
