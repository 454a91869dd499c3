"""The clocks of random tickets against a walk of every minute; and what holds for any history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import tickets as tell
from contracts.calendars import Calendar, CalendarSet, Weekday
from contracts.clients import ClientRegistered, Tier
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.policies import PolicySet, PutPolicy
from contracts.sla import Metric
from contracts.terms import Channel, Priority, PromisedBy, Status
from services.kit.rules.clock_facts import facts, wake_at
from services.kit.rules.clock_words import explain
from services.kit.rules.clocks import clocks
from services.kit.rules.open_time import SECOND
from services.kit.rules.policies import Calendars, Policies
from tests.unit.clock_life import WARN_AT, Happened, SlowCycle, SlowTicket, Terms
from tests.unit.clock_oracle import EPOCH, MINUTE, SlowCalendar, minute_of
from tests.unit.test_open_time import PLACES, intervals

PERSON, AGENT = UUID(int=1), UUID(int=2)
LIFE = 3 * 1440  # minutes of a ticket that are walked
METRICS = tuple(metric for metric in Metric if metric is not Metric.PROMISE)
STATUS = {"wait": Status.WAITING_FOR_CUSTOMER, "supplier": Status.WAITING_FOR_SUPPLIER, "open": Status.OPEN}
STEPS = (
    *("message", "message", "thanks", "reply", "reply", "letter", "promise", "wait", "wait", "supplier"),
    *("open", "open", "P1", "P2", "P1", "resolve", "reopen", "close", "note"),
)


def when(minute: int) -> datetime:
    return EPOCH.replace(tzinfo=UTC) + minute * MINUTE


def event_of(happened: Happened) -> tuple[Event, str]:
    """The event of the contracts, and who did it."""
    agent, requester = f"agent:{AGENT}", f"requester:{PERSON}"
    match happened.what:
        case "submitted" | "by_agent":
            born = tell.TicketSubmitted(prefix="A", requester=PERSON, subject="…", body="…", channel=Channel.WEB)
            return born, requester if happened.what == "submitted" else agent
        case "message" | "thanks":
            thanks = happened.what == "thanks"
            return tell.MessageReceived(author=PERSON, body="…", channel=Channel.WEB, thanks=thanks), requester
        case "reply" | "letter":
            return tell.ReplySent(body="…"), agent if happened.what == "reply" else "system:notification"
        case "promise":
            return tell.CheckpointPromised(due_at=when(happened.due), by=PromisedBy.AGENT), agent
        case "P1" | "P2":
            return tell.PrioritySet(priority=Priority(happened.what)), agent
        case "resolve":
            return tell.TicketResolved(), agent
        case "reopen":
            return tell.TicketReopened(), agent
        case "close":
            return tell.TicketClosed(), agent
        case "note":
            return tell.NoteAdded(body="…"), agent
        case status:
            return tell.StatusChanged(status=STATUS[status]), agent


def recorded(version: int, at: datetime, by: str, event: Event) -> Recorded[Event]:
    return Recorded(
        lane=0, position=version, client="acme", sequence=version, number=None, stream=UUID(int=9), version=version,
        id=UUID(int=100 + version), type=event.type, schema_version=1, actor=by, causation=None, origin="live",
        occurred_at=at, recorded_at=at, trace=None, data=event,
    )  # fmt: skip


def history_of(events: list[Happened]) -> list[Recorded[Event]]:
    told = ((event.minute, *event_of(event)) for event in events)
    return [recorded(number, when(minute), by, event) for number, (minute, event, by) in enumerate(told, 1)]


def books(terms: Terms, calendar: Calendar, start: datetime) -> tuple[Policies, Calendars]:
    """The same terms as events of a client."""
    since = start - timedelta(days=10)
    rows: list[dict[str, Any]] = [
        {**({} if name == "none" else {"priority": name}), "targets": {m: n * 60 for m, n in targets.items()}}
        for name, targets in terms.targets.items()
    ]
    put = PutPolicy.model_validate(
        {"rows": rows, "warn_at": WARN_AT, "reopen": "continue" if terms.goes_on else "restart",
         "reopen_window_seconds": terms.window * 60}
    )  # fmt: skip
    told: tuple[Event, ...] = (
        ClientRegistered(client="acme", name="Acme", prefix="ACME", zone="UTC", tier=Tier.BASIC),
        CalendarSet.model_construct(
            client="acme", name="default", version=1, calendar=calendar, holds_from=since, apply_to_open=False,
            holidays=(), holiday_years=None,
        ),
        PolicySet(client="acme", name="default", version=1, policy=put.policy(), holds_from=since),
    )  # fmt: skip
    history = [recorded(number, since, "agent:x", event) for number, event in enumerate(told, 1)]
    return Policies.of(history), Calendars.of(history)


@st.composite
def lives(draw: st.DrawFn) -> tuple[Calendar, Terms, list[Happened], int]:
    """A calendar somewhere near a change of its clocks, terms, and what happened to a ticket there."""
    zone, day = draw(st.sampled_from(PLACES))
    hours = {each: draw(intervals()) for each in draw(st.sets(st.sampled_from(tuple(Weekday)), min_size=5))}
    calendar = Calendar.model_construct(
        zone=zone, hours=hours, closed=(), yearly_closed=(), special={}, breaks={}, public_holidays=()
    )
    start = minute_of(datetime.fromisoformat(f"{day}T00:00:00+00:00"))
    minutes = st.integers(1, 40).map(lambda twenty: twenty * 20)  # so that a warning comes at a whole minute
    lengths = st.dictionaries(st.sampled_from([str(metric) for metric in METRICS]), minutes, min_size=3)
    terms = Terms(
        {name: draw(lengths) for name in ("none", "P1", "P2")}, draw(st.booleans()), draw(st.integers(0, 3000))
    )
    # Few minutes: so that events often come together, or at the very minute when a clock is due.
    moments = sorted(draw(st.lists(st.integers(0, LIFE // 60).map(lambda hour: hour * 60), min_size=2, max_size=14)))
    events = [Happened(start + moments[0], draw(st.sampled_from(("submitted", "submitted", "by_agent"))))]
    for moment in moments[1:]:
        due = start + moment + draw(st.integers(1, 40)) * 60
        events.append(Happened(start + moment, draw(st.sampled_from(STEPS)), due))
    return calendar, terms, events, start + draw(st.integers(moments[-1], LIFE + 60))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(lives())
def test_clocks_are_what_a_walk_of_every_minute_finds(life: tuple[Calendar, Terms, list[Happened], int]) -> None:
    calendar, terms, events, until = life
    first = events[0].minute
    slow = SlowTicket(terms)
    open_minutes = SlowCalendar(calendar, when(first) - timedelta(days=3), LIFE // 1440 + 7).open[3 * 1440 :]
    slow.live(events, [bool(minute) for minute in open_minutes], first, until)
    state = clocks(history_of(events), *books(terms, calendar, when(first)), when(until))
    assert [seen(cycle) for cycle in slow.cycles] == [
        {
            "cycle": cycle.id,
            "start": cycle.started // SECOND // 60,
            "used": cycle.consumed_at(state.now) // SECOND // 60,
            "end": cycle.end,
            "fired": {f.threshold.key: (f.at // SECOND / 60, f.by_change) for f in cycle.firings},
        }
        for cycle in state.cycles
    ]


def seen(cycle: SlowCycle) -> dict[str, Any]:
    return {
        "cycle": f"{cycle.metric}/{cycle.number}",
        "start": cycle.start,
        "used": cycle.used,
        "end": cycle.end,
        "fired": cycle.fired,
    }


@settings(max_examples=40, deadline=None, derandomize=True)
@given(lives(), st.integers(0, LIFE))
def test_what_holds_for_any_history(life: tuple[Calendar, Terms, list[Happened], int], earlier: int) -> None:
    """Parts sum to the whole; facts come in order, never early, only once, and none is taken back."""
    calendar, terms, events, until = life
    told, (policies, hours) = history_of(events), books(terms, calendar, when(events[0].minute))
    state = clocks(told, policies, hours, when(until))
    for cycle, shown in zip(state.cycles, explain(state), strict=True):
        end = state.now if cycle.end is None else cycle.part_from
        whole = cycle.aim.open.between(cycle.started, end)
        assert sum(part.open_microseconds for part in shown.parts) == whole
        assert shown.consumed_microseconds == cycle.consumed_at(state.now)
        assert shown.sentence
    found = facts(state)
    assert all(fact.true_at <= state.now for fact in found)
    assert found == sorted(found, key=lambda fact: fact.true_at)
    before = facts(clocks(told, policies, hours, when(min(until, events[0].minute + earlier))))
    assert {(f.cycle, f.key, f.true_at) for f in before} <= {(f.cycle, f.key, f.true_at) for f in found}
    written = [recorded(1000 + n, when(until), "system:triage", fact.event) for n, fact in enumerate(found)]
    again = clocks([*told, *written], policies, hours, when(until))
    assert facts(again) == []
    woken = wake_at(again)
    if woken is not None:
        assert woken > when(until)
        due = facts(clocks([*told, *written], policies, hours, woken))
        assert due, "it wakes for something"
        assert facts(clocks([*told, *written], policies, hours, woken - timedelta(microseconds=1))) == []
