"""`daybook triage evaluate`: given overrides with a habit in them, a model is switched on, and triage goes by it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from random import Random
from typing import Any
from uuid import UUID

from rich.console import Console

from contracts import tickets as tell
from contracts.envelope import Origin
from contracts.learning import CATEGORY_STREAM, MODEL_STREAM, ModelSet
from contracts.model import Sealed
from contracts.subjects import lane_of
from contracts.terms import Priority, Urgency
from services.cli.triage_evaluate import evaluated
from services.kit.log.read import read_stream
from services.kit.postgres import Pool
from services.kit.settings import Settings
from services.triage.category import classify
from services.triage.handler import Triage
from services.triage.models import secret_of
from services.triage.taxonomy import taught, taxonomy_of
from services.triage.tone_tables import load_tables
from tests.conftest import PoolOf
from tests.integration.small_desk import SmallDesk, facts, vault_on
from tests.integration.test_rebuild import environment_of
from tests.unit.test_taxonomy import MATTERS, text_of

TICKETS = 80
CORRECTED, ERASED, PRACTISED = 120, 5, 5
NEW = "no payslip, and the overtime is wrong"
QUIET = Console(quiet=True)


async def test_a_habit_of_the_desk_is_switched_on_by_an_event_and_off_again(
    pool_of: PoolOf, database: Settings
) -> None:
    intake, pool = await pool_of("intake"), await pool_of("triage")
    desk = SmallDesk(intake, vault_on(intake, database))
    triage = Triage(vault_on(pool, database), tables=load_tables(), log_time=True, committed=lambda _: None)
    nothing = await evaluated(database, QUIET, switch=True)
    assert [(one["judged"], one["switched"]) for one in nothing.values()] == [(0, False)] * 2, "nothing to learn from"

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

    told = (await evaluated(database, QUIET, switch=None))["priority"]
    assert (told["judged"], told["overridden"], told["switched"]) == (TICKETS, TICKETS // 2, False)
    assert told["model_is_better"]
    assert not await read_stream(intake, MODEL_STREAM), "it only looks unless it is told to switch"
    switched = await evaluated(database, QUIET, switch=True)
    assert [name for name, one in switched.items() if one["switched"]] == ["priority"], "every category was kept"
    assert await learned(desk, triage, pool, person) == [True]
    await evaluated(database, QUIET, switch=False)
    assert await learned(desk, triage, pool, person) == [False]
    said = [event.data for event in await read_stream(intake, MODEL_STREAM)]
    assert [model.on for model in said if isinstance(model, ModelSet)] == [True, False]


async def test_corrections_of_categories_are_switched_on_and_a_ticket_says_so(
    pool_of: PoolOf, database: Settings
) -> None:
    intake, pool = await pool_of("intake"), await pool_of("triage")
    desk = SmallDesk(intake, vault_on(intake, database))
    secret = secret_of(database)
    triage = Triage(
        vault_on(pool, database), tables=load_tables(), log_time=True, committed=lambda _: None, words_secret=secret
    )
    others = (await evaluated(database, QUIET, switch=None, models=["category"]))["category"]["judged"]
    of_priorities = await read_stream(intake, MODEL_STREAM)
    await desk.client("taxon")
    person = await desk.person("taxon", "a@taxon.example")
    erased = await desk.person("taxon", "gone@taxon.example")
    chance, wanted = Random(2), list(MATTERS)
    tickets = [
        await desk.submit(
            "taxon",
            erased if number < ERASED else person,
            subject="Please look",
            body=text_of(wanted[number % len(wanted)], chance),
            origin=Origin.PRACTICE if number >= CORRECTED + ERASED else Origin.LIVE,
        )
        for number in range(CORRECTED + ERASED + PRACTISED)
    ]
    await desk.feed(triage, pool, lane_of(tickets[0]))
    for number, ticket in enumerate(tickets):
        origin = Origin.PRACTICE if number >= CORRECTED + ERASED else Origin.LIVE
        await desk.tell("taxon", ticket, tell.CategorySet(category=wanted[number % len(wanted)]), origin=origin)
    await intake.execute("DELETE FROM personal.people WHERE person = $1", erased)

    told = (await by_command(database, "--model", "category", "--switch-on"))["category"]
    assert (told["judged"], told["switched"], told["on"]) == (others + CORRECTED, True, True), (
        "the erased and what was done for practice teach nothing"
    )
    (event,) = await read_stream(intake, CATEGORY_STREAM)
    assert isinstance(event.data, ModelSet)
    assert "payslip" not in event.data.model_dump_json()
    assert await read_stream(intake, MODEL_STREAM) == of_priorities
    found = await classified(desk, triage, pool, person)
    assert (found.category, found.source, found.learned_from) == ("payroll", "learned", told["overridden"])
    assert found.rule_version.endswith("/taxonomy-1.1"), "so it can be judged again, bit for bit"
    again = taxonomy_of(event.data, event.version, secret)
    assert again is not None
    read = taught(again, secret, "taxon", "Please look", NEW, classify("Please look", NEW))
    assert (read.category, read.confidence) == (found.category, found.confidence)
    assert all(isinstance(word, Sealed) for word in found.words)
    await evaluated(database, QUIET, switch=False)
    assert (await classified(desk, triage, pool, person)).source == "unsure"


async def by_command(settings: Settings, *options: str) -> dict[str, dict[str, Any]]:
    """What `daybook triage evaluate` prints for programs."""
    command = (sys.executable, "-m", "services", "triage", "evaluate", "--json", *options)
    environment = {**os.environ, **environment_of(settings)}
    done = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
    printed, _ = await done.communicate()
    assert done.returncode == 0
    found: dict[str, dict[str, Any]] = json.loads(printed)
    return found


async def classified(desk: SmallDesk, triage: Triage, pool: Pool, person: UUID) -> tell.TicketClassified:
    """What a new ticket of the matter is classified as."""
    ticket = await desk.submit("taxon", person, subject="Please look", body=NEW)
    while await desk.feed(triage, pool, lane_of(ticket)):
        pass
    (found,) = [event.data for event in await facts(pool, ticket, "ticket.classified")]
    assert isinstance(found, tell.TicketClassified)
    return found


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
