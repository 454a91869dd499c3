"""The routes of tickets. Each hands a command to services/intake/tickets.py and says no more."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import FastAPI
from pydantic import Field, StringConstraints

from contracts import ticket_commands as ask
from contracts.model import Command
from contracts.terms import Channel
from services.intake.answers import SubmittedAnswer, TicketAnswer
from services.intake.call import TheCall, TheChange
from services.intake.edge import Edge
from services.intake.route import Answered
from services.intake.tickets import carry_out, submit

Key = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class GuestMessage(Command):
    """The requester's words, from the ticket's own page."""

    key: Key
    body: ask.Text
    attachments: tuple[ask.Upload, ...] = Field(default=(), max_length=ask.ATTACHMENTS_MAX)


def add_ticket_routes(app: FastAPI, edge: Edge) -> None:
    """POST /tickets, everything below it, and the requester's own way in."""

    @app.post("/tickets", status_code=201, response_model=SubmittedAnswer)
    async def submit_ticket(call: TheCall, command: ask.SubmitTicket) -> Answered:
        """A new ticket. Its requester is known by address within the client, and registered where new."""
        return await submit(edge, call, command)

    @app.post("/guest/tickets/{ticket}/messages", response_model=TicketAnswer)
    async def receive_guest_message(call: TheChange, ticket: str, command: GuestMessage) -> Answered:
        """The requester's words, let in by the key of the ticket's link."""
        message = ask.ReceiveMessage(body=command.body, channel=Channel.WEB, attachments=command.attachments)
        return await carry_out(edge, replace(call, guest_key=command.key), ticket, message)

    _add_conversation(app, edge)
    _add_facts(app, edge)
    _add_first_line(app, edge)
    _add_course(app, edge)


def _add_conversation(app: FastAPI, edge: Edge) -> None:
    @app.post("/tickets/{ticket}/messages", response_model=TicketAnswer)
    async def receive_message(call: TheChange, ticket: str, command: ask.ReceiveMessage) -> Answered:
        """The requester's words. They bring a waiting ticket back and open a resolved one again."""
        return await carry_out(edge, call, ticket, command)

    @app.post("/tickets/{ticket}/replies", response_model=TicketAnswer)
    async def send_reply(call: TheChange, ticket: str, command: ask.SendReply) -> Answered:
        """The agent's public words, with the next checkpoint; status `resolved` ends the work with them."""
        return await carry_out(edge, call, ticket, command)

    @app.post("/tickets/{ticket}/notes", response_model=TicketAnswer)
    async def add_note(call: TheChange, ticket: str, command: ask.AddNote) -> Answered:
        """A word among agents; the requester never sees it."""
        return await carry_out(edge, call, ticket, command)


def _add_facts(app: FastAPI, edge: Edge) -> None:
    @app.post("/tickets/{ticket}/assignment", response_model=TicketAnswer)
    async def assign_ticket(call: TheChange, ticket: str, command: ask.Assign) -> Answered:
        """To an agent, a team or both."""
        return await carry_out(edge, call, ticket, command)

    @app.post("/tickets/{ticket}/priority", response_model=TicketAnswer)
    async def set_priority(call: TheChange, ticket: str, command: ask.SetPriority) -> Answered:
        """A person's judgement; the rules don't change it afterwards."""
        return await carry_out(edge, call, ticket, command)

    @app.post("/tickets/{ticket}/category", response_model=TicketAnswer)
    async def set_category(call: TheChange, ticket: str, command: ask.SetCategory) -> Answered:
        """What the ticket is about."""
        return await carry_out(edge, call, ticket, command)

    @app.post("/tickets/{ticket}/tags", response_model=TicketAnswer)
    async def change_tags(call: TheChange, ticket: str, command: ask.ChangeTags) -> Answered:
        """Adds and removes tags."""
        return await carry_out(edge, call, ticket, command)


def _add_first_line(app: FastAPI, edge: Edge) -> None:
    @app.post("/tickets/{ticket}/steps", response_model=TicketAnswer)
    async def record_step(call: TheChange, ticket: str, command: ask.RecordStep) -> Answered:
        """Something that was tried, and what came of it."""
        return await carry_out(edge, call, ticket, command)

    @app.post("/tickets/{ticket}/finding", response_model=TicketAnswer)
    async def record_finding(call: TheChange, ticket: str, command: ask.RecordFinding) -> Answered:
        """How the first line's work ended, and why it happened; with the bad record where bad data is the cause."""
        return await carry_out(edge, call, ticket, command)


def _add_course(app: FastAPI, edge: Edge) -> None:
    @app.post("/tickets/{ticket}/status", response_model=TicketAnswer)
    async def change_status(call: TheChange, ticket: str, command: ask.ChangeStatus) -> Answered:
        """Open or waiting, with the explanation that the requester reads and the next checkpoint."""
        return await carry_out(edge, call, ticket, command)

    @app.post("/tickets/{ticket}/checkpoint", response_model=TicketAnswer)
    async def promise_checkpoint(call: TheChange, ticket: str, command: ask.PromiseCheckpoint) -> Answered:
        """Moves the promise of the next update; a later one needs its explanation."""
        return await carry_out(edge, call, ticket, command)

    @app.post("/tickets/{ticket}/resolution", response_model=TicketAnswer)
    async def resolve_ticket(call: TheChange, ticket: str, command: ask.ResolveTicket) -> Answered:
        """The end of the work: what was done, why it happened, and whether it is solved for good."""
        return await carry_out(edge, call, ticket, command)

    @app.post("/tickets/{ticket}/reopen", response_model=TicketAnswer)
    async def reopen_ticket(call: TheChange, ticket: str, command: ask.ReopenTicket) -> Answered:
        """Back to work, with a promise."""
        return await carry_out(edge, call, ticket, command)

    @app.post("/tickets/{ticket}/close", response_model=TicketAnswer)
    async def close_ticket(call: TheChange, ticket: str, command: ask.CloseTicket) -> Answered:
        """The end of the ticket: it takes no reply and no message any more."""
        return await carry_out(edge, call, ticket, command)
