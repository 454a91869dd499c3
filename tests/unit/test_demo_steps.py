"""The steps in which the month is played, and what a home remembers of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.clients import PutClient
from contracts.ticket_commands import AddNote
from services.demo import record as records
from services.demo.actions import Action
from services.demo.bank import load
from services.demo.signpost import signpost
from services.demo.steps import STEP, Step, steps

MORNING = datetime(2026, 11, 2, 8, tzinfo=UTC)


def note(seconds: int, thread: str = "a", number: int = 0) -> Action:
    at = MORNING + timedelta(seconds=seconds)
    return Action(at, f"{thread}:{number}:{seconds}", "acme", AddNote(body="seen"), thread)


def played(found: list[Step]) -> list[Action]:
    return [action for step in found for action in step.actions]


@given(st.lists(st.tuples(st.integers(0, 90_000), st.sampled_from("abc")), max_size=60))
def test_steps_keep_every_action_in_order_and_never_play_one_late(drawn: list[tuple[int, str]]) -> None:
    actions = [note(seconds, thread, number) for number, (seconds, thread) in enumerate(sorted(drawn))]
    found = list(steps(actions))
    assert played(found) == actions
    assert [step.now for step in found] == sorted({step.now for step in found})
    for step in found:
        assert all(step.now <= action.at < step.now + STEP for action in step.actions)
        assert sorted(played_threads(step), key=lambda a: a.key) == sorted(step.actions, key=lambda a: a.key)


def played_threads(step: Step) -> list[Action]:
    return [action for thread in step.threads for action in thread]


def test_actions_of_one_ticket_stay_in_order_and_tickets_are_apart() -> None:
    (step,) = steps([note(0, "a"), note(1, "b"), note(2, "a", 1)])
    assert [[action.at.second for action in thread] for thread in step.threads] == [[0, 2], [1]]


def test_a_home_remembers_how_far_the_month_was_played(tmp_path: Path) -> None:
    record = records.begun(7, MORNING)
    record.steps = 12
    records.write(tmp_path, record)
    assert records.read(tmp_path) == record
    assert (tmp_path / records.FILE).stat().st_mode & 0o777 == 0o600


def test_a_home_without_a_month_says_so(tmp_path: Path) -> None:
    assert records.read(tmp_path) is None


def test_a_damaged_record_names_the_remedy(tmp_path: Path) -> None:
    (tmp_path / records.FILE).write_text('{"seed": 7')
    with pytest.raises(ValueError, match="remove the data folder"):
        records.read(tmp_path)


def test_clients_and_people_are_there_before_the_first_ticket_is_sent() -> None:
    client = Action(MORNING, "client:acme", "acme", PutClient(name="Acme", prefix="ACME"))
    assert [len(step.actions) for step in steps([client, client, note(0), note(1)])] == [2, 2]


def test_the_signpost_names_logins_of_every_role_and_the_outage_in_full_flood() -> None:
    record = records.begun(1, datetime(2026, 11, 22, 20, 10, tzinfo=UTC))
    record.outage = "LUM-74"
    said = "\n".join(signpost("http://127.0.0.1:8400", load(), record))
    assert all(role in said for role in ("administrator", "manager", "agent"))
    assert "/inbox?q=AUTH-5203&status=all" in said
    assert "/inbox?as_of=2026-11-12T09:56Z" in said
    assert "/tickets/LUM-74" in said
