"""The recorded facts of clocks and promises on a ticket's stream (slas.md). Pure data."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime

from contracts.model import Event, Personal


class Metric(StrEnum):
    FIRST_REPLY = "first_reply"
    NEXT_REPLY = "next_reply"
    UPDATE = "update"
    RESOLUTION = "resolution"
    AGENT_WORK = "agent_work"
    PROMISE = "promise"


class ClockFact(Event):
    """One fact of one cycle of one clock. `true_at` is when it became true; the envelope knows when it was recorded."""

    metric: Metric
    cycle: str
    true_at: AwareDatetime
    due_at: AwareDatetime
    policy_version: str


class SlaWarned(ClockFact):
    type: ClassVar[str] = "sla.warned"
    fraction: float


class SlaBreached(ClockFact):
    type: ClassVar[str] = "sla.breached"
    by_change: bool = False


class SlaMet(ClockFact):
    type: ClassVar[str] = "sla.met"
    consumed_seconds: int


class SlaEscalated(ClockFact):
    """A step of the policy's escalations came due; what it does follows as an ordinary command.

    `step` is its number within the target, from 1.
    """

    type: ClassVar[str] = "sla.escalated"
    step: int
    action: str
    to: str | None = None


class SlaWaived(Event):
    type: ClassVar[str] = "sla.waived"
    metric: Metric
    cycle: str
    reason: Personal


class DeadlinePinned(Event):
    type: ClassVar[str] = "sla.deadline_pinned"
    metric: Metric
    due_at: AwareDatetime
    reason: Personal | None = None


class DeadlineUnpinned(Event):
    type: ClassVar[str] = "sla.deadline_unpinned"
    metric: Metric


class AgentNotified(Event):
    """An escalation told one of the desk's people about a clock; the letter follows."""

    type: ClassVar[str] = "sla.agent_notified"
    agent: UUID
    metric: Metric
    cycle: str
    due_at: AwareDatetime
