"""Commands of an incident. Pure data; `contracts.incidents` has the events that answer them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from contracts.model import Command, Word
from contracts.ticket_commands import ShortText, Subject, Text

TICKETS_MAX = 200  # named in one command

TicketName = Annotated[str, StringConstraints(min_length=1, max_length=80)]
"""A ticket's id or its reference."""
Public = Annotated[bool, Field(description="whether everybody may read it on the public status page")]
TicketNames = Annotated[tuple[TicketName, ...], Field(max_length=TICKETS_MAX)]


class OpenIncident(Command):
    """Declares an incident that the radar has not found. The title names no client: those affected may read it."""

    title: Subject
    service: Word | None = None
    tickets: TicketNames = ()


class ChangeIncidentTickets(Command):
    add: TicketNames = ()
    remove: TicketNames = ()


class ConfirmIncident(Command):
    """It is one. From now on it takes in later tickets at once, and raises their priority."""

    title: Subject
    text: Text | None = Field(None, description="what everyone affected is told at once; it names no client")
    next_update_at: AwareDatetime | None = None
    public: Public = False


class RejectIncident(Command):
    """It is none: what spoke for it has to speak louder from now on."""

    reason: ShortText


class UpdateIncident(Command):
    """Words for everyone affected, each in a letter of their own; they name no client."""

    text: Text
    next_update_at: AwareDatetime | None = None
    public: Public = False


class PublishIncident(Command):
    """Puts it on the public status page, or gives it another title there. What was said before stays where it was."""

    title: Subject
    service: Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)] | None = None


class WithdrawIncident(Command):
    """Takes it off the public status page."""


class ResolveIncident(Command):
    """The end: what it was, for the report. With `text` everyone affected is told."""

    summary: Text
    text: Text | None = None
    public: Public = False


class MergeIncident(Command):
    into: TicketName


class SplitIncident(Command):
    title: Subject
    tickets: Annotated[tuple[TicketName, ...], Field(min_length=1, max_length=TICKETS_MAX)]


class ReopenIncident(Command):
    """Takes a rejection, an end or a merging back."""

    reason: ShortText


IncidentCommand = (
    OpenIncident
    | ChangeIncidentTickets
    | ConfirmIncident
    | RejectIncident
    | UpdateIncident
    | PublishIncident
    | WithdrawIncident
    | ResolveIncident
    | MergeIncident
    | SplitIncident
    | ReopenIncident
)
