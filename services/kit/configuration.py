"""Calendars and policies of a client: put into its stream, and read from it as books. I/O; `decide_…` are pure.

`_desk` holds what is in force for clients without their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from contracts.calendars import CalendarCorrected, CalendarSet, CorrectCalendar, PutCalendar
from contracts.clients import ClientRegistered
from contracts.envelope import Recorded
from contracts.model import DESK, Event
from contracts.policies import PolicySet, PutPolicy, Row
from contracts.subjects import client_stream, lane_of
from services.kit.clients import Author, append_to_client
from services.kit.log.append import Appended
from services.kit.log.read import read_stream
from services.kit.postgres import Connection, Pool
from services.kit.refused import Refused
from services.kit.rules.calendars import recorded_holidays, refuse_closed_calendar
from services.kit.rules.policies import Calendars, Policies

History = Sequence[Recorded[Event]]
Put = PutCalendar | PutPolicy
Set = CalendarSet | PolicySet


@dataclass(frozen=True)
class Books:
    """What is in force for one client, and was."""

    policies: Policies
    calendars: Calendars


async def read_books(reader: Connection | Pool, slug: str) -> Books:
    """The books of a client, of today's knowledge."""
    client = await read_stream(reader, client_stream(slug))
    desk = await read_stream(reader, client_stream(DESK))
    return Books(Policies.of(client, desk), Calendars.of(client, desk))


async def put_configuration(
    connection: Connection, slug: str, command: Put, author: Author, now: datetime
) -> tuple[Set | None, Appended | None]:
    """Sets a calendar or policy in a transaction of its own; without news nothing is written. Raises Refused, and
    Conflict where somebody put the same client at the same moment."""
    async with connection.transaction():
        history = await read_stream(connection, client_stream(slug))
        desk = history if slug == DESK else await read_stream(connection, client_stream(DESK))
        event = decide(slug, command, history, desk, now)
        if event is None:
            return None, None
        result = await append_to_client(connection, slug, len(history) + 1, event, author)
    return event, result


async def correct_calendar(
    connection: Connection, slug: str, command: CorrectCalendar, author: Author
) -> tuple[CalendarCorrected, Appended | None]:
    """Corrects a version of a calendar in a transaction of its own; said again nothing is written. Raises Refused, and
    Conflict where somebody put the same client at the same moment."""
    async with connection.transaction():
        history = await read_stream(connection, client_stream(slug))
        event = decide_correction(slug, command, history)
        if any(known.data == event for known in history):
            return event, None
        result = await append_to_client(connection, slug, len(history) + 1, event, author)
    return event, result


async def previewed(reader: Connection | Pool, slug: str, commands: Iterable[Put], now: datetime) -> Books:
    """The books of a client as they would be. Raises Refused for what would be refused."""
    history = list(await read_stream(reader, client_stream(slug)))
    desk = history if slug == DESK else await read_stream(reader, client_stream(DESK))
    for command in commands:
        event = decide(slug, command, history, desk, now)
        if event is not None:
            history.append(_supposed(history, slug, event, now))
    if slug == DESK:
        desk = history
    return Books(Policies.of(history, desk), Calendars.of(history, desk))


def _supposed(history: History, slug: str, event: Set, now: datetime) -> Recorded[Event]:
    stream = client_stream(slug)
    return Recorded(
        lane_of(stream), 0, slug, 0, None, stream, len(history) + 1, stream, event.type, event.schema_version,
        "system:preview", None, "live", now, now, None, event,
    )  # fmt: skip


def decide_correction(slug: str, command: CorrectCalendar, history: History) -> CalendarCorrected:
    """The event that says what a version should have been. Raises Refused. Pure."""
    _refuse_unknown(slug, history)
    known = [event.data for event in history if isinstance(event.data, CalendarSet) and event.data.name == command.name]
    wrong = next((event for event in known if event.version == command.version), None)
    if wrong is None:
        told = ", ".join(str(event.version) for event in known) or "none"
        sentence = f"the calendar {command.name!r} of {slug} has no version {command.version}; it has {told}"
        raise Refused("unknown_version", sentence, "version")
    next_from = next((event.holds_from for event in known if event.version == command.version + 1), None)
    if command.wrong_to <= wrong.holds_from or (next_from is not None and command.wrong_from >= next_from):
        until = f" until {next_from:%Y-%m-%d %H:%MZ}" if next_from else ""
        sentence = f"version {command.version} held from {wrong.holds_from:%Y-%m-%d %H:%MZ}{until}"
        raise Refused(
            "correction_misses", sentence, "wrong_to" if command.wrong_to <= wrong.holds_from else "wrong_from"
        )
    calendar = command.calendar.calendar()
    holidays, years = recorded_holidays(calendar, command.wrong_from.year)
    return CalendarCorrected(
        client=slug,
        name=command.name,
        version=command.version,
        calendar=calendar,
        wrong_from=command.wrong_from.astimezone(UTC),
        wrong_to=command.wrong_to.astimezone(UTC),
        reason=command.reason,
        holidays=holidays,
        holiday_years=years,
    )


