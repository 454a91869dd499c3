"""Whatever happens to a ticket: one change per new fact, never down by itself or against a person, replayable."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import sla
from contracts import tickets as tell
from contracts.catalogue import decode, encode
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.terms import Channel, Priority, Tone, Urgency
from contracts.ticket import Held, fold
from services.kit.rules.facts import facts_of
from services.kit.rules.priority import judge
from services.triage.claims import claims_in
from services.triage.judgements import NEW_FACTS, Given, answers
from services.triage.judging import suggested
from services.triage.reading import Reading, read_message, read_ticket
from services.triage.tone_tables import load_tables

TICKET = UUID("01980000-0000-7000-8000-000000000003")
PERSON = UUID("01980000-0000-7000-8000-000000000001")
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
TABLES = load_tables()
AGENT = "agent:1"

Past = list[Recorded[Event]]

TEXTS = [
    "This is the third time, you idiots, it is a disgrace and I am furious!",
    "Thank you so much, it works great now!",
    "Nobody can work since Monday, we need it by 5 pm",
    "And?",
    "Wie lange dauert das noch?",
    "",
]


def clock(kind: type[Any], **more: Any) -> Event:
    found: Event = kind(metric=sla.Metric.RESOLUTION, cycle="1", true_at=NOON, due_at=NOON, policy_version="1", **more)
    return found


def wrote(text: str) -> tell.MessageReceived:
    return tell.MessageReceived(author=PERSON, body=text, channel=Channel.WEB)


EVENTS = st.one_of(
    st.sampled_from(TEXTS).map(wrote),
    st.just(tell.ReplySent(body="We look into it.")),
    st.sampled_from(["network", "request", "printing"]).map(lambda name: tell.CategorySet(category=name)),
    st.just(tell.TicketReopened()),
    st.just(tell.TicketResolved()),
    st.just(tell.NoteAdded(body="hm")),
    st.just(clock(sla.SlaWarned, fraction=0.8)),
    st.just(clock(sla.SlaBreached)),
    st.just(clock(sla.SlaMet, consumed_seconds=60)),
    st.sampled_from(Priority).map(lambda priority: tell.PrioritySet(priority=priority, reason="I know")),
)


def added(past: Past, data: Event, actor: str = "token:1", causation: str | None = None) -> Recorded[Event]:
    version = len(past) + 1
    at = NOON + timedelta(minutes=version)
    event = Recorded(
        3, version * 10, "acme", version, 7 if version == 1 else None, TICKET, version, uuid5(TICKET, str(version)),
        data.type, 1, actor, causation, "live", at, at, None, data,
    )  # fmt: skip
    past.append(event)
    return event


def submitted(
    text: str = "It does not print", urgency: Urgency | None = Urgency.HIGH, category: str | None = None
) -> tell.TicketSubmitted:
    return tell.TicketSubmitted(
        prefix="ACME", requester=PERSON, subject="Printer", body=text, channel=Channel.WEB, urgency=urgency,
        category=category,
    )  # fmt: skip


def read(event: Recorded[Event]) -> dict[UUID, Reading]:
    match event.data:
        case tell.TicketSubmitted(subject=str() as subject, body=str() as body, category=chosen):
            return {event.id: read_ticket(subject, body, TABLES, chosen=chosen)}
        case tell.MessageReceived(body=str() as body):
            return {event.id: read_message(body, TABLES)}
        case _:
            return {}


def lived(*events: Event) -> Past:
    """A life in which triage answers every event before the next one comes."""
    past: Past = []
    for data in events:
        actor = AGENT if isinstance(data, tell.PrioritySet | tell.CategorySet) else "token:1"
        event = added(past, data, actor)
        if event.type in NEW_FACTS:
            for cause, fact in answers(past, {event.version}, Given(read(event), TABLES)):
                added(past, fact, "system:triage", str(cause.id))
    return past


def last(past: Past) -> Held:
    held = fold(past)
    assert isinstance(held, Held)
    return held


LIVES = st.lists(EVENTS, max_size=14).map(lambda events: lived(submitted(), *events))


@given(LIVES)
@settings(max_examples=60, deadline=None)
def test_each_new_fact_changes_the_priority_at_most_once_and_only_upwards(past: Past) -> None:
    causes = [event.causation for event in past if isinstance(event.data, tell.TicketPrioritised)]
    assert len(causes) == len(set(causes))
    for place in range(1, len(past)):
        before, after = fold(past[:place]), fold(past[: place + 1])
        assert isinstance(before, Held)
        assert isinstance(after, Held)
        if before.priority is not None and not isinstance(past[place].data, tell.PrioritySet):
            assert after.priority is not None
            assert after.priority <= before.priority


@given(LIVES)
@settings(max_examples=60, deadline=None)
def test_what_a_person_set_is_never_changed_by_the_rules(past: Past) -> None:
    by_hand = [event.data.priority for event in past if isinstance(event.data, tell.PrioritySet)]
    if by_hand:
        assert last(past).priority is by_hand[-1]


@given(LIVES)
@settings(max_examples=60, deadline=None)
def test_every_judgement_is_made_again_from_what_the_log_holds_to_the_last_byte(past: Past) -> None:
    for event in past:
        if isinstance(event.data, tell.Judged):
            stored = decode(event.type, 1, encode(event.data))
            assert isinstance(stored, tell.Judged)
            assert stored.inputs is not None
            again: tell.Judged = judge(facts_of(stored.inputs, stored.reasons))
            if isinstance(stored, tell.PrioritySuggested):
                assert isinstance(again, tell.TicketPrioritised)
                again = suggested(again)
            assert encode(again) == encode(event.data)


@given(LIVES)
@settings(max_examples=40, deadline=None)
def test_every_answer_follows_again_from_the_history_before_it(past: Past) -> None:
    by_id = {str(event.id): event for event in past}
    for event in past:
        if event.actor == "system:triage":
            cause = by_id[event.causation or ""]
            first = min(other.version for other in past if other.causation == event.causation)
            found = answers(past[: first - 1], {cause.version}, Given(read(cause), TABLES))
            assert encode(event.data) in [encode(fact) for _, fact in found]


def test_an_angry_message_raises_and_a_satisfied_one_only_suggests() -> None:
    angry, pleased = TEXTS[0], TEXTS[1]
    calm = lived(submitted("It is slow. We need it by 5 pm", category="email"))
    past = lived(calm[0].data, wrote(angry))
    assert last(past).tone is Tone.ANGRY
    assert (last(calm).priority, last(past).priority) == (Priority.P3, Priority.P2)
    past = lived(calm[0].data, wrote(angry), wrote(pleased))
    suggestion = last(past).suggested
    assert last(past).priority is Priority.P2
    assert suggestion is not None
    assert suggestion.priority is Priority.P3


def test_moods_that_come_and_go_do_not_make_a_priority_flicker() -> None:
    moods = [wrote(TEXTS[place % 2]) for place in range(20)]
    past = lived(submitted(), *moods)
    assert len({event.data.priority for event in past if isinstance(event.data, tell.TicketPrioritised)}) <= 3
    priorities = [priority for place in range(1, len(past)) if (priority := last(past[: place + 1]).priority)]
    assert priorities == sorted(priorities, reverse=True)


def test_a_breached_clock_raises_and_says_so() -> None:
    past = lived(
        submitted("It does not print", Urgency.HIGH), clock(sla.SlaWarned, fraction=0.8), clock(sla.SlaBreached)
    )
    judged = [event.data for event in past if isinstance(event.data, tell.TicketPrioritised)]
    slack = [[one.points for one in each.reasons if one.code == "sla_slack"] for each in judged]
    assert slack == [[], [5], [15]]


def test_unsure_stays_unsure_and_says_between_what() -> None:
    text = "The vpn and the invoice and my laptop"
    (told,) = [e.data for e in lived(submitted(text)) if isinstance(e.data, tell.TicketClassified)]
    assert (told.category, told.source) == (None, "unsure")
    assert {name for name, _ in told.candidates or ()} == {"billing", "hardware", "printing"}


def test_a_language_without_a_table_is_unknown_and_not_neutral() -> None:
    past = lived(submitted("Wir können seit heute nicht mehr drucken und das ist für uns ein Problem"))
    assert last(past).tone is Tone.UNKNOWN


def test_a_claim_is_answered_once_by_who_sets_the_priority_or_else_by_the_solution() -> None:
    low, same = tell.PrioritySet(priority=Priority.P4), tell.PrioritySet(priority=Priority.P1)
    resolved = tell.TicketResolved()
    for events, expected in (([low, resolved], [False]), ([same, low], [True]), ([resolved, low], [True]), ([], [])):
        past = lived(submitted("Nobody can work since Monday", category="email"), *events)
        assert [claim.confirmed for claim in claims_in(past, range(1, 99))] == expected
    assert claims_in(lived(submitted(urgency=Urgency.NORMAL), low), range(1, 99)) == []
