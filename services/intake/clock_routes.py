"""The routes of a ticket's clocks and of what turns its course: promises, waivers, pins, levels, merges, splits."""

from __future__ import annotations

from fastapi import FastAPI

from contracts import ticket_commands as ask
from services.intake.answers import SubmittedAnswer, TicketAnswer
from services.intake.call import TheChange
from services.intake.edge import Edge
from services.intake.route import Answered
from services.intake.splitting import split_ticket, unsplit_ticket
from services.intake.tickets import carry_out


def add_clock_routes(app: FastAPI, edge: Edge) -> None:
    """POST /tickets/{ticket}/ checkpoint/anew · waiver · pin · unpin · notices · escalation · merge · unmerge · split ·
    unsplit · adopt."""
    _add_course(app, edge)

    @app.post("/tickets/{ticket}/checkpoint/anew", response_model=TicketAnswer)
    async def promise_anew(call: TheChange, ticket: str, command: ask.PromiseAnew) -> Answered:
        """Promises what the policy says now, where the last promise is over or an earlier one is asked for."""
        return await carry_out(edge, call, ticket, command)

    @app.post("/tickets/{ticket}/waiver", response_model=TicketAnswer)
    async def waive_breach(call: TheChange, ticket: str, command: ask.WaiveBreach) -> Answered:
        """Excuses a breach, with the reason; reports show both."""
        return await carry_out(edge, call, ticket, command)

    @app.post("/tickets/{ticket}/pin", response_model=TicketAnswer)
    async def pin_deadline(call: TheChange, ticket: str, command: ask.PinDeadline) -> Answered:
        """Sets a clock's due time, whatever its policy says."""
        return await carry_out(edge, call, ticket, command)

    @app.post("/tickets/{ticket}/unpin", response_model=TicketAnswer)
    async def unpin_deadline(call: TheChange, ticket: str, command: ask.UnpinDeadline) -> Answered:
        """Back to what the policy says."""
        return await carry_out(edge, call, ticket, command)

    @app.post("/tickets/{ticket}/notices", response_model=TicketAnswer)
    async def notify_agent(call: TheChange, ticket: str, command: ask.NotifyAgent) -> Answered:
        """Has one of the desk's people told about a clock; a letter follows."""
        return await carry_out(edge, call, ticket, command)


def _add_course(app: FastAPI, edge: Edge) -> None:
    @app.post("/tickets/{ticket}/escalation", response_model=TicketAnswer)
    async def escalate_ticket(call: TheChange, ticket: str, command: ask.Escalate) -> Answered:
        """To another level, with the reason and what was ruled out, so that nobody repeats it."""
        return await carry_out(edge, call, ticket, command)

    @app.post("/tickets/{ticket}/merge", response_model=TicketAnswer)
    async def merge_ticket(call: TheChange, ticket: str, command: ask.MergeTicket) -> Answered:
        """The ticket goes on in another one of the same client, which lives; its clocks count no more."""
        return await carry_out(edge, call, ticket, command)

    @app.post("/tickets/{ticket}/unmerge", response_model=TicketAnswer)
    async def unmerge_ticket(call: TheChange, ticket: str, command: ask.UnmergeTicket) -> Answered:
        """As if it had not been merged: status and clocks are what they would be."""
        return await carry_out(edge, call, ticket, command)

    @app.post("/tickets/{ticket}/split", status_code=201, response_model=SubmittedAnswer)
    async def split_off_ticket(call: TheChange, ticket: str, command: ask.SplitTicket) -> Answered:
        """Messages of the requester go on as a ticket of their own, whose clocks count from the oldest of them that
        nobody has answered. The answer is the new ticket's."""
        return await split_ticket(edge, call, ticket, command)

    @app.post("/tickets/{ticket}/unsplit", response_model=TicketAnswer)
    async def undo_split(call: TheChange, ticket: str, command: ask.UnsplitTicket) -> Answered:
        """As if it had not been split: the messages are this ticket's again, and the other one is merged into it."""
        return await unsplit_ticket(edge, call, ticket, command)

    @app.post("/tickets/{ticket}/adopt", response_model=TicketAnswer)
    async def adopt_ticket(call: TheChange, ticket: str, command: ask.AdoptTicket) -> Answered:
        """An imported ticket is worked here from now on: it gets a promise, and its clocks are live."""
        return await carry_out(edge, call, ticket, command)
