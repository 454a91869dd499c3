"""A desk is proven sound while it works; a view, a key, an answer or a mail that is not what it should be is named."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from contracts.people import PersonErased
from contracts.subjects import lane_of, lane_of_client
from services.kit.keyring import MasterKeys
from services.kit.log.walk import NO_LANE
from services.kit.settings import Settings
from services.proving.prove import Proof, Step, prove
from tests.integration.reporting_desk import ReportingDesk, reporting_desk
from tests.integration.reporting_history import START

CLIENTS = ("acme", "globex", "initech")


@pytest.fixture(scope="module")
async def desk(database: Settings) -> AsyncIterator[ReportingDesk]:
    async with reporting_desk(database, 23, CLIENTS) as opened:
        await opened.tell(20)
        await opened.feed(batch=50)
        yield opened


async def proven(desk: ReportingDesk, told: list[Step] | None = None, **options: bool) -> Proof:
    keys = MasterKeys(desk.settings.master_key_bytes)
    return await prove(desk.owner, desk.settings, keys, (told if told is not None else []).append, **options)


async def test_a_sound_desk_is_proven_with_its_views(desk: ReportingDesk) -> None:
    told: list[Step] = []
    proof = await proven(desk, told)
    assert proof.faults == []
    assert proof.notes == []
    assert proof.events == len(await desk.log()) > 100
    assert {view.view for view in proof.views if view.same and view.live == view.fresh != ""} == {
        "queue", "search", "directory", "sla", "incidents",
    }  # fmt: skip
    assert [view.live for view in proof.views] == [await desk.checksum(view.view) for view in proof.views]
    assert {step.phase for step in told} >= {"log", "queue", "search", "directory"}


async def test_a_desk_that_goes_on_writing_is_proven_all_the_same(desk: ReportingDesk) -> None:
    async def work() -> None:
        for _ in range(6):
            await desk.tell(3)
            await desk.feed(batch=20)

    working = asyncio.create_task(work())
    proofs = []
    while not working.done():
        proofs.append(await proven(desk))
    await working
    assert [proof.faults for proof in proofs] == [[] for _ in proofs]
    assert proofs[-1].events > proofs[0].events or len(proofs) == 1


@pytest.mark.parametrize(
    ("change", "view"),
    [
        ("UPDATE reporting_queue.tickets SET exchanges = exchanges + 1", "queue"),
        ("DELETE FROM reporting_queue.history WHERE ctid = (SELECT min(ctid) FROM reporting_queue.history)", "queue"),
        ("UPDATE reporting_queue.counts SET tickets = tickets + 1", "queue"),
        ("DELETE FROM reporting_search.words WHERE ctid = (SELECT min(ctid) FROM reporting_search.words)", "search"),
        ("UPDATE reporting_directory.agents SET role = 'manager'", "directory"),
        ("UPDATE reporting_sla.pauses SET messages = messages + 1", "sla"),
    ],
)
async def test_a_view_that_is_not_the_log_is_named(desk: ReportingDesk, change: str, view: str) -> None:
    tables = ("tickets", "history", "counts", "words", "agents", "pauses")
    table = next(f"reporting_{view}.{name}" for name in tables if f"reporting_{view}.{name}" in change)
    await desk.owner.execute(f"CREATE TABLE kept AS TABLE {table}")
    await desk.owner.execute(change)
    proof = await proven(desk)
    await desk.owner.execute(f"DELETE FROM {table}")
    await desk.owner.execute(f"INSERT INTO {table} SELECT * FROM kept")
    await desk.owner.execute("DROP TABLE kept")
    assert [fault.lane for fault in proof.faults] == [NO_LANE]
    assert f"run daybook rebuild {view}" in proof.faults[0].what
    assert (await proven(desk)).sound


async def test_what_the_doors_accepted_is_looked_for(desk: ReportingDesk) -> None:
    lane, stream = lane_of_client("acme"), (await desk.log())[0].stream
    columns = "lane, scope, command, fingerprint, answer, recorded_at"
    put = f"INSERT INTO log.commands ({columns}) VALUES ($1, $2, $3, '', $4, now())"
    good, fine = [200, str(stream), 1, "new", None], [200, {"id": str(stream), "version": 1}]
    answers = {"good": good, "fine": fine, "lost": [201, str(uuid4()), 1, "new", None], "odd": {}}
    for name, answer in answers.items():
        at = lane_of(stream) if name in {"good", "fine"} else lane
        await desk.owner.execute(put, at, "token acme", name, json.dumps(answer).encode())
    put = "INSERT INTO intake.mails (lane, key, outcome, client) VALUES ($1, $2, $3, 'acme')"
    for outcome in ("ticket", "quarantine"):
        await desk.owner.execute(put, lane, b"k" * 32, outcome)
    proof = await proven(desk, views=False)
    await desk.owner.execute("DELETE FROM log.commands")
    await desk.owner.execute("DELETE FROM intake.mails")
    assert proof.doors.commands == 4
    assert [fault.lane for fault in proof.faults] == [lane] * 4
    assert [part for part in ("'lost'", "'odd'", "is in no ticket", "is in no quarantine")
            if not any(part in fault.what for fault in proof.faults)] == []  # fmt: skip


async def test_a_lost_key_and_a_key_that_nobody_opens_are_named(desk: ReportingDesk) -> None:
    (known, *_) = [event for event in await desk.log() if event.type == "person.registered"]
    row = await desk.owner.fetchrow("DELETE FROM personal.people WHERE person = $1 RETURNING *", known.stream)
    assert row is not None
    put = "INSERT INTO personal.people (lane, person, client, handle, wrapped) VALUES ($1, $2, $3, $4, $5)"
    lost = await proven(desk, views=False)
    await desk.owner.execute(put, *tuple(row)[:4], bytes(60))
    shut = await proven(desk, views=False)
    await desk.owner.execute("DELETE FROM personal.people WHERE person = $1", known.stream)
    await desk.owner.execute(put, *tuple(row))
    for proof, words in ((lost, "nobody erased"), (shut, "no master key opens")):
        assert [(fault.lane, fault.position) for fault in proof.faults] == [(known.lane, known.position)]
        assert words in proof.faults[0].what


async def test_an_erasure_on_its_way_to_the_views_is_no_fault(desk: ReportingDesk) -> None:
    (known, *_) = [event for event in await desk.log() if event.type == "person.registered"]
    await desk.owner.execute("DELETE FROM personal.people WHERE person = $1", known.stream)
    erased = PersonErased(person=known.stream)
    await desk.writer.write(known.client, known.stream, [(START.replace(year=2030), erased, None)])

    before = await proven(desk)
    await desk.feed()
    after = await proven(desk)

    assert before.faults == after.faults == []
    assert len(before.notes) == 5
    assert "an erasure has not reached it yet" in before.notes[0]
    assert after.notes == []


async def command(desk: ReportingDesk, *arguments: str) -> tuple[int, Any, str]:
    environment = {**os.environ, "DAYBOOK_HOME": str(desk.settings.home)}
    if "--export" not in arguments:
        environment["DAYBOOK_DATABASE_URL"] = desk.settings.admin_dsn()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services", "verify", "--json", *arguments,
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await process.communicate()
    return process.returncode or 0, json.loads(out) if out else None, errors.decode()


CUT = ("events", "lanes", "counters")
COUNTED_AGAIN = """
UPDATE log.counters c SET (sequence, number) = (
    SELECT max(e.sequence), coalesce(max(e.number), 0) FROM log.events e WHERE e.lane = c.lane AND e.client = c.client)
