"""Lines of the queue: versions by instant, counts by difference, no trace of how events were cut into batches."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from contracts import tickets
from contracts.envelope import Recorded
from contracts.model import Event, Sealed
from contracts.subjects import lane_of
from contracts.terms import Channel, Priority, PromisedBy, Status
from contracts.ticket import Held, fold
from services.reporting.line import ACTIVE, NEVER, Changes, Line, cells, line_of, row_of, stored_text
from services.reporting.search import parsed, score
from services.reporting.texts import texts_of
from tests.integration.reporting_history import Desk, life

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TICKET = UUID("01890000-0000-7000-8000-000000000003")
PERSON = UUID("01890000-0000-7000-8000-000000000013")
BIRTH = tickets.TicketSubmitted(
    prefix="ACME", requester=PERSON, subject="No tone", body="Since noon.", channel=Channel.WEB
)
PROMISE = tickets.CheckpointPromised(due_at=NOON + timedelta(hours=4), by=PromisedBy.POLICY)


def stream(*told: tuple[int, Event], ticket: UUID = TICKET) -> list[Recorded[Event]]:
    """A ticket's events, each so many seconds after noon."""
    return [
        Recorded(
            lane=lane_of(ticket), position=10 + version, client="acme", sequence=version,
            number=7 if version == 1 else None, stream=ticket, version=version, id=UUID(int=version), type=data.type,
            schema_version=1, actor="system:test", causation=None, origin="live",
            occurred_at=NOON + timedelta(seconds=second), recorded_at=NOON, trace=None, data=data,
        )
        for version, (second, data) in enumerate(told, 1)
    ]  # fmt: skip


def followed(*batches: list[Recorded[Event]]) -> tuple[Line | None, Changes]:
    """The line after some batches, and all that they left behind."""
    line: Line | None = None
    whole = Changes()
    for events in batches:
        changes = Changes()
        changes.follow(TICKET, line, events)
        line = changes.lines.get(TICKET, line)
        whole.history += changes.history
        for name in ("counts", "created", "ended"):
            mine: Counter[object] = getattr(whole, name)
            for key, number in getattr(changes, name).items():
                mine[key] += number
    return line, whole


def test_events_of_one_instant_make_one_version() -> None:
    line, left = followed(stream((0, BIRTH), (0, PROMISE), (5, tickets.CategorySet(category="phone"))))

    assert [(version.version, version.valid_from, version.valid_to) for version in left.history] == [
        (2, NOON, NOON + timedelta(seconds=5))
    ]
    assert line is not None
    assert row_of(line).category == "phone"


def test_a_ticket_is_counted_once_where_it_is() -> None:
    agent = UUID(int=9)
    line, left = followed(
        stream((0, BIRTH), (1, tickets.TicketAssigned(agent=agent)), (2, tickets.TagsChanged(added=("vip", "night"))))
    )

    assert line is not None
    assert {cell: number for cell, number in left.counts.items() if number} == dict.fromkeys(cells(line.held), 1)
    assert {cell[1:3] for cell in cells(line.held)} == {
        ("", ""), ("category", ""), ("assignee", str(agent)), ("tag", "vip"), ("tag", "night"),
    }  # fmt: skip


def test_what_ends_and_opens_again_at_one_instant_has_not_ended() -> None:
    _, left = followed(
        stream(
            (0, BIRTH), (60, tickets.TicketResolved()), (60, tickets.TicketReopened()), (90, tickets.TicketResolved())
        )
    )

    assert +left.ended == {("acme", NOON.date()): 1}


def test_a_ticket_that_ends_twice_is_counted_twice_and_a_change_of_the_ended_one_is_not() -> None:
    _, left = followed(
        stream(
            (0, BIRTH), (60, tickets.TicketResolved()), (70, tickets.TicketClosed()), (80, tickets.TicketReopened()),
            (90, tickets.StatusChanged(status=Status.CLOSED)), (95, tickets.NoteAdded(body="thanks")),
        )
    )  # fmt: skip

    assert +left.ended == {("acme", NOON.date()): 2}


