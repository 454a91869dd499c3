"""Splits, and adoption of imported tickets: what is decided, and what it does to the clocks of both tickets."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from contracts import ticket_commands as ask
from contracts import tickets as tell
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.terms import Channel, PromisedBy, Status
from contracts.ticket import fold
from contracts.ticket_state import Closed, Open, Resolved, Waiting
from services.intake.decide import decide
from services.intake.decide_split import Both, split, unsplit
from services.kit.refused import Refused
from services.kit.rules.clock_cycle import End
from services.kit.rules.clock_facts import facts
from services.kit.rules.clocks import clocks
from services.kit.rules.policies import Calendars, Policies
from tests.unit.decisions import ANN, GIVEN, NOW, OTHER, TICKET, recorded
from tests.unit.test_clocks import MESSAGE, REPLY, SUBMITTED, at, configured, cycle, due, history, state

THERE = UUID(int=77)
BEN = UUID(int=5)
AGENTS_WORD = tell.ReplySent(body="We look.")


def life(*events: Event, minutes: int = 10, origin: str = "live") -> list[Recorded[Event]]:
    """A ticket's history: these events, ten minutes apart, up to now."""
    born = tell.TicketSubmitted(prefix="ACME", requester=ANN, subject="Printer", body="Off", channel=Channel.MAIL)
    promise = tell.CheckpointPromised(due_at=NOW + timedelta(hours=8), by=PromisedBy.POLICY)
    all_events = [born, promise, *events]
    start = NOW - timedelta(minutes=minutes * len(all_events))
    return [
        recorded(event, number, start + timedelta(minutes=minutes * number))._replace(origin=origin)
        for number, event in enumerate(all_events, 1)
    ]


def held(events: list[Recorded[Event]]) -> Open | Waiting | Resolved | Closed:
    ticket = fold(events)
    assert isinstance(ticket, Open | Waiting | Resolved | Closed)
    return ticket


def message(body: str, author: UUID = ANN) -> tell.MessageReceived:
    return tell.MessageReceived(author=author, body=body, channel=Channel.WEB)


def asked(events: list[Recorded[Event]], *messages: UUID) -> Both:
    return split(ask.SplitTicket(messages=messages, subject="Scanner"), held(events), events, THERE, GIVEN)


def refusal(events: list[Recorded[Event]], *messages: UUID) -> Refused:
    with pytest.raises(Refused) as refused:
        asked(events, *messages)
    return refused.value


def test_messages_go_on_as_a_ticket_of_their_author_with_a_promise() -> None:
    events = life(message("And the scanner?", BEN), message("It is the one on floor 2", BEN))
    both = asked(events, events[3].id, events[2].id)
    assert both.here == [tell.TicketSplit(into=THERE, messages=(events[2].id, events[3].id))]
    born, origin, promise, rest = both.there
    assert isinstance(born, tell.TicketSubmitted)
    assert isinstance(promise, tell.CheckpointPromised)
    assert (born.requester, born.subject, born.body, born.channel) == (BEN, "Scanner", "And the scanner?", Channel.WEB)
    assert origin == tell.TicketSplitOff(out_of=TICKET, messages=(events[2].id, events[3].id),
                                         asked_at=events[2].occurred_at)  # fmt: skip
    assert rest == message("It is the one on floor 2", BEN)
    assert promise.due_at > NOW


def test_what_was_answered_counts_from_the_split_on() -> None:
    events = life(message("And the scanner?"), AGENTS_WORD, message("Which one?"))
    origin = asked(events, events[2].id).there[1]
    assert isinstance(origin, tell.TicketSplitOff)
    assert origin.asked_at is None
    later = asked(events, events[2].id, events[4].id).there[1]
    assert isinstance(later, tell.TicketSplitOff)
    assert later.asked_at == events[4].occurred_at


