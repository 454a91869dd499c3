"""Triage against a real log: given tickets, when their events are delivered, then the log has a priority, once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contracts import tickets as tell
from contracts.catalogue import encode
from contracts.clients import Tier
from contracts.envelope import Origin
from contracts.subjects import lane_of
from contracts.terms import Channel, Priority, Urgency
from services.kit.log.read import read_stream
from services.kit.postgres import Pool
from services.kit.rules.facts import facts_of
from services.kit.rules.priority import judge
from services.kit.settings import Settings
from services.triage.handler import Triage
from services.triage.tone_tables import load_tables
from tests.conftest import PoolOf
from tests.integration.small_desk import NOON, SmallDesk, facts, promise, vault_on

PRIORITISED = "ticket.prioritised"
TABLES = load_tables()


@pytest.fixture
async def pool(pool_of: PoolOf) -> Pool:
    return await pool_of("triage")


@pytest.fixture
async def desk(pool_of: PoolOf, database: Settings) -> SmallDesk:
    intake = await pool_of("intake")
    return SmallDesk(intake, vault_on(intake, database))


def triage(pool: Pool, database: Settings, *, log_time: bool = True) -> Triage:
    return Triage(vault_on(pool, database), tables=TABLES, log_time=log_time, committed=lambda lanes: None)


async def test_a_submitted_ticket_gets_its_priority_with_reasons(
    desk: SmallDesk, pool: Pool, database: Settings
) -> None:
    await desk.client("acme", tier=Tier.PREMIUM)
    person = await desk.person("acme", "ada@acme.example")
    ticket = await desk.submit(
        "acme", person, urgency=Urgency.CRITICAL, category="network", body="Nobody can print here"
    )
    await desk.feed(triage(pool, database), pool, lane_of(ticket))

    (event,) = await facts(pool, ticket, PRIORITISED)
    judged = event.data
    assert isinstance(judged, tell.TicketPrioritised)
    assert (judged.priority, event.version, event.actor) == (Priority.P1, 5, "system:triage")
    assert event.causation == str((await read_stream(pool, ticket))[0].id)
    assert event.occurred_at == NOON
    assert b"Nobody" not in encode(judged), "words that were found stand sealed in the log"
    words = next(reason.words for reason in judged.reasons if reason.code == "words.outage")
    await desk.vault.load([person])
    assert [desk.vault.open(word) for word in words] == ["Nobody can"]


async def test_an_event_that_is_delivered_again_is_not_answered_again(
    desk: SmallDesk, pool: Pool, database: Settings
) -> None:
    await desk.client("again")
    ticket = await desk.submit("again", await desk.person("again", "a@again.example"))
    handler = triage(pool, database)
    await desk.feed(handler, pool, lane_of(ticket))
    desk.again(lane_of(ticket))
    await desk.feed(handler, pool, lane_of(ticket))
    assert len(await facts(pool, ticket, PRIORITISED)) == 1


async def test_a_ticket_that_grew_before_triage_came_is_read_and_judged(
    desk: SmallDesk, pool: Pool, database: Settings
) -> None:
    await desk.client("late")
    person = await desk.person("late", "a@late.example")
    slow, by_hand = await desk.submit("late", person), await desk.submit("late", person)
    await desk.feed(triage(pool, database), pool, lane_of(slow), limit=2)  # client and person
    await desk.tell("late", slow, tell.NoteAdded(body="seen"), at=NOON + timedelta(minutes=5))
    await desk.tell("late", by_hand, tell.PrioritySet(priority=Priority.P2, reason="I know them"))
    await desk.feed(triage(pool, database), pool, lane_of(slow), limit=4)  # the two births: both streams have grown

    (event,) = await facts(pool, slow, PRIORITISED)
    assert (event.version, event.occurred_at) == (6, NOON + timedelta(minutes=5)), "time never goes back in a stream"
    assert await facts(pool, by_hand, PRIORITISED) == []


async def test_new_facts_raise_a_priority_and_answers_keep_promises(
    desk: SmallDesk, pool: Pool, database: Settings
) -> None:
    await desk.client("facts")
    ticket = await desk.submit(
        "facts", await desk.person("facts", "a@facts.example"), urgency=Urgency.HIGH, category="request"
    )
    handler = triage(pool, database)
    await desk.feed(handler, pool, lane_of(ticket))
    (reply, _) = await desk.tell(
        "facts",
        ticket,
        tell.ReplySent(body="We look."),
        promise(NOON + timedelta(hours=9)),
        at=NOON + timedelta(hours=1),
    )
    (moved,) = await desk.tell("facts", ticket, tell.CategorySet(category="network"), at=NOON + timedelta(hours=2))
    await desk.feed(handler, pool, lane_of(ticket))

    found = await facts(pool, ticket, PRIORITISED, "ticket.checkpoint_kept")
    assert [(event.type, event.causation) for event in found[1:]] == [
        ("ticket.checkpoint_kept", str(reply)),
        (PRIORITISED, str(moved)),
    ]
    raised = found[2].data
    assert isinstance(raised, tell.TicketPrioritised)
    assert raised.priority is Priority.P3


@pytest.mark.parametrize(
    ("origin", "judged"), [(Origin.LIVE, 1), (Origin.DEMO, 1), (Origin.PRACTICE, 1), (Origin.IMPORT, 0)]
)
async def test_imports_keep_the_priority_of_their_source(
    desk: SmallDesk, pool: Pool, database: Settings, origin: Origin, judged: int
) -> None:
    await desk.client(f"from-{origin}")
    person = await desk.person(f"from-{origin}", "a@b.example")
    ticket = await desk.submit(f"from-{origin}", person, origin=origin)
    await desk.feed(triage(pool, database), pool, lane_of(ticket))
    found = await facts(pool, ticket, PRIORITISED)
    assert len(found) == judged
    assert {event.origin for event in found} <= {origin}


async def test_the_tier_counts_that_the_client_had_when_the_ticket_came(
    desk: SmallDesk, pool: Pool, database: Settings
) -> None:
    await desk.client("tiers", tier=Tier.BASIC)
    person = await desk.person("tiers", "a@tiers.example")
    before = await desk.submit("tiers", person)
    await desk.client("tiers", tier=Tier.PREMIUM)
    after = await desk.submit("tiers", person)
    await desk.feed(triage(pool, database), pool, lane_of(before))
    codes = []
    for ticket in (before, after):
        (event,) = await facts(pool, ticket, PRIORITISED)
        assert isinstance(event.data, tell.TicketPrioritised)
        codes += [reason.code for reason in event.data.reasons if reason.code.startswith("tier.")]
    assert codes == ["tier.basic", "tier.premium"]


async def test_an_erased_requesters_words_are_not_read_and_the_ticket_is_judged_all_the_same(
    desk: SmallDesk, pool: Pool, database: Settings, pool_of: PoolOf
) -> None:
    await desk.client("erased")
    person = await desk.person("erased", "a@erased.example")
    ticket = await desk.submit("erased", person, body="Nobody can work")
    owner = await pool_of("owner")
    await owner.execute("DELETE FROM personal.people WHERE person = $1", person)
    await desk.feed(triage(pool, database), pool, lane_of(ticket))
    (event,) = await facts(pool, ticket, PRIORITISED)
    assert isinstance(event.data, tell.TicketPrioritised)
    assert not [reason for reason in event.data.reasons if reason.code.startswith("words.")]


async def test_with_a_real_clock_a_judgement_happens_when_it_is_made(
    desk: SmallDesk, pool: Pool, database: Settings
) -> None:
    await desk.client("clock")
    ticket = await desk.submit("clock", await desk.person("clock", "a@clock.example"), channel=Channel.WEB)
    await desk.feed(triage(pool, database, log_time=False), pool, lane_of(ticket))
    (event,) = await facts(pool, ticket, PRIORITISED)
    assert event.occurred_at == event.recorded_at


async def test_a_judgement_with_sealed_words_is_made_again_from_the_log_to_the_last_byte(
    desk: SmallDesk, pool: Pool, database: Settings
) -> None:
    await desk.client("replay")
    person = await desk.person("replay", "a@replay.example")
    ticket = await desk.submit(
        "replay", person, body="Nobody can work. A disgrace, I am furious, you idiots!", urgency=Urgency.HIGH
    )
    await desk.feed(triage(pool, database), pool, lane_of(ticket))
    (event,) = await facts(pool, ticket, PRIORITISED)
    judged = event.data
    assert isinstance(judged, tell.TicketPrioritised)
    assert judged.inputs is not None
    assert {"tone", "words.outage"} <= {reason.code for reason in judged.reasons}
    assert encode(judge(facts_of(judged.inputs, judged.reasons))) == encode(judged)


async def test_what_people_made_of_a_claim_is_counted_once_however_often_it_is_delivered(
    desk: SmallDesk, pool: Pool, database: Settings
) -> None:
    await desk.client("wolf")
    person = await desk.person("wolf", "a@wolf.example")
    handler = triage(pool, database)
    claimed: dict[str, Any] = {"urgency": Urgency.CRITICAL, "category": "network"}
    first = await desk.submit("wolf", person, **claimed)
    await desk.feed(handler, pool, lane_of(first))
    await desk.tell("wolf", first, tell.PrioritySet(priority=Priority.P4, reason="no"), tell.TicketResolved())
    await desk.feed(handler, pool, lane_of(first))
    desk.again(lane_of(first))
    await desk.feed(handler, pool, lane_of(first))
    second = await desk.submit("wolf", person, **claimed)
    await desk.feed(handler, pool, lane_of(second))
    (event,) = await facts(pool, second, PRIORITISED)
    assert isinstance(event.data, tell.TicketPrioritised)
    assert event.data.inputs is not None
    assert (event.data.inputs.confirmed, event.data.inputs.denied) == (0, 1)