def test_only_an_active_ticket_has_a_deadline_and_it_sorts_before_the_others() -> None:
    open_line = line_of(stream((0, BIRTH), (0, PROMISE)))
    ended = line_of(stream((0, BIRTH), (0, PROMISE), (9, tickets.TicketResolved())))

    assert open_line is not None
    assert ended is not None
    assert (open_line.deadline, ended.deadline) == (PROMISE.due_at, None)
    assert row_of(open_line).by_deadline < row_of(ended).by_deadline == NEVER


def test_priority_sorts_before_deadline() -> None:
    def key(priority: Priority | None, hours: int) -> int:
        promise = tickets.CheckpointPromised(due_at=NOON + timedelta(hours=hours), by=PromisedBy.POLICY)
        judged = [(1, tickets.PrioritySet(priority=priority))] if priority else []
        line = line_of(stream((0, BIRTH), (0, promise), *judged))
        assert line is not None
        return row_of(line).by_priority

    keys = [key(Priority.P1, 90), key(Priority.P2, 1), key(Priority.P2, 2), key(Priority.P4, -900_000), key(None, 0)]
    assert keys == sorted(keys)


def test_events_before_the_birth_leave_nothing() -> None:
    line, left = followed(stream((0, tickets.NoteAdded(body="who?"))))

    assert line is None
    assert (left.lines, left.history, left.counts, left.created) == ({}, [], {}, {})


@given(st.integers(0, 2**32), st.lists(st.integers(0, 30), max_size=4))
def test_batches_leave_no_trace_and_versions_tile_time(seed: int, cuts: list[int]) -> None:
    desk = Desk(random.Random(seed), ["acme"], {"acme": [PERSON]}, [UUID(int=4)])
    told = [(int((at - NOON).total_seconds()), event) for at, event in life(desk, "acme", NOON)]
    events = stream(*told)
    edges = sorted({0, *cuts, len(events)})

    one, whole = followed(events)
    other, parts = followed(*(events[a:b] for a, b in pairwise(edges)))

    assert one == other
    assert [v for v in parts.history if v.valid_from < v.valid_to] == whole.history == parts.history
    for name in ("counts", "created", "ended"):
        assert {k: n for k, n in getattr(parts, name).items() if n} == {
            k: n for k, n in getattr(whole, name).items() if n
        }
    for version in whole.history:
        then = fold(event for event in events if event.occurred_at < version.valid_to)
        assert isinstance(then, Held)
        assert (then.version, then.status.value, then.updated_at) == (
            version.version,
            version.status,
            version.valid_from,
        )
        assert (version.deadline is None) or then.status in ACTIVE


# --- words


def test_the_reference_of_a_ticket_is_found_as_a_whole() -> None:
    found = texts_of(stream((0, BIRTH))[0])

    assert found is not None
    assert (found.title, found.body, found.exact) == (("No tone",), ("Since noon.",), ("acme-7", "7"))


def test_what_nobody_wrote_has_no_words() -> None:
    assert texts_of(stream((0, PROMISE))[0]) is None


def test_sealed_text_is_stored_as_it_is() -> None:
    assert stored_text(Sealed(sealed="abc", person=PERSON)) == f'{{"sealed":"abc","person":"{PERSON}"}}'
    assert stored_text('say "hi"') == '"say \\"hi\\""'


def test_references_and_addresses_are_looked_for_as_wholes_and_references_as_words_too() -> None:
    assert parsed("printer ACME-1042 Ann@Acme.example wi-fi") == (
        ["printer", "ACME-1042", "wi-fi"],
        ["acme-1042", "ann@acme.example"],
    )


@given(st.integers(1, 12), st.floats(0, 1e6), st.floats(0, 1e6))
def test_more_of_the_words_always_outweigh_their_rank(words: int, heavy: float, light: float) -> None:
    assert score(words + 1, light) > score(words, heavy)