def test_only_messages_of_the_requester_that_are_still_here_can_be_split_off() -> None:
    events = life(message("And the scanner?"), AGENTS_WORD)
    assert refusal(events, events[0].id).code == "first_message"
    assert refusal(events, events[3].id).code == "unknown_message"
    assert refusal(events, events[2].id, UUID(int=9)).field == "messages.1"
    gone = [*events, recorded(asked(events, events[2].id).here[0], 5)]
    assert refusal(gone, events[2].id).code == "already_split"
    assert refusal([*events, recorded(tell.TicketClosed(), 5)], events[2].id).code == "closed"


def test_a_split_is_undone_once_and_not_by_another_ticket() -> None:
    events = life(message("And the scanner?"))
    both = asked(events, events[2].id)
    here = held([*events, recorded(both.here[0], 4)])
    assert (here.messages, here.split_off) == (1, ((THERE, (events[2].id,)),))
    there = [recorded(event, n)._replace(stream=THERE) for n, event in enumerate(both.there, 1)]
    command = ask.UnsplitTicket(ticket="ACME-2")
    back = unsplit(command, here, there, GIVEN)
    assert back.here == [tell.TicketUnsplit(out_of=THERE, messages=(events[2].id,))]
    assert back.there == [tell.TicketMerged(into=TICKET)]
    whole = held([*events, recorded(both.here[0], 4), recorded(back.here[0], 5)])
    assert (whole.messages, whole.split_off) == (2, ())
    assert unsplit(command, whole, there, GIVEN) == Both([], [])
    with pytest.raises(Refused, match="split off"):
        unsplit(command, replace(here, id=OTHER), there, GIVEN)
    with pytest.raises(Refused, match="split off"):
        unsplit(command, here, [], GIVEN)
    merged = held([recorded(e, n)._replace(stream=THERE) for n, e in enumerate([*both.there, *back.there], 1)])
    with pytest.raises(Refused) as undone:
        decide(ask.UnmergeTicket(), merged, replace(GIVEN, other=whole))
    assert undone.value.code == "split_undone"
    assert decide(ask.UnmergeTicket(), merged, replace(GIVEN, other=here))[0].type == "ticket.unmerged"


def test_an_imported_ticket_is_adopted_once_and_by_whoever_promises_something_for_it() -> None:
    imported = held(life(origin="import")[:1])
    taken = decide(ask.AdoptTicket(), imported, GIVEN)
    assert [event.type for event in taken] == ["ticket.adopted", "ticket.checkpoint_promised"]
    assert decide(ask.AdoptTicket(), replace(imported, adopted=True), GIVEN) == []
    replied = decide(ask.SendReply(body="We look."), imported, GIVEN)
    assert replied[0] == tell.TicketAdopted()
    assert all(event.type != "ticket.adopted" for event in decide(ask.AddNote(body="?"), imported, GIVEN))
    with pytest.raises(Refused) as live:
        decide(ask.AdoptTicket(), held(life()), GIVEN)
    assert live.value.code == "not_imported"
    with pytest.raises(Refused):
        decide(ask.AdoptTicket(), held([*life(origin="import"), recorded(tell.TicketResolved(), 3)]), GIVEN)


BORN = ("Mon 09:00", SUBMITTED)
ANSWERED = ("Mon 09:30", REPLY)


def off(*messages: int) -> tell.TicketSplit:
    """The split of the messages that stand at these places of the history."""
    told = history([BORN, *[("Mon 10:00", MESSAGE)] * 9])
    return tell.TicketSplit(into=THERE, messages=tuple(told[place - 1].id for place in messages))


def back(split_off: tell.TicketSplit) -> tell.TicketUnsplit:
    return tell.TicketUnsplit(out_of=split_off.into, messages=split_off.messages)


