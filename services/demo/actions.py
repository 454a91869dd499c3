"""One dated action of the month: a command of the public API, who gives it, and to which ticket. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from contracts.calendars import PutCalendar
from contracts.clients import PutClient
from contracts.incident_commands import ConfirmIncident, ResolveIncident, UpdateIncident
from contracts.people import RegisterAgent
from contracts.policies import PutPolicy
from contracts.ticket_commands import (
    AddNote,
    Assign,
    ChangeStatus,
    ChangeTags,
    CloseTicket,
    PromiseCheckpoint,
    ReceiveMessage,
    ReopenTicket,
    ResolveTicket,
    SendReply,
    SetPriority,
    SubmitTicket,
)

TicketCommand = (
    ReceiveMessage
    | SendReply
    | AddNote
    | Assign
    | SetPriority
    | ChangeStatus
    | PromiseCheckpoint
    | ResolveTicket
    | ReopenTicket
    | CloseTicket
    | ChangeTags
)
"""What can happen to a ticket that exists."""

Terms = PutCalendar | PutPolicy
"""What the desk has promised to a client, or to all of them."""

IncidentStep = ConfirmIncident | UpdateIncident | ResolveIncident
"""What a person does with what the radar has found."""

Command = PutClient | RegisterAgent | Terms | SubmitTicket | TicketCommand | IncidentStep

PATHS: dict[type[TicketCommand], str] = {
    ReceiveMessage: "messages",
    SendReply: "replies",
    AddNote: "notes",
    Assign: "assignment",
    SetPriority: "priority",
    ChangeStatus: "status",
    PromiseCheckpoint: "checkpoint",
    ResolveTicket: "resolution",
    ReopenTicket: "reopen",
    CloseTicket: "close",
    ChangeTags: "tags",
}
"""The last part of `POST /api/v1/tickets/{id}/…` for each command."""

INCIDENT_PATHS: dict[type[IncidentStep], str] = {
    ConfirmIncident: "confirm",
    UpdateIncident: "updates",
    ResolveIncident: "resolve",
}
"""The same of `POST /api/v1/incidents/{id}/…`."""


@dataclass(frozen=True, slots=True)
class Action:
    """`key` is the same in every run of the same month; `thread` names the ticket inside the script."""

    at: datetime
    key: str
    client: str
    command: Command
    thread: str = ""
    """Empty for clients, people of the desk and the incident."""
    by: str = ""
    """Address of the desk's person who acts; empty where the requester or the administrator does."""
    assignee: str = ""
    """Address of the person to whom an assignment goes: the script does not know the ids that the desk gives."""
