"""Rows of one ticket become its events: original times, the source's own words, nothing dropped in silence."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.envelope import Recorded
from contracts.model import Event
from contracts.terms import Priority, Status
from contracts.ticket import INITIAL, fold
from contracts.ticket_state import Held
from services.importing.cases import Cases, Clockwork, cases_of
from services.importing.map import Map
from services.importing.refusals import BadMap
from services.importing.table import Row, Table
from services.importing.translate import Draft, Parties, Translation, ticket_stream

NOW = datetime(2026, 3, 1, tzinfo=UTC)
REQUESTER = UUID(int=7)
WORDS = {"New": "new", "Active": "open", "Wait": "waiting_for_customer", "Done": "resolved", "Shut": "closed"}
SMALL: dict[str, Any] = {
    "system": "other",
    "case": "case",
    "time": {"column": "at"},
    "state": {"column": "state", "words": {**WORDS, "Talk": "unchanged"}},
}
WIDE: dict[str, Any] = {
    **SMALL,
    "agent": {"column": "agent", "name": "Agent {value}"},
    "team": {"column": "team"},
    "category": {"column": "kind", "name": "Kind {value}"},
    "priority": {"column": "prio", "values": {"1": "P1", "2": "P2"}},
}


def at(minute: int | str) -> str:
    return f"2026-01-05T10:{minute:0>2}:00Z"


def table(rows: Iterable[str], columns: str = "case at state") -> Table:
    """Rows written as words between spaces; `-` is an empty cell, a number as time is a minute."""
    place = {name: index for index, name in enumerate(columns.split())}
    read = []
    for number, text in enumerate(rows, 1):
        cells = ["" if cell == "-" else cell for cell in text.split()]
        if "at" in place and cells[place["at"]].isdecimal():
            cells[place["at"]] = at(cells[place["at"]])
        read.append(Row(number, tuple(cells)))
    return Table(Path("log.csv"), place, read)


def grouped(given_table: Table, source: dict[str, Any] | None = None) -> Cases:
    return cases_of(given_table, Map.model_validate(source or SMALL), NOW)


def told(rows: Iterable[str], columns: str = "case at state", **changes: Any) -> list[Draft]:
    """The events of the one ticket in these rows."""
    read = table(rows, columns)
    source = Map.model_validate({**(WIDE if "agent" in columns else SMALL), **changes})
    (case,) = cases_of(read, source, NOW).cases
    translation = Translation(source, read.place, Clockwork(source.time, NOW))
    agents = {name: uuid5(REQUESTER, name) for name, _ in translation.agents(case)}
    return translation.events(case, ticket_stream("other", case.name, 3), Parties("OTH", REQUESTER, agents))


def folded(drafts: list[Draft], until: datetime | None = None) -> Held:
    events: list[Recorded[Event]] = [
        Recorded(
            3, n, "other", n, 1 if n == 1 else None, UUID(int=3), n, draft.id, draft.data.type, 1, draft.actor, None,
            "import", draft.at, NOW, None, draft.data,
        )
        for n, draft in enumerate(drafts, 1)
        if until is None or draft.at <= until
    ]  # fmt: skip
    ticket = fold(events, INITIAL)
    assert isinstance(ticket, Held)
    return ticket


def types(drafts: list[Draft]) -> list[str]:
    return [draft.data.type.removeprefix("ticket.") for draft in drafts]


def test_a_life_from_new_to_closed() -> None:
    drafts = told(["T 0 New", "T 5 Active", "T 9 Wait", "T 20 Done", "T 30 Shut"])
    assert types(drafts) == ["submitted", "status_changed", "status_changed", "resolved", "closed"]
    assert [draft.at.minute for draft in drafts] == [0, 5, 9, 20, 30]
    ticket = folded(drafts)
    assert (ticket.status, ticket.source_status, ticket.reopened) == (Status.CLOSED, "Shut", 0)
    assert (ticket.opened_at.minute, ticket.resolved_at, ticket.closed_at) == (0, drafts[3].at, drafts[4].at)


def test_every_row_leaves_an_event_even_one_that_repeats_the_state() -> None:
    drafts = told(["T 0 New", "T 1 New", "T 2 Done", "T 3 Done", "T 4 Shut", "T 5 Shut"])
    assert types(drafts) == ["submitted", "status_changed", "resolved", "status_changed", "closed", "status_changed"]
    ticket = folded(drafts)
    assert (ticket.resolved_at, ticket.closed_at) == (drafts[2].at, drafts[4].at), "an end keeps its first instant"


def test_rows_after_closed_are_kept_as_the_source_has_them() -> None:
    ticket = folded(told(["T 0 New", "T 1 Shut", "T 2 Active", "T 3 Shut", "T 4 Done"]))
    assert (ticket.status, ticket.source_status, ticket.reopened, ticket.closed_at) == (
        Status.RESOLVED,
        "Done",
        1,
        None,
    )


def test_a_ticket_whose_first_row_is_not_new_is_born_and_then_moved() -> None:
    drafts = told(["T 0 Done"])
    assert types(drafts) == ["submitted", "resolved"]
    assert folded(drafts).status is Status.RESOLVED


def test_leaving_an_end_is_a_reopening() -> None:
    drafts = told(["T 0 New", "T 1 Done", "T 2 Wait", "T 3 Shut", "T 4 Active"])
    assert types(drafts) == ["submitted", "resolved", "reopened", "status_changed", "closed", "reopened"]
    ticket = folded(drafts)
    assert (ticket.reopened, ticket.status, ticket.resolved_at) == (2, Status.OPEN, None)
    assert folded(drafts, drafts[3].at).status is Status.WAITING_FOR_CUSTOMER


def test_where_the_source_counts_reopenings_its_count_is_kept() -> None:
    rows = ["T 0 New 0", "T 1 Done 0", "T 2 Active 1", "T 3 Done 3", "T 4 Active 3", "T 5 Shut 2"]
    drafts = told(rows, "case at state times", reopened="times")
    assert types(drafts) == [
        *("submitted", "resolved", "reopened"),
        *("reopened", "reopened", "resolved"),
        *("status_changed", "closed"),
    ]
    assert folded(drafts).reopened == 3
    assert folded(drafts, drafts[6].at).resolved_at is None


def test_a_row_of_another_kind_leaves_the_state_and_keeps_its_word() -> None:
    ticket = folded(told(["T 0 Talk", "T 1 Done", "T 2 Talk"]))
    assert (ticket.status, ticket.source_status, ticket.reopened) == (Status.RESOLVED, "Talk", 0)


def test_changes_of_columns_become_events_before_the_state_of_their_row() -> None:
    drafts = told(
        ["T 0 New - - 7 2", "T 1 Active 5 A 7 2", "T 2 Active 5 B 8 1", "T 3 Shut - B - -"],
        "case at state agent team kind prio",
    )
    assert types(drafts) == [
        *("submitted", "priority_set"),
        *("assigned", "status_changed"),
        *("category_set", "priority_set", "assigned", "status_changed"),
        *("assigned", "closed"),
    ]
    ticket = folded(drafts, drafts[7].at)
    assert (ticket.agent, ticket.team) == (uuid5(REQUESTER, "Agent 5"), "B")
    assert (ticket.category, ticket.priority) == ("Kind 8", Priority.P1)
    last = folded(drafts)
    assert (last.agent, last.team, last.category, last.priority) == (None, "B", "Kind 8", Priority.P1)


def test_an_agent_may_be_told_by_certain_words_only() -> None:
    agent = {"column": "agent", "when": ["Active"]}
    drafts = told(
        ["T 0 New 1 - - -", "T 1 Active 2 - - -", "T 2 Shut 3 - - -"], "case at state agent team kind prio", agent=agent
    )
    assert [type_ for type_ in types(drafts) if type_ == "assigned"] == ["assigned"]
    assert folded(drafts).agent == uuid5(REQUESTER, "2")


def test_the_birth_is_when_the_source_says_that_the_ticket_was_opened() -> None:
    drafts = told([f"T 5 New {at(1)}"], "case at state opened", opened="opened")
    assert [(draft.at.minute, draft.data.type) for draft in drafts] == [
        (1, "ticket.submitted"),
        (5, "ticket.status_changed"),
    ]
    assert folded(drafts, drafts[0].at).source_status is None, "no row had said anything yet"


@pytest.mark.parametrize("opened", [at(9), "-", "nonsense"])
def test_a_birth_that_is_late_or_missing_is_the_first_row(opened: str) -> None:
    drafts = told([f"T 5 New {opened}"], "case at state opened", opened="opened")
    assert [(draft.at.minute, draft.data.type) for draft in drafts] == [(5, "ticket.submitted")]


def test_file_order_breaks_ties_and_a_row_out_of_order_is_taken_by_its_time_and_told() -> None:
    found = grouped(table(["T 5 New", "T 5 Active", "T 9 Done", "T 7 Wait", "U 1 New"]))
    assert [case.name for case in found.cases] == ["U", "T"]
    assert [(line.row, line.nth) for line in found.cases[1].lines] == [(1, 0), (2, 1), (4, 0), (3, 0)]
    assert [(row.row, row.reason) for row in found.moved] == [
        (4, "its time 2026-01-05T10:07:00Z lies before an earlier row's of its ticket: taken in order of time")
    ]


@pytest.mark.parametrize(
    "when", ["2026-02-30T00:00:00Z", "yesterday", "1969-12-31T23:59:59Z", "2031-01-01T00:00:00Z", "-"]
)
def test_an_impossible_time_is_refused_by_row_and_column(when: str) -> None:
    found = grouped(table(["T 5 New", f"T {when} Done", "- 6 Done", f"{'T' * 201} 7 New"]))
    assert [row.row for row in found.refused] == [2, 3, 4]
    assert found.refused[0].reason.startswith("column at holds ")
    assert found.refused[1].reason == "column case names no ticket"
    assert found.refused[2].reason == "column case holds more than 200 characters, which is no name"
    assert [line.row for line in found.cases[0].lines] == [1]


@pytest.mark.parametrize(
    ("text", "form", "zone", "expected"),
    [
        ("2016-02-29T01:16", "iso", "Etc/UTC", "2016-02-29T01:16:00+00:00"),
        ("2010-01-13T08:40:25.000+02:00", "iso", "Etc/UTC", "2010-01-13T06:40:25+00:00"),
        ("29/2/2016 01:16", "%d/%m/%Y %H:%M", "Europe/Rome", "2016-02-29T00:16:00+00:00"),
        ("1456708560", "epoch", "Etc/UTC", "2016-02-29T01:16:00+00:00"),
        ("1456708560123", "epoch_ms", "Etc/UTC", "2016-02-29T01:16:00.123000+00:00"),
    ],
)
def test_times_are_read_in_the_map_s_formats_and_zone(text: str, form: str, zone: str, expected: str) -> None:
    time = Map.model_validate({**SMALL, "time": {"column": "at", "formats": ["%H", form], "zone": zone}}).time
    assert Clockwork(time, NOW).read(text) == datetime.fromisoformat(expected)


@pytest.mark.parametrize("text", ["1e999", "inf", "nan", "9" * 40, "", "0000-00-00"])
def test_what_is_no_time_in_any_format_is_none(text: str) -> None:
    time = Map.model_validate({**SMALL, "time": {"column": "at", "formats": ["epoch", "epoch_ms", "iso"]}}).time
    assert Clockwork(time, NOW).read(text) is None


def test_words_that_the_map_does_not_know_stop_the_import_with_their_rows() -> None:
    with pytest.raises(
        BadMap, match=r"column state holds words .*: 'Odd' \(row 2\), 'Strange' \(row 3\); list them under"
    ):
        grouped(table(["T 0 New", "T 1 Odd", "T 2 Strange", "T 3 Odd"]))
    with pytest.raises(BadMap, match=r"column prio .*'9' \(row 1\).*priority\.values, or say under priority\.other"):
        grouped(table(["T 0 New - - - 9"], "case at state agent team kind prio"), WIDE)
    other = {**SMALL, "state": {**SMALL["state"], "other": "unchanged"}}
    assert len(grouped(table(["T 0 New", "T 1 Odd"]), other).cases) == 1


LIVES = st.lists(st.tuples(st.integers(0, 59), st.sampled_from([*WORDS, "Talk"])), min_size=1, max_size=25)


@given(LIVES)
def test_at_every_instant_of_any_log_the_ticket_stands_as_the_source_s_last_row_says(
    life: list[tuple[int, str]],
) -> None:
    drafts = told([f"T {minute} {word}" for minute, word in life])
    assert [draft.at for draft in drafts] == sorted(draft.at for draft in drafts)
    ordered = sorted(life, key=lambda row: row[0])
    for minute in {minute for minute, _ in life}:
        word = [word for when, word in ordered if when <= minute][-1]
        ticket = folded(drafts, datetime(2026, 1, 5, 10, minute, tzinfo=UTC))
        assert ticket.source_status == word
        if word != "Talk":
            assert ticket.status == WORDS[word]
        assert (ticket.closed_at is not None) == (ticket.status is Status.CLOSED)
        assert {draft.row for draft in drafts} == set(range(1, len(life) + 1)), "no row without an event"


@given(LIVES, st.integers(0, 24))
def test_the_ids_of_a_shorter_file_s_events_are_among_those_of_the_longer_one(
    life: list[tuple[int, str]], cut: int
) -> None:
    rows = [f"T {minute} {word}" for minute, word in sorted(life, key=lambda row: row[0])]
    longer = told(rows)
    shorter = told(rows[: cut + 1])
    assert [draft.id for draft in longer][: len(shorter)] == [draft.id for draft in shorter]
    assert len({draft.id for draft in longer}) == len(longer)