def decide(slug: str, command: Put, history: History, desk: History, now: datetime) -> Set | None:
    """The event that sets what is asked for; None where it is in force already. Raises Refused. Pure."""
    _refuse_unknown(slug, history)
    since = (command.holds_from or now).astimezone(UTC)
    if since < now:
        raise Refused("holds_from_past", f"{since:%Y-%m-%d %H:%MZ} is over already", "holds_from")
    if isinstance(command, PutCalendar):
        return decide_calendar(slug, command, history, since)
    return decide_policy(slug, command, history, desk, since)


def _refuse_unknown(slug: str, history: History) -> None:
    if slug != DESK and not any(isinstance(event.data, ClientRegistered) for event in history):
        raise Refused("unknown_client", f"there is no client {slug}", "client")


def decide_calendar(slug: str, command: PutCalendar, history: History, since: datetime) -> CalendarSet | None:
    calendar = command.calendar()
    refuse_closed_calendar(calendar, since)
    known = [event.data for event in history if isinstance(event.data, CalendarSet) and event.data.name == command.name]
    if known and known[-1].calendar == calendar and not command.apply_to_open and command.holds_from is None:
        return None
    holidays, years = recorded_holidays(calendar, since.year)
    return CalendarSet(
        client=slug,
        name=command.name,
        version=len(known) + 1,
        calendar=calendar,
        holds_from=since,
        apply_to_open=command.apply_to_open,
        holidays=holidays,
        holiday_years=years,
    )


def decide_policy(slug: str, command: PutPolicy, history: History, desk: History, since: datetime) -> PolicySet | None:
    policy = command.policy()
    named = {event.data.name for event in (*history, *desk) if isinstance(event.data, CalendarSet)}
    for field, calendar in _calendars_of(command):
        if calendar not in named:
            raise Refused("unknown_calendar", f"no calendar is named {calendar!r}", field)
    if slug != DESK:
        _refuse_other_clients(slug, policy.rows)
    known = [event.data for event in history if isinstance(event.data, PolicySet)]
    same = known and (known[-1].name, known[-1].policy) == (command.name, policy)
    if same and not command.apply_to_open and command.holds_from is None:
        return None
    version = 1 + sum(each.name == command.name for each in known)
    return PolicySet(
        client=slug,
        name=command.name,
        version=version,
        policy=policy,
        holds_from=since,
        apply_to_open=command.apply_to_open,
    )


def _calendars_of(command: PutPolicy) -> Iterator[tuple[str, str]]:
    """Every calendar that a policy names, with the field that names it."""
    yield "calendar", command.calendar
    for number, row in enumerate(command.rows):
        for metric, target in row.targets.items():
            if target.calendar is not None:
                yield f"rows.{number}.targets.{metric}.calendar", target.calendar


def _refuse_other_clients(slug: str, rows: Iterable[Row]) -> None:
    for number, row in enumerate(rows):
        if row.client not in (None, slug):
            sentence = f"row {number + 1} is for {row.client}, and this is the policy of {slug}: put it into _desk's"
            raise Refused("invalid_field", sentence, f"rows.{number}.client")


Told = TypeVar("Told", CalendarSet, PolicySet)


def in_force(
    events: Iterable[Recorded[Event]], kind: type[Told], now: datetime, name: str | None = None
) -> Told | None:
    """The version that holds at an instant, of one name where there are several; the client's stand behind the desk's,
    and win. Pure."""
    found: Told | None = None
    for event in events:
        told = event.data
        if isinstance(told, kind) and told.holds_from <= now and (name is None or told.name == name):
            newer = found is None or told.client != found.client or told.holds_from >= found.holds_from
            found = told if newer else found
    return found
