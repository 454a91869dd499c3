"""`daybook triage evaluate`: given overrides with a habit in them, the model is switched on, and triage goes by it."""

from __future__ import annotations

from uuid import UUID

from rich.console import Console

from contracts import tickets as tell
from contracts.learning import MODEL_STREAM, ModelSet
from contracts.subjects import lane_of
from contracts.terms import Priority, Urgency
from services.cli.triage_evaluate import evaluated
from services.kit.log.read import read_stream
from services.kit.postgres import Pool
from services.kit.settings import Settings
from services.triage.handler import Triage
from services.triage.tone_tables import load_tables
from tests.conftest import PoolOf
from tests.integration.small_desk import SmallDesk, facts, vault_on

TICKETS = 80
QUIET = Console(quiet=True)


async def test_a_habit_of_the_desk_is_switched_on_by_an_event_and_off_again(
    pool_of: PoolOf, database: Settings
) -> None:
    intake, pool = await pool_of("intake"), await pool_of("triage")
    desk = SmallDesk(intake, vault_on(intake, database))
    triage = Triage(vault_on(pool, database), tables=load_tables(), log_time=True, committed=lambda _: None)
    nothing = await evaluated(database, QUIET, switch=True)
    assert (nothing["judged"], nothing["switched"]) == (0, False), "nothing to learn from switches nothing"

    await desk.client("habit")
    person = await desk.person("habit", "a@habit.example")
    tickets = [
        await desk.submit("habit", person, urgency=Urgency.HIGH, category=("email", "network")[number % 2])
        for number in range(TICKETS)
    ]
    await desk.feed(triage, pool, lane_of(tickets[0]))
    for number, ticket in enumerate(tickets):
        lowered = tell.PrioritySet(priority=Priority.P4, reason="their mail can wait")
        await desk.tell("habit", ticket, tell.TicketResolved() if number % 2 else lowered)

    told = await evaluated(database, QUIET, switch=None)
    assert (told["judged"], told["overridden"], told["switched"]) == (TICKETS, TICKETS // 2, False)
    assert told["model_is_better"]
    assert not await read_stream(intake, MODEL_STREAM), "it only looks unless it is told to switch"
    assert (await evaluated(database, QUIET, switch=True))["switched"]
    assert await learned(desk, triage, pool, person) == [True]
    await evaluated(database, QUIET, switch=False)
    assert await learned(desk, triage, pool, person) == [False]
    said = [event.data for event in await read_stream(intake, MODEL_STREAM)]
    assert [model.on for model in said if isinstance(model, ModelSet)] == [True, False]


async def learned(desk: SmallDesk, triage: Triage, pool: Pool, person: UUID) -> list[bool]:
    """Whether the model speaks in the judgement of a new ticket."""
    ticket = await desk.submit("habit", person, urgency=Urgency.HIGH, category="email")
    while await desk.feed(triage, pool, lane_of(ticket)):
        pass
    found = [event.data for event in await facts(pool, ticket, "ticket.prioritised")]
    return [
        any(reason.code == "learned" and reason.points < 0 for reason in one.reasons)
        for one in found
        if isinstance(one, tell.TicketPrioritised)
    ]
