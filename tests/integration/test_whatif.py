"""Policy replay on a real log: breaches gained and lost, priorities, erased persons; the same bytes again and again."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from asyncio.subprocess import PIPE
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from contracts.people import PersonErased
from services.cli.clients import read
from services.cli.radar_replay import replay as radar_replay
from services.cli.terms import Terms, shipped
from services.kit.log.append import Append, Appended, NewEvent, append_in
from services.kit.personal import Vault
from services.kit.refused import Refused
from services.kit.settings import Settings
from services.reporting.whatif.asked import WhatifQuestion
from services.reporting.whatif.child import revealed
from services.reporting.whatif.run import replay
from services.triage.radar.leader import secret_of
from tests.bench.quarter import END, START, Quarter
from tests.conftest import PoolOf

CLIENTS = ("acme", "bolt", "cargo")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
async def quarter(database: Settings, pool_of: PoolOf) -> Quarter:
    """150 tickets of three clients in the third quarter of 2026, under the shipped set `operations`."""
    intake, triage = await pool_of("intake"), await pool_of("triage")
    vault = Vault(
        intake,
        database.master_key_bytes,
        new_id=uuid7,
        random_bytes=random.Random(3).randbytes,
        monotonic=time.monotonic,
    )
    terms = Terms.model_validate(read(shipped(Path("operations"))).desk)
    found = await Quarter.begin(intake, triage, vault, CLIENTS, terms)
    await found.write(150)
    return found


def asked(**more: Any) -> WhatifQuestion:
    return WhatifQuestion.model_validate({"from": START, "to": END} | more)


async def answer(settings: Settings, question: WhatifQuestion, folder: Path, processes: int = 1) -> bytes:
    folder.mkdir(exist_ok=True)
    result = await replay(settings, question, folder, processes=processes)
    return b"".join(result.document())


async def test_a_shorter_target_gains_breaches_and_loses_none(
    database: Settings, quarter: Quarter, tmp_path: Path
) -> None:
    said = json.loads(await answer(database, asked(set=["P2.resolution=4h"]), tmp_path))
    (row,) = [row for row in said["total"] if row["metric"] == "resolution"]
    assert row["gained"] > 0
    assert row["lost"] == 0
    assert row["after"]["breached"] == row["before"]["breached"] + row["gained"]
    assert {change["metric"] for change in said["changes"]} == {"resolution"}
    assert len(said["changes"]) == sum(total["gained"] for total in said["total"])
    others = [total for total in said["total"] if total["metric"] != "resolution"]
    assert all(total["before"] == total["after"] for total in others)


async def test_the_same_bytes_come_again_by_more_processes_and_once_more_was_appended(
    database: Settings, quarter: Quarter, tmp_path: Path
) -> None:
    first = await answer(database, asked(set=["P2.resolution=4h"]), tmp_path / "first")
    again = WhatifQuestion.model_validate(json.loads(first)["asked"])
    await quarter.write(5)
    assert await answer(database, again, tmp_path / "second", processes=2) == first
    later = json.loads(await answer(database, asked(set=["P2.resolution=4h"]), tmp_path / "third"))
    assert later["tickets"] == json.loads(first)["tickets"] + 5


async def test_the_policy_that_was_in_force_changes_nothing(
    database: Settings, quarter: Quarter, tmp_path: Path
) -> None:
    desk = read(shipped(Path("operations"))).desk
    assert desk is not None
    said = json.loads(await answer(database, asked(policy=desk["policy"]), tmp_path))
    assert (said["changes"], all(row["before"] == row["after"] for row in said["total"])) == ([], True)


async def test_another_calendar_loses_breaches_and_one_client_is_read_alone(
    database: Settings, quarter: Quarter, tmp_path: Path
) -> None:
    hours = {day: ["08:00-10:00"] for day in ("mon", "tue", "wed", "thu", "fri")}
    calendars = [{"name": "default", "zone": "America/New_York", "hours": hours}]
    said = json.loads(await answer(database, asked(calendars=calendars, clients=["bolt"]), tmp_path))
    assert [place["client"] for place in said["clients"]] == ["bolt"]
    assert sum(row["lost"] for row in said["total"]) > 0
    assert {change["client"] for change in said["changes"]} == {"bolt"}


async def test_the_rules_that_ship_lower_nothing_and_lower_cuts_raise_more(
    database: Settings, quarter: Quarter, tmp_path: Path
) -> None:
    same = json.loads(await answer(database, asked(rules={}), tmp_path / "same"))["priorities"]
    # This log lacks the judgements that triage makes of reopenings and exchanges, so some tickets rise all the same.
    assert same["lowered"] == 0
    lower = {"name": "earlier", "urgency_cuts": [30, 10], "impact_cuts": [40, 20]}
    said = json.loads(await answer(database, asked(rules=lower), tmp_path / "lower"))["priorities"]
    assert (said["raised"] > same["raised"], said["lowered"]) == (True, 0)
    assert said["matrix"]["P3"]["P2"] > 0


async def test_an_erased_persons_tickets_are_not_judged_again_but_keep_their_clocks(
    database: Settings, quarter: Quarter, tmp_path: Path
) -> None:
    before = json.loads(await answer(database, asked(rules={}), tmp_path / "before"))
    person = quarter.clients["cargo"][0]
    async with quarter.intake.acquire() as connection:
        erased = NewEvent(uuid7(), person, 2, PersonErased(person=person), "system:test")
        (result,) = await append_in(connection, [Append("cargo", [erased])])
        assert isinstance(result, Appended), result
    said = json.loads(await answer(database, asked(rules={"urgency_cuts": [30, 10]}), tmp_path / "after"))
    gone = {change["client"] for change in said["changes"] if change["change"] == "not_rejudged"}
    assert gone == {"cargo"}
    (cargo,) = [row for row in said["priorities"]["clients"] if row["client"] == "cargo"]
    assert (cargo["raised"], cargo["not_rejudged"] > 0) == (0, True)
    (clocks,) = [place["metrics"] for place in said["clients"] if place["client"] == "cargo"]
    (lived,) = [place["metrics"] for place in before["clients"] if place["client"] == "cargo"]
    assert [row["before"] for row in clocks] == [row["before"] for row in lived]
    assert all(row["before"] == row["after"] for row in clocks)
    again = WhatifQuestion.model_validate(before["asked"])
    assert json.loads(await answer(database, again, tmp_path / "again")) == before


async def test_a_policy_that_names_an_unknown_calendar_is_refused(
    database: Settings, quarter: Quarter, tmp_path: Path
) -> None:
    policy = {"calendar": "night", "rows": [{"targets": {"resolution": "4h"}}]}
    with pytest.raises(Refused, match="has no calendar named 'night'"):
        await answer(database, asked(policy=policy), tmp_path)


async def run(database: Settings, command: str, folder: Path) -> str:
    """What a command of the README prints."""
    known = {f"DAYBOOK_{name.upper()}": str(text) for name, text in revealed(database).items()}
    child = await asyncio.create_subprocess_shell(
        command.replace(".venv/bin/daybook", f"{sys.executable} -m services"),
        env={**os.environ, **known, "PYTHONPATH": str(ROOT)},
        cwd=folder,
        stdout=PIPE,
        stderr=PIPE,
    )
    said, wrong = (stream.decode() for stream in await child.communicate())
    assert child.returncode == 0, wrong
    return said


async def test_one_command_answers_what_if_p2_had_four_hours(
    database: Settings, quarter: Quarter, tmp_path: Path
) -> None:
    asked_for = ".venv/bin/daybook whatif --set P2.resolution=4h --from 2026-07-01 --to 2026-10-01"
    said = await run(database, asked_for, tmp_path)
    assert "all clients" in said
    assert "resolution: breach gained" in said
    assert "events/s" in said


async def test_the_readmes_replays_run_as_they_stand_there(
    database: Settings, quarter: Quarter, tmp_path: Path
) -> None:
    section = (ROOT / "README.md").read_text().partition("daybook clients apply office  ")[2].partition("\n## ")[0]
    commands = [line for line in section.splitlines() if line.startswith(".venv/bin/daybook whatif")]
    assert len(commands) == 3
    said = [await run(database, command, tmp_path) for command in commands]
    assert "acme" in said[1]
    assert said[2] == (tmp_path / "answer.json").read_text()


async def test_the_radar_is_held_against_the_log_and_skips_erased_persons(database: Settings, quarter: Quarter) -> None:
    recorded_at = await quarter.intake.fetchval("SELECT min(recorded_at) FROM log.events WHERE number IS NOT NULL")
    end = datetime.now(UTC) + timedelta(days=1)
    secret = secret_of(database)
    found = await radar_replay(database, recorded_at, end, imported=False, secret=secret, silent=True)
    assert (found.tickets, found.erased, found.learned_from) == (155, 0, 0)
    later = await radar_replay(database, end, end + timedelta(days=1), imported=False, secret=secret, silent=True)
    assert (later.tickets, later.learned_from) == (0, 155)
    none = await radar_replay(database, recorded_at, end, imported=True, secret=secret, silent=True)
    assert none.tickets == 0
