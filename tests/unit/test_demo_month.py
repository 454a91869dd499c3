"""The demo's month: in order, legal, the same for a seed, and like a desk's."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.calendars import PutCalendar
from contracts.clients import PutClient
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.people import RegisterAgent
from contracts.policies import PutPolicy
from contracts.terms import Status, Urgency
from contracts.ticket import INITIAL, Closed, Ticket, evolve
from contracts.ticket_commands import Assign, SubmitTicket
from contracts.ticket_state import Absent
from services.demo.actions import Action, IncidentStep
from services.demo.bank import Bank, load
from services.demo.outage import begins
from services.demo.script import month
from services.intake.decide import Given, decide

END = datetime(2026, 11, 22, 20, 10, tzinfo=UTC)
START = END - timedelta(days=30)
PERSON = UUID(int=1)


@pytest.fixture(scope="module")
def bank() -> Bank:
    return load()


@pytest.fixture(scope="module")
def actions(bank: Bank) -> list[Action]:
    return list(month(bank, 1, START, END))


def submitted(actions: Sequence[Action]) -> list[tuple[Action, SubmitTicket]]:
    return [(action, action.command) for action in actions if isinstance(action.command, SubmitTicket)]


def threads(actions: Sequence[Action]) -> dict[str, list[Action]]:
    found: dict[str, list[Action]] = defaultdict(list)
    for action in actions:
        if action.thread:
            found[action.thread].append(action)
    return found


def lived(actions: Sequence[Action], bank: Bank) -> Ticket:
    """The ticket after intake has decided on every action. Raises Refused where one is not legal."""
    ticket: Ticket = INITIAL
    client = next(client for client in bank.clients if client.slug == actions[0].client)
    for action in actions:
        command = action.command
        assert not isinstance(command, PutClient | RegisterAgent | PutCalendar | PutPolicy | IncidentStep)
        if isinstance(command, Assign):
            command = command.model_copy(update={"agent": uuid5(PERSON, action.assignee)})
        assert not isinstance(ticket, Closed), f"{action.key} comes after the end"
        for event in decide(command, ticket, Given(action.at, client.prefix, client.tier, PERSON)):
            ticket = evolve(ticket, recorded(event, ticket, action))
    return ticket


def recorded(event: Event, ticket: Ticket, action: Action) -> Recorded[Event]:
    version = ticket.version + 1
    return Recorded(
        lane=0,
        position=version,
        client=action.client,
        sequence=version,
        number=1 if version == 1 else None,
        stream=UUID(int=2),
        version=version,
        id=UUID(int=version),
        type=event.type,
        schema_version=1,
        actor="token:demo",
        causation=None,
        origin="demo",
        occurred_at=action.at,
        recorded_at=action.at,
        trace=None,
        data=event,
    )


def test_time_never_goes_back_and_stays_inside_the_month(actions: list[Action]) -> None:
    times = [action.at for action in actions]
    assert times == sorted(times)
    assert times[0] >= START
    assert times[-1] < END


def test_the_same_seed_tells_the_same_month(bank: Bank, actions: list[Action]) -> None:
    assert list(month(bank, 1, START, END)) == actions


def test_another_seed_tells_another_month(bank: Bank, actions: list[Action]) -> None:
    assert [a.command for a in month(bank, 2, START, END)] != [a.command for a in actions]


def test_every_action_has_a_key_of_its_own(actions: list[Action]) -> None:
    assert len({action.key for action in actions}) == len(actions)


def test_intake_accepts_every_life_and_all_states_are_left_at_the_end(actions: list[Action], bank: Bank) -> None:
    ends = Counter(lived(life, bank).status for life in threads(actions).values())  # type: ignore[union-attr]
    assert set(ends) == set(Status)
    assert sum(ends[status] for status in Status if status not in {Status.RESOLVED, Status.CLOSED}) >= 40


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10**9),
    end=st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 - the zone follows
    days=st.integers(7, 35),
)
def test_any_seed_and_any_month_is_legal_and_in_order(bank: Bank, seed: int, end: datetime, days: int) -> None:
    end = end.replace(tzinfo=UTC)
    actions = list(month(bank, seed, end - timedelta(days=days), end))
    assert [action.at for action in actions] == sorted(action.at for action in actions)
    for life in threads(actions).values():
        assert isinstance(life[0].command, SubmitTicket)
        assert not isinstance(lived(life, bank), Absent)


def test_the_month_has_the_size_of_a_real_desk(actions: list[Action]) -> None:
    assert 900 <= len(submitted(actions)) <= 2000
    assert 7000 <= len(actions) <= 12_000


def test_twelve_clients_or_more_of_ten_kinds_write_in_five_languages(bank: Bank, actions: list[Action]) -> None:
    assert len({action.client for action, _ in submitted(actions)}) >= 12
    assert len({client.kind for client in bank.clients}) >= 10
    languages = Counter(command.language for _, command in submitted(actions))
    assert set(languages) == {"en", "de", "fr", "it", "es"}
    assert languages["en"] > sum(languages.values()) / 2


def test_clients_and_people_are_there_before_the_first_ticket(actions: list[Action], bank: Bank) -> None:
    first = next(place for place, action in enumerate(actions) if action.thread)
    assert sum(isinstance(action.command, PutClient) for action in actions[:first]) == len(bank.clients)
    people = {action.command.email for action in actions[:first] if isinstance(action.command, RegisterAgent)}
    assert {action.by for action in actions if action.by} <= people


def test_weekends_are_quiet_and_mondays_are_not(actions: list[Action]) -> None:
    days: dict[int, list[int]] = defaultdict(list)
    ordinary = [
        action for action, _ in submitted(actions) if "-last-" not in action.key and "-outage-" not in action.key
    ]
    for date, count in Counter(action.at.date() for action in ordinary if action.at.date() != START.date()).items():
        days[date.weekday()].append(count)
    mean = {day: sum(counts) / len(counts) for day, counts in days.items()}
    assert max(mean[5], mean[6]) < min(mean[day] for day in range(5)) / 2
    assert mean[0] == max(mean.values())


def test_people_write_less_at_lunch_than_before_and_after(actions: list[Action], bank: Bank) -> None:
    zones = {client.slug: ZoneInfo(client.zone) for client in bank.clients}
    hours = Counter(action.at.astimezone(zones[action.client]).hour for action, _ in submitted(actions))
    assert hours[12] < hours[11]
    assert hours[12] < hours[14]


def test_the_outage_hits_five_clients_within_the_hour_two_thirds_into_the_month(
    actions: list[Action], bank: Bank
) -> None:
    reports = [(action, command) for action, command in submitted(actions) if "-outage-" in action.thread]
    firsts = {client: min(a.at for a, _ in reports if a.client == client) for client in bank.outage.clients}
    assert len(firsts) == 5
    assert max(firsts.values()) - min(firsts.values()) < timedelta(hours=1)
    assert 0.55 < (min(firsts.values()) - START) / (END - START) < 0.7
    assert begins(bank, START, END) <= min(firsts.values())
    assert len({command.body for _, command in reports}) == len(reports) >= 40
    naming = sum(bank.outage.code in command.subject + command.body for _, command in reports)
    assert 0.3 < naming / len(reports) < 0.8


def test_every_ticket_of_the_outage_is_told_twice_and_solved(actions: list[Action], bank: Bank) -> None:
    for key, life in threads(actions).items():
        if "-outage-" in key:
            names = Counter(type(action.command).__name__ for action in life)
            assert names["SendReply"] == 2 + len(bank.outage.letters["en"].updates)
            assert names["ResolveTicket"] == 1


def test_the_last_hours_hold_every_stated_urgency(actions: list[Action]) -> None:
    fresh = [command.urgency for action, command in submitted(actions) if END - action.at < timedelta(hours=12)]
    assert {*Urgency, None} <= set(fresh)


def test_texts_are_filled_varied_and_name_made_up_hosts_only(actions: list[Action]) -> None:
    tickets = submitted(actions)
    texts = [command.model_dump_json() for command in (action.command for action in actions)]
    assert not [text for text in texts if "$" in text]
    assert len({command.body for _, command in tickets}) > 0.98 * len(tickets)
    hosts = {host for text in texts for host in re.findall(r"[\w.-]+@([\w.-]+)", text)}
    assert all(host.rstrip(".").endswith(".example") for host in hosts), hosts


def test_a_window_shorter_than_a_week_is_refused(bank: Bank) -> None:
    with pytest.raises(ValueError, match="at least 7 days"):
        next(month(bank, 1, END - timedelta(days=3), END))