def test_the_reply_is_due_by_the_oldest_message_that_stays() -> None:
    steps = (BORN, ANSWERED, ("Mon 10:00", MESSAGE), ("Mon 10:30", MESSAGE), ("Mon 11:00", off(3)))
    found = state("Mon 11:00", *steps)
    assert cycle(found, "next_reply/1").end is End.CANCELLED
    assert due(found, "next_reply/2") == at("Mon 12:30")
    untouched = state("Mon 11:00", *steps[:-1], ("Mon 11:00", off(4)))
    assert [each.id for each in untouched.cycles if each.id.startswith("next")] == ["next_reply/1"]
    nothing = state("Mon 11:00", BORN, ANSWERED, ("Mon 10:00", MESSAGE), ("Mon 11:00", off(3)))
    assert "next_reply" not in {cycle.metric for cycle in (nothing.open or {}).values()}


def test_undone_the_reply_is_due_as_if_nothing_had_been_split() -> None:
    gone = off(3)
    found = state("Mon 12:00", BORN, ANSWERED, ("Mon 10:00", MESSAGE), ("Mon 11:00", gone), ("Mon 11:30", back(gone)))
    assert due(found, "next_reply/1") == at("Mon 12:00")
    assert cycle(found, "next_reply/1").started * 1000 == at("Mon 10:00").timestamp() * 1_000_000_000
    assert [each.id for each in found.cycles if each.id.startswith("next")] == ["next_reply/1"]
    covered = state("Mon 12:00", BORN, ANSWERED, ("Mon 10:00", MESSAGE), ("Mon 11:00", gone), ("Mon 11:10", REPLY),
                    ("Mon 11:30", back(gone)))  # fmt: skip
    assert "next_reply" not in {str(cycle.metric) for cycle in (covered.open or {}).values()}


def test_what_was_answered_where_it_went_is_not_asked_again_where_it_comes_back() -> None:
    events = life(message("And the scanner?"))
    both = asked(events, events[2].id)
    there = [recorded(event, n)._replace(stream=THERE) for n, event in enumerate([*both.there, AGENTS_WORD], 1)]
    told = unsplit(ask.UnsplitTicket(ticket="ACME-2"), held([*events, recorded(both.here[0], 4)]), there, GIVEN).here[0]
    assert told == tell.TicketUnsplit(out_of=THERE, messages=(events[2].id,), answered=True)
    gone = off(3)
    found = state("Mon 12:00", BORN, ANSWERED, ("Mon 10:00", MESSAGE), ("Mon 11:00", gone),
                  ("Mon 11:30", back(gone).model_copy(update={"answered": True})))  # fmt: skip
    assert "next_reply" not in {str(cycle.metric) for cycle in (found.open or {}).values()}
    returned = back(off(2)).model_copy(update={"answered": True})
    by_agent = state("Mon 12:00", ("Mon 09:00", SUBMITTED, "agent:x"), ("Mon 10:00", MESSAGE), ("Mon 10:30", off(2)),
                     ("Mon 11:00", returned), ("Mon 11:30", MESSAGE))  # fmt: skip
    assert due(by_agent, "next_reply/1") == at("Mon 13:30"), "the first reply was given there"


def test_a_breach_that_came_back_with_its_message_is_recorded_once() -> None:
    gone = off(3)
    steps = history([BORN, ANSWERED, ("Mon 10:00", MESSAGE), ("Mon 12:30", gone), ("Mon 12:40", back(gone))])
    known = configured()
    found = facts(clocks(steps, Policies.of(known), Calendars.of(known), at("Mon 12:50")))
    late = [fact for fact in found if fact.cycle.startswith("next") and fact.key == "breached"]
    assert [(fact.cycle, datetime.fromtimestamp(fact.true_at / 1e6, UTC)) for fact in late] == [
        ("next_reply/1", at("Mon 12:00"))
    ]


def test_an_imported_ticket_is_adopted_by_the_promise_that_comes_with_its_messages() -> None:
    events = [event for event in life(message("And the scanner?"), origin="import") if event.version != 2]
    both = asked(events, events[1].id)
    there = [recorded(event, n)._replace(stream=THERE) for n, event in enumerate(both.there, 1)]
    here = held([*events, recorded(both.here[0], 4)])
    found = [event.type for event in unsplit(ask.UnsplitTicket(ticket="ACME-2"), here, there, GIVEN).here]
    assert found == ["ticket.adopted", "ticket.unsplit", "ticket.checkpoint_promised"]


