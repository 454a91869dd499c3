"""What one look at a ticket comes to: facts that are true, the next wake-up, or the end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from contracts import tickets as tell
from contracts.calendars import Calendar, CalendarSet
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.policies import Policy, PolicySet
from contracts.terms import CauseClass, Channel, CloseReason
from services.kit.configuration import Books
from services.kit.rules.open_time import NEVER, us
from services.kit.rules.policies import Calendars, Policies
from services.triage.timers.plan import Story, new_events, plan
from services.triage.timers.stories import TEXT_MAX, Memory

NOON = datetime(2026, 3, 4, 11, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
TICKET = UUID(int=16)
ALWAYS = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), (("00:00", "24:00"),))


def happened(version: int, event: Event, at: datetime, origin: str = "live") -> Recorded[Event]:
    return Recorded(
        lane=0, position=version, client="acme", sequence=version, number=None, stream=TICKET, version=version,
        id=UUID(int=version), type=event.type, schema_version=1, actor="agent:1", causation=None, origin=origin,
        occurred_at=at, recorded_at=at, trace=None, data=event,
    )  # fmt: skip


def books(*, strict_from: datetime | None = None) -> Books:
    """Eight hours for the solution; with `strict_from` two from then on, for open tickets too."""

    def policy(version: int, hours: str, since: datetime) -> PolicySet:
        rows = ({"targets": {"resolution": {"seconds": hours, "warn_at": (0.5,)}}},)
        told = Policy.model_validate({"rows": rows})
        return PolicySet(
            client="acme", name="default", version=version, policy=told, holds_from=since, apply_to_open=version > 1
        )

    weekly = Calendar.model_validate({"zone": "Etc/UTC", "hours": ALWAYS})
    calendar = CalendarSet(client="acme", name="default", version=1, calendar=weekly, holds_from=NOON - HOUR)
    told: list[Event] = [calendar, policy(1, "8h", NOON - HOUR)]
    if strict_from is not None:
        told.append(policy(2, "2h", strict_from))
    history = [happened(number, event, NOON - HOUR) for number, event in enumerate(told, 1)]
    return Books(Policies.of(history), Calendars.of(history))


def story(*more: tuple[Event, datetime], origin: str = "live") -> Story:
    born = tell.TicketSubmitted(prefix="A", requester=UUID(int=1), subject="s", body="b", channel=Channel.WEB)
    events = [happened(number, event, at, origin) for number, (event, at) in enumerate([(born, NOON), *more], 1)]
    return Story("acme", len(events), events[-1].occurred_at, events)


def test_a_ticket_wakes_at_its_earliest_coming_threshold() -> None:
    found = plan(story(), books(), us(NOON))
    assert (found.facts, found.due, found.ended) == ([], NOON + 4 * HOUR, False)


def test_what_is_true_beyond_the_turns_horizon_waits_for_its_own_turn() -> None:
    told, terms = story((tell.NoteAdded(body="late"), NOON + 20 * HOUR)), books()
    first = plan(told, terms, us(NOON + 4 * HOUR))
    assert ([fact.key for fact in first.facts], first.due) == (["warned:0.5"], NOON + 8 * HOUR)
    assert [fact.key for fact in plan(told, terms, us(NOON + 9 * HOUR)).facts] == ["warned:0.5", "breached"]
    noted = plan(told, terms, -NEVER)
    assert (noted.facts, noted.due) == ([], NOON + 4 * HOUR), "for the index, what came true already is due"


def test_known_terms_for_running_clocks_wake_it_before_its_threshold() -> None:
    terms = books(strict_from=NOON + 3 * HOUR)
    assert plan(story(), terms, us(NOON)).due == NOON + 3 * HOUR
    (warned, breached) = plan(story(), terms, us(NOON + 3 * HOUR)).facts
    assert (warned.true_at, breached.true_at) == (us(NOON + 3 * HOUR),) * 2


def test_an_import_and_spam_end_without_a_row() -> None:
    assert plan(story(origin="import"), books(), us(NOON + 99 * HOUR)).ended
    spam = story((tell.TicketClosed(reason=CloseReason.SPAM), NOON + HOUR))
    assert plan(spam, books(), us(NOON + 99 * HOUR)).ended


def test_a_solved_ticket_wakes_once_more_when_its_window_closes_and_then_ends() -> None:
    solved = story((tell.TicketResolved(cause=CauseClass.UNKNOWN), NOON + HOUR))
    window = timedelta(days=7)
    assert plan(solved, books(), us(NOON + 2 * HOUR)).due == NOON + HOUR + window
    found = plan(solved, books(), us(NOON + HOUR + window))
    assert ([fact.key for fact in found.facts], found.ended) == (["met"], True)


def test_a_fact_has_one_id_whoever_records_it_and_happens_when_it_came_true_where_the_log_tells_the_time() -> None:
    told, terms = story(), books()
    found = plan(told, terms, us(NOON + 9 * HOUR))
    late = plan(told, terms, us(NOON + 90 * HOUR))
    ours, theirs = new_events(TICKET, told, found, log_time=True), new_events(TICKET, told, late, log_time=True)
    assert ours == theirs
    assert [(event.version, event.occurred_at) for event in ours] == [(2, NOON + 4 * HOUR), (3, NOON + 8 * HOUR)]
    assert {event.occurred_at for event in new_events(TICKET, told, found, log_time=False)} == {None}


def test_a_remembered_story_goes_on_where_it_ended_and_only_there() -> None:
    events = story(
        (tell.NoteAdded(body="n"), NOON), (tell.ReplySent(body="r", channel=Channel.WEB), NOON + HOUR)
    ).events
    memory = Memory()
    memory.told(TICKET, events[:1])
    assert memory.told(TICKET, events[2:]) is None, "version 2 is missing: what a gap hides is read from the log"
    memory.told(TICKET, events[:1])
    memory.told(TICKET, events[1:2])
    told = memory.told(TICKET, events[2:])
    assert told is not None
    assert (told.version, told.last_at, [event.version for event in told.events]) == (3, NOON + HOUR, [1, 3])
    assert memory.told(TICKET, events[2:]) is None, "events that come again are not told twice"


def test_a_story_with_a_gap_or_a_large_text_is_not_remembered() -> None:
    events = story((tell.NoteAdded(body="n"), NOON), (tell.NoteAdded(body="m"), NOON)).events
    large = tell.ReplySent(body="x" * (TEXT_MAX + 1), channel=Channel.WEB)
    for first in ([events[0], events[2]], [events[0], happened(2, large, NOON), happened(3, large, NOON)]):
        memory = Memory()
        assert memory.told(TICKET, first) is not None
        assert memory.told(TICKET, [happened(4, tell.NoteAdded(body="o"), NOON)]) is None
