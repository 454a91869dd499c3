"""The routes of incidents. Each hands a command to services/intake/incidents.py and says no more."""

from __future__ import annotations

from fastapi import FastAPI

from contracts import incident_commands as ask
from services.intake.answers import IncidentAnswer
from services.intake.call import TheCall
from services.intake.edge import Edge
from services.intake.incidents import change_incident, open_incident
from services.intake.route import Answered


def add_incident_routes(app: FastAPI, edge: Edge) -> None:
    """POST /incidents, and everything below it."""

    @app.post("/incidents", status_code=201, response_model=IncidentAnswer)
    async def declare_incident(call: TheCall, command: ask.OpenIncident) -> Answered:
        """Declares an incident that the radar has not found."""
        return await open_incident(edge, call, command)

    @app.post("/incidents/{incident}/tickets", response_model=IncidentAnswer)
    async def change_incident_tickets(call: TheCall, incident: str, command: ask.ChangeIncidentTickets) -> Answered:
        """Takes tickets in, or out again; the radar brings none back that a person took out."""
        return await change_incident(edge, call, incident, command)

    @app.post("/incidents/{incident}/updates", response_model=IncidentAnswer)
    async def update_incident(call: TheCall, incident: str, command: ask.UpdateIncident) -> Answered:
        """Tells everyone affected, each once, in a letter of their own; the words name no client."""
        return await change_incident(edge, call, incident, command)

    _add_course(app, edge)
    _add_status_page(app, edge)
    _add_parts(app, edge)


def _add_course(app: FastAPI, edge: Edge) -> None:
    @app.post("/incidents/{incident}/confirm", response_model=IncidentAnswer)
    async def confirm_incident(call: TheCall, incident: str, command: ask.ConfirmIncident) -> Answered:
        """A suspicion is an incident: later tickets come in at once, and their priority rises."""
        return await change_incident(edge, call, incident, command)

    @app.post("/incidents/{incident}/reject", response_model=IncidentAnswer)
    async def reject_incident(call: TheCall, incident: str, command: ask.RejectIncident) -> Answered:
        """A suspicion is none: what spoke for it has to speak louder from now on."""
        return await change_incident(edge, call, incident, command)

    @app.post("/incidents/{incident}/resolve", response_model=IncidentAnswer)
    async def resolve_incident(call: TheCall, incident: str, command: ask.ResolveIncident) -> Answered:
        """The end, with its report."""
        return await change_incident(edge, call, incident, command)

    @app.post("/incidents/{incident}/reopen", response_model=IncidentAnswer)
    async def reopen_incident(call: TheCall, incident: str, command: ask.ReopenIncident) -> Answered:
        """Takes a rejection, an end or a merging back."""
        return await change_incident(edge, call, incident, command)


def _add_status_page(app: FastAPI, edge: Edge) -> None:
    @app.post("/incidents/{incident}/publish", response_model=IncidentAnswer)
    async def publish_incident(call: TheCall, incident: str, command: ask.PublishIncident) -> Answered:
        """Puts it on the public status page, under words that name no client; what was said before stays inside."""
        return await change_incident(edge, call, incident, command)

    @app.post("/incidents/{incident}/withdraw", response_model=IncidentAnswer)
    async def withdraw_incident(call: TheCall, incident: str, command: ask.WithdrawIncident) -> Answered:
        """Takes it off the public status page."""
        return await change_incident(edge, call, incident, command)


def _add_parts(app: FastAPI, edge: Edge) -> None:
    @app.post("/incidents/{incident}/merge", response_model=IncidentAnswer)
    async def merge_incident(call: TheCall, incident: str, command: ask.MergeIncident) -> Answered:
        """Its tickets go on in another incident; reopen takes it back."""
        return await change_incident(edge, call, incident, command)

    @app.post("/incidents/{incident}/split", response_model=IncidentAnswer)
    async def split_incident(call: TheCall, incident: str, command: ask.SplitIncident) -> Answered:
        """Some of its tickets go on as an incident of their own; merge takes it back."""
        return await change_incident(edge, call, incident, command)
