"""GET /clients/{…}/terms, and what of it a requester may know: hours and waiting times as they are in force. I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Response
from pydantic import AwareDatetime, Field

from contracts.calendars import Calendar, CalendarCorrected, CalendarSet
from contracts.envelope import Recorded
from contracts.model import DESK, Event
from contracts.policies import Policy, PolicySet
from contracts.sla import Metric
from contracts.subjects import client_stream
from services.kit.access import Caller
from services.kit.clients import find_client
from services.kit.configuration import in_force
from services.kit.log.read import read_stream
from services.kit.rules.promise import About, After, next_checkpoint
from services.kit.web.problem import Problem
from services.reporting.opened import json
from services.reporting.shape import Shape

if TYPE_CHECKING:
    from services.reporting.edge import Edge

Slug = Annotated[str, Field(max_length=40)]
VERSIONS_MAX = 100  # of each kind, the newest


class VersionShape(Shape):
    """A calendar or policy as it was set."""

    name: str
    version: int
    holds_from: AwareDatetime
    apply_to_open: bool
    set_at: AwareDatetime
    set_by: str
    corrected: bool = Field(description="whether it was wrong for a while, and judged anew")


class CalendarVersion(VersionShape):
    calendar: Calendar


class PolicyVersionShape(VersionShape):
    policy: Policy


class TermsShape(Shape):
    """What clocks go by: every version, the newest first."""

    client: str
    now: AwareDatetime
    own: bool = Field(description="whether the client has a policy of its own; otherwise the desk's is in force")
    calendars: list[CalendarVersion]
    policies: list[PolicyVersionShape]


class PublishedRow(Shape):
    tickets: dict[str, str] = Field(description="for which tickets: category, priority, tier …; empty for any other")
    targets: dict[Metric, int] = Field(description="metric -> seconds of open time")


class PublishedShape(Shape):
    """What a requester may know."""

    client: str
    name: str
    zone: str
    now: AwareDatetime
    calendar: Calendar | None
    rows: list[PublishedRow]
    reply_expected_by: AwareDatetime = Field(
        description="when somebody who wrote now would hear from the desk: by policy, calendar and how many wait"
    )


def add_terms_routes(app: FastAPI, edge: Edge) -> None:
    @app.get("/clients/{client}/terms", responses={200: {"model": TermsShape}})
    async def client_terms(caller: Caller, client: Slug) -> Response:
        """Calendars and policies of a client, each version, the newest first; for one without its own the desk's."""
        seen = caller.may_see(client) and (client != DESK or caller.clients is None)
        if not seen or (client != DESK and await find_client(edge.pool, client) is None):
            raise Problem("not_found", f"there is no client {client}")
        history, desk = await _histories(edge, client)
        own = any(isinstance(event.data, PolicySet) for event in history)
        shown = {
            "client": client,
            "now": edge.clock.now(),
            "own": own,
            "calendars": _calendars([*desk, *history]),
            "policies": _policies(history if own else desk),
        }
        return json(shown)

    @app.get("/guest/clients/{client}/terms", responses={200: {"model": PublishedShape}})
    async def published_terms(client: Slug) -> Response:
        """Hours and waiting times of a client's desk, for everybody who may write to it."""
        found = None if client == DESK else await find_client(edge.pool, client)
        if found is None:
            raise Problem("not_found", "there is no such client")
        now = edge.clock.now()
        history, desk = await _histories(edge, client)
        policy = in_force([*desk, *history], PolicySet, now)
        name = policy.policy.calendar if policy else "default"
        calendar = in_force([*desk, *history], CalendarSet, now, name)
        shown = {
            "client": client,
            "name": found.name,
            "zone": found.zone,
            "now": now,
            "calendar": calendar.calendar.model_dump(mode="json") if calendar else None,
            "rows": _published(policy.policy, client, str(found.tier)) if policy else [],
            "reply_expected_by": next_checkpoint(await edge.terms.of(found, now), About(client), After.ASKED, now),
        }
        return json(shown)


async def _histories(edge: Edge, client: str) -> tuple[Sequence[Recorded[Event]], Sequence[Recorded[Event]]]:
    history = await read_stream(edge.pool, client_stream(client))
    return history, [] if client == DESK else await read_stream(edge.pool, client_stream(DESK))


def _calendars(events: Sequence[Recorded[Event]]) -> list[dict[str, Any]]:
    wrong = {
        (event.data.client, event.data.name, event.data.version)
        for event in events
        if isinstance(event.data, CalendarCorrected)
    }
    found = [
        _version(event, event.data, (event.data.client, event.data.name, event.data.version) in wrong)
        | {"calendar": event.data.calendar.model_dump(mode="json")}
        for event in events
        if isinstance(event.data, CalendarSet)
    ]
    return found[::-1][:VERSIONS_MAX]


def _policies(events: Sequence[Recorded[Event]]) -> list[dict[str, Any]]:
    found = [
        _version(event, event.data, corrected=False) | {"policy": event.data.policy.model_dump(mode="json")}
        for event in events
        if isinstance(event.data, PolicySet)
    ]
    return found[::-1][:VERSIONS_MAX]


def _version(event: Recorded[Event], told: CalendarSet | PolicySet, corrected: bool) -> dict[str, Any]:
    return {
        "name": told.name,
        "version": told.version,
        "holds_from": told.holds_from,
        "apply_to_open": told.apply_to_open,
        "set_at": event.occurred_at,
        "set_by": event.actor,
        "corrected": corrected,
    }


def _published(policy: Policy, client: str, tier: str) -> list[dict[str, Any]]:
    """The rows that can be for this client's tickets; what the desk measures of itself alone is left out."""
    return [
        {
            "tickets": {key: value for key, value in row.conditions().items() if key not in {"client", "tier"}},
            "targets": {
                str(metric): target.seconds for metric, target in row.targets.items() if metric is not Metric.AGENT_WORK
            },
        }
        for row in policy.rows
        if row.client in (None, client) and row.tier in (None, tier)
    ]