WHERE c.lane = $1"""


async def cut_off(desk: ReportingDesk, lane: int) -> int:
    """Takes a lane's last event away as a clever hand would: head and counters are those of a log that never was
    longer. The position that is the last one now."""
    async with desk.owner.acquire() as connection, connection.transaction():
        for table in CUT:
            await connection.execute(f"CREATE TABLE cut_{table} AS TABLE log.{table}")
        last: int = await connection.fetchval("SELECT position - 1 FROM log.lanes WHERE lane = $1", lane)
        await connection.execute("DELETE FROM log.events WHERE lane = $1 AND position > $2", lane, last)
        await connection.execute(
            "UPDATE log.lanes l SET position = e.position, hash = e.hash FROM log.events e "
            "WHERE l.lane = $1 AND e.lane = $1 AND e.position = $2", lane, last,
        )  # fmt: skip
        await connection.execute(COUNTED_AGAIN, lane)
    return last


async def test_the_command_signs_what_it_has_verified_and_sees_a_tail_cut_off(
    desk: ReportingDesk, tmp_path: Path
) -> None:
    file = tmp_path / "heads.json"
    code, said, errors = await command(desk, "--sign", str(file))
    assert (code, said["sound"], said["faults"]) == (0, True, []), errors
    lane = lane_of_client("acme")
    last = await cut_off(desk, lane)

    blind, _, _ = await command(desk, "--no-views", "--database-url", desk.settings.admin_dsn())
    code, said, errors = await command(desk, "--no-views", "--signed", str(file))
    for table in CUT:
        await desk.owner.execute(f"DELETE FROM log.{table}")
        await desk.owner.execute(f"INSERT INTO log.{table} SELECT * FROM cut_{table}")
        await desk.owner.execute(f"DROP TABLE cut_{table}")

    assert blind in {0, 1}  # its views are ahead of the log then, where they had come so far
    assert code == 1, errors
    assert {"lane": lane, "position": last + 1} in [
        {"lane": fault["lane"], "position": fault["position"]} for fault in said["faults"] if "cut off" in fault["what"]
    ]
    file.write_text(file.read_text().replace(f'"position": {last + 1}', f'"position": {last}', 1))
    code, _, errors = await command(desk, "--no-views", "--signed", str(file))
    assert (code, "changed after it was signed" in errors) == (1, True)