def test_the_first_words_of_a_ticket_that_an_agent_opened_can_go_and_come_back() -> None:
    by_agent = ("Mon 09:00", SUBMITTED, "agent:x")
    gone = off(2)
    found = state("Mon 11:00", by_agent, ("Mon 10:00", MESSAGE), ("Mon 10:30", gone), ("Mon 10:40", MESSAGE))
    assert due(found, "first_reply/2") == at("Mon 11:40")
    again = state("Mon 11:00", by_agent, ("Mon 10:00", MESSAGE), ("Mon 10:30", gone), ("Mon 10:40", back(gone)))
    assert due(again, "first_reply/1") == at("Mon 11:00")


def test_the_new_ticket_has_waited_since_its_words_were_written() -> None:
    origin = tell.TicketSplitOff(out_of=TICKET, messages=(), asked_at=at("Mon 09:00"))
    found = state("Mon 09:40", ("Mon 09:30", SUBMITTED, "agent:x"), ("Mon 09:30", origin), ("Mon 09:31", MESSAGE))
    assert due(found, "resolution/1") == at("Mon 17:00")
    assert due(found, "agent_work/1") == at("Mon 13:00")
    assert due(found, "first_reply/1") == at("Mon 10:00"), "an agent split it off, and the words are the requester's"
    later = state("Mon 09:40", ("Mon 09:30", SUBMITTED), ("Mon 09:30", replace_asked(origin, None)))
    assert due(later, "first_reply/1") == at("Mon 10:30")


def replace_asked(origin: tell.TicketSplitOff, asked_at: datetime | None) -> tell.TicketSplitOff:
    return origin.model_copy(update={"asked_at": asked_at})


def test_what_is_late_by_a_split_is_breached_by_it_and_never_before_it() -> None:
    origin = tell.TicketSplitOff(out_of=TICKET, messages=(), asked_at=at("Mon 09:00"))
    steps = history([("Mon 10:30", SUBMITTED), ("Mon 10:30", origin)])
    known = configured()
    found = facts(clocks(steps, Policies.of(known), Calendars.of(known), at("Mon 10:30")))
    late = [fact for fact in found if fact.cycle == "first_reply/1" and fact.key == "breached"]
    assert [datetime.fromtimestamp(fact.true_at / 1e6, UTC) for fact in late] == [at("Mon 10:30")]
    assert late[0].event.model_dump()["by_change"] is True


def test_a_status_of_waiting_is_not_left_by_a_split() -> None:
    events = life(message("And the scanner?"), tell.StatusChanged(status=Status.WAITING_FOR_CUSTOMER))
    both = asked(events, events[2].id)
    assert held([*events, recorded(both.here[0], 5)]).status is Status.WAITING_FOR_CUSTOMER


def test_an_adopted_ticket_goes_by_the_terms_in_force_then_and_nothing_of_before_is_recorded() -> None:
    early = ("Mon 09:00", SUBMITTED)
    known = [event._replace(occurred_at=at("Mon 12:00")) for event in configured()]
    policy = known[2].data.model_copy(update={"holds_from": at("Mon 12:00")})
    known[2] = known[2]._replace(data=policy)
    steps = history([early, ("Mon 13:00", tell.TicketAdopted())], origin="import")
    books = Policies.of(known), Calendars.of(known)
    found = clocks(steps, *books, at("Mon 13:00"))
    assert due(found, "resolution/1") == at("Mon 17:00")
    assert facts(found) == [], "the first reply was late before, and says nothing"
    later = facts(clocks(steps, *books, at("Mon 17:00")))
    assert [(fact.cycle, fact.key) for fact in later if fact.key == "breached"] == [("resolution/1", "breached")]
