"""Hypothesis strategies: any event of the catalogue, any command of intake, any envelope around them."""

from __future__ import annotations

import types
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel

from contracts import ticket_commands as ask
from contracts.calendars import Calendar, Weekday
from contracts.catalogue import EVENTS
from contracts.envelope import Recorded
from contracts.model import Event, Sealed
from contracts.people import Requester
from contracts.policies import Policy, Row, Target
from contracts.sla import Metric
from contracts.terms import CauseClass, CloseReason, Priority, Status, Urgency
from services.intake.decide import TicketCommand

settings.register_profile("shared-machine", deadline=None)  # a slow neighbour is no fault of the fold
settings.load_profile("shared-machine")

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
TICKETS = tuple(UUID(int=n) for n in range(1, 5))
PERSONS = tuple(UUID(int=n) for n in range(11, 14))

instants = st.integers(0, 60 * 24 * 30).map(lambda minutes: START + timedelta(minutes=minutes))
ids = st.sampled_from((*TICKETS, *PERSONS))
words = st.sampled_from(("alpha", "beta", "gamma", "Zürich", "x"))

PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: words,
    int: st.integers(-5, 1000),
    float: st.floats(-100, 100),
    bool: st.booleans(),
    UUID: ids,
    AwareDatetime: instants,
    datetime: instants,
    date: instants.map(datetime.date),
    Sealed: st.builds(Sealed, sealed=st.just("AAAA"), person=st.sampled_from(PERSONS)),
    type(None): st.none(),
}
NAMED: dict[str, st.SearchStrategy[Any]] = {
    "sha256": st.just("0" * 64),
    "client": st.sampled_from(("acme", "bolt")),
    "version": st.integers(1, 9),
    "name": st.sampled_from(("office", "standard")),
    "calendar": st.just(Calendar(zone="Asia/Kolkata", hours={Weekday.MON: (("09:30", "17:00"),)})),
    "policy": st.just(Policy(rows=(Row(targets={Metric.RESOLUTION: Target(seconds=3600)}),))),
}
"""Fields whose text has a form."""


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Values of one field's type. The contracts use few kinds of type; a new kind has to be told here."""
    if annotation in PLAIN:
        return PLAIN[annotation]
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return values(inner[0])
    if origin is Literal:
        return st.sampled_from(inner)
    if origin in (Union, types.UnionType):
        return st.one_of([values(part) for part in inner])
    if origin is tuple:
        if inner[-1] is Ellipsis:
            return st.lists(values(inner[0]), max_size=3).map(tuple)
        return st.tuples(*(values(part) for part in inner))
    if origin is dict:
        return st.dictionaries(values(inner[0]), values(inner[1]), max_size=2)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return st.sampled_from(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return models(annotation)
    raise TypeError(f"tests/contracts/strategies.py does not know how to make a {annotation}")


def models(model: type[BaseModel]) -> st.SearchStrategy[Any]:
    """Instances of a model; fields with a default are sometimes left out."""
    required = {name: field for name, field in model.model_fields.items() if field.is_required()}
    optional = {name: field for name, field in model.model_fields.items() if not field.is_required()}

    def fields(some: dict[str, Any]) -> dict[str, st.SearchStrategy[Any]]:
        return {name: NAMED[name] if name in NAMED else values(field.annotation) for name, field in some.items()}

    return st.fixed_dictionaries(fields(required), optional=fields(optional)).map(model.model_validate)


BY_TYPE = {name: models(model) for name, model in EVENTS.items()}
any_event: st.SearchStrategy[Event] = st.sampled_from(sorted(BY_TYPE)).flatmap(BY_TYPE.__getitem__)


def recorded(
    event: Event, version: int, at: datetime, *, stream: UUID = TICKETS[0], actor: str = ""
) -> Recorded[Event]:
    """An event as the log would hold it, alone in its lane."""
    return Recorded(
        lane=1, position=version, client="acme", sequence=version, number=version if version == 1 else None,
        stream=stream, version=version, id=UUID(int=1000 + version), type=event.type, schema_version=1,
        actor=actor or f"agent:{PERSONS[0]}", causation=None, origin="live", occurred_at=at, recorded_at=at, trace=None,
        data=event,
    )  # fmt: skip


statuses = st.sampled_from(Status)
checkpoints = st.builds(
    ask.Checkpoint,
    due_at=st.integers(-2, 100 * 24).map(lambda hours: START + timedelta(hours=hours)),
    text=st.none() | words,
)
some_tags = st.lists(words, max_size=3).map(tuple)

submissions: st.SearchStrategy[ask.SubmitTicket] = st.builds(
    ask.SubmitTicket,
    client=st.just("acme"),
    requester=st.just(Requester(email="ann@acme.example")),
    subject=words,
    body=words,
    category=st.none() | words,
    urgency=st.none() | st.sampled_from(Urgency),
)
commands: st.SearchStrategy[TicketCommand] = st.one_of(
    st.builds(ask.ReceiveMessage, body=words),
    st.builds(ask.SendReply, body=words, checkpoint=st.none() | checkpoints, status=st.none() | statuses),
    st.builds(ask.AddNote, body=words),
    st.builds(ask.ChangeStatus, status=statuses, explanation=st.none() | words, checkpoint=st.none() | checkpoints),
    st.builds(ask.Assign, agent=st.none() | ids, team=st.none() | words),
    st.builds(ask.SetPriority, priority=st.sampled_from(Priority), reason=words),
    st.builds(ask.SetCategory, category=words),
    st.builds(ask.ChangeTags, add=some_tags, remove=some_tags),
    checkpoints.map(lambda point: ask.PromiseCheckpoint(due_at=point.due_at, text=point.text)),
    st.builds(ask.ResolveTicket, summary=words, cause=st.sampled_from(CauseClass)),
    st.builds(ask.ReopenTicket, reason=words),
    st.builds(ask.CloseTicket, reason=st.sampled_from(CloseReason)),
    submissions,
)
