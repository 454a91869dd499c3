"""(an event, its ticket, the desk's people) -> the commands that follow from it. Pure.

An escalation that came due notifies, raises the priority, reassigns or moves to a level, each by an ordinary command.
Of a ticket that has ended meanwhile nothing is asked. A missed promise is followed by the next one, and a high priority
brings the promise forward.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from contracts.envelope import Recorded
from contracts.model import Event
from contracts.policies import EscalationAction
from contracts.sla import SlaEscalated
from contracts.terms import Priority
from contracts.ticket_state import Absent, Closed, Held, Resolved, Ticket
from services.triage.commands import Effect, Unwanted

TYPES: Final = ("sla.escalated", "ticket.checkpoint_missed", "ticket.prioritised")
NOTICES_MAX: Final = 20  # letters of one step: whoever names a role of hundreds tells nobody
ASSIGNEE: Final = "assignee"
"""Whom a step may name besides roles, teams and levels: who has the ticket."""

HIGHER: Final = {Priority.P4: Priority.P3, Priority.P3: Priority.P2, Priority.P2: Priority.P1}


class Agent(NamedTuple):
    """One of the desk's people, as GET /agents tells."""

    id: UUID
    role: str
    level: str
    teams: tuple[str, ...]
    clients: tuple[str, ...]


def effects_of(event: Recorded[Event], ticket: Ticket, agents: Sequence[Agent]) -> list[Effect]:
    """What intake is asked for because of an event. Raises Unwanted where the policy names nobody."""
    if isinstance(ticket, Absent | Resolved | Closed):
        return []
    if not isinstance(event.data, SlaEscalated):
        return [Effect(event, "promise", f"/tickets/{ticket.id}/checkpoint/anew")]
    step = event.data
    match step.action:
        case EscalationAction.NOTIFY:
            return [_notice(event, step, ticket, agent) for agent in recipients(step.to, ticket, agents)]
        case EscalationAction.RAISE_PRIORITY:
            return _raised(event, step, ticket)
        case EscalationAction.REASSIGN:
            body = _assignee(step.to, ticket)
            return [Effect(event, "reassign", f"/tickets/{ticket.id}/assignment", body)]
        case EscalationAction.MOVE_TO_LEVEL:
            body = {"level": step.to, "reason": said(step)}
            return [Effect(event, "level", f"/tickets/{ticket.id}/escalation", body)]
        case _:
            raise Unwanted("unknown_action", f"no step does {step.action!r}")


def recipients(to: str | None, ticket: Held, agents: Sequence[Agent]) -> list[UUID]:
    """Who is meant by a role, a team, a level, an agent's id or `assignee`, of those who work for the client."""
    if to == ASSIGNEE and ticket.agent is not None:
        return [ticket.agent]
    found = [
        agent.id
        for agent in agents
        if to in {agent.role, agent.level, str(agent.id), *agent.teams}
        and (not agent.clients or ticket.client in agent.clients)
    ]
    if not found:
        raise Unwanted("nobody", f"the step names {to!r}, and nobody at the desk is that for this client")
    return sorted(found)[:NOTICES_MAX]


def said(step: SlaEscalated) -> str:
    """Why, for the history: no word of it is the requester's."""
    return f"{step.metric.replace('_', ' ').capitalize()} due {step.due_at:%Y-%m-%d %H:%M} UTC (step {step.step})"


def _notice(event: Recorded[Event], step: SlaEscalated, ticket: Held, agent: UUID) -> Effect:
    body = {"agent": str(agent), "metric": step.metric, "cycle": step.cycle, "due_at": step.due_at.isoformat()}
    return Effect(event, f"notice:{agent}", f"/tickets/{ticket.id}/notices", body)


def _raised(event: Recorded[Event], step: SlaEscalated, ticket: Held) -> list[Effect]:
    """To what the step names, or by one; what is as high already stays."""
    current = ticket.priority or Priority.P4
    wanted = Priority(step.to) if step.to in set(Priority) else HIGHER.get(current, current)
    if wanted >= current and ticket.priority is not None:
        return []
    body = {"priority": wanted, "reason": said(step)}
    return [Effect(event, "priority", f"/tickets/{ticket.id}/priority", body)]


def _assignee(to: str | None, ticket: Held) -> dict[str, Any]:
    """An agent by id, or a team; a team takes the ticket from who had it."""
    try:
        return {"agent": str(UUID(to or "")), "team": ticket.team}
    except ValueError:
        return {"team": to}
