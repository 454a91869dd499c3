"""`daybook import` against a real database: repeatable, longer files, who is who, quarantine, and clear refusals."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from contracts.catalogue import decode
from contracts.clients import ClientChanged, ClientRegistered, PutClient
from contracts.model import DESK
from contracts.subjects import client_stream, lane_of_client
from contracts.ticket import fold
from contracts.ticket_state import Held
from contracts.tickets import TicketSubmitted
from services.cli.app import Stop, build
from services.importing import job
from services.importing.translate import ticket_stream
from services.kit.clients import Author, put_client
from services.kit.log.append import Append, Appended, Appender, Backwards
from services.kit.log.read import heads, read_client, read_stream
from services.kit.postgres import Pool
from services.kit.settings import SECRETS, Settings
from tests.conftest import PoolOf

MAP = """
system: {system}
case: id
time: {{column: at, formats: [iso, "%d/%m/%Y"]}}
state: {{column: state, words: {{New: new, Active: open, Done: resolved, Shut: closed}}}}
client: {{column: company}}
requester: {{column: who, address: mail}}
actor: {{column: by}}
agent: {{column: has}}
note: remark
"""
HEADER = "id,at,state,company,who,mail,by,has,remark\n"
ROWS = [
    "1,2026-01-05T10:00Z,New,Acme,Ann,ann@acme.example,Bo,,\n",
    "1,2026-01-05T11:00Z,Active,Acme,Ann,ann@acme.example,Bo,Cy,looked at it\n",
    "2,2026-01-05T11:30Z,New,ACME,Ann,,Bo,,\n",
    "3,2026-01-05T11:40Z,New,,,,,,\n",
    "1,2026-01-06T09:00Z,Done,Acme,Ann,ann@acme.example,Cy,Cy,\n",
]


@pytest.fixture
def desk(database: Settings, tmp_path: Path) -> dict[str, str]:
    """The environment of a command that works on this module's database, with a quarantine of this test alone."""
    secrets = {name: getattr(database, name).get_secret_value() for name in SECRETS}
    return {
        **os.environ,
        "DAYBOOK_HOME": str(tmp_path / "home"),
        "DAYBOOK_DATABASE_URL": database.admin_dsn(),
        **{f"DAYBOOK_{name.upper()}": value for name, value in secrets.items()},
    }


async def run(desk: dict[str, str], file: Path, source: Path, *more: str) -> tuple[dict[str, Any], str, int]:
    """The command's JSON, the sentence with which it stopped, and its exit code; in a thread with a loop of its own."""
    arguments = ["import", str(file), "--map", str(source), "--json", *more]
    result = await asyncio.to_thread(CliRunner().invoke, build(), arguments, env=desk)
    if isinstance(result.exception, Stop):
        return {}, str(result.exception), 1
    if result.exception is not None:
        raise result.exception
    return json.loads(result.stdout), result.stderr, result.exit_code


def written(folder: Path, rows: list[str], system: str) -> tuple[Path, Path]:
    (folder / "log.csv").write_text(HEADER + "".join(rows))
    (folder / "map.yaml").write_text(MAP.format(system=system))
    return folder / "log.csv", folder / "map.yaml"


async def ticket(pool: Pool, system: str, case: str, client: str) -> Held:
    found = fold(await read_stream(pool, ticket_stream(system, case, lane_of_client(client))))
    assert isinstance(found, Held), f"{case} is not a ticket of {client}"
    return found


async def test_a_log_is_imported_once_however_often_it_is_given(
    desk: dict[str, str], tmp_path: Path, pool_of: PoolOf
) -> None:
    first, _, code = await run(desk, *written(tmp_path, ROWS, "once"))
    assert (code, first["tickets"], first["rows"], first["refused"], first["quarantine"]) == (0, 3, 5, [], None)
    assert sum(first["events_by_type"].values()) == first["events"]
    pool = await pool_of("reporting")
    before = await heads(pool)
    second, _, _ = await run(desk, *written(tmp_path, ROWS, "once"))
    assert (second["tickets"], second["events"], second["tickets_known"]) == (0, 0, 3)
    assert await heads(pool) == before


async def test_clients_of_like_names_get_slugs_and_prefixes_of_their_own(
    desk: dict[str, str], tmp_path: Path, pool_of: PoolOf
) -> None:
    await run(desk, *written(tmp_path, ROWS, "names"))
    pool = await pool_of("reporting")
    acme, other, none = [
        await ticket(pool, "names", case, client)
        for case, client in (("1", "acme"), ("2", "acme-2"), ("3", "imported"))
    ]
    assert len({acme.prefix, other.prefix, none.prefix}) == 3
    registered = await read_stream(pool, client_stream("acme-2"))
    assert [
        (event.data.name, event.origin, event.actor) for event in registered if isinstance(event.data, ClientRegistered)
    ] == [("ACME", "import", "system:import")]
    assert registered[0].occurred_at == other.opened_at, "the client is there when its first ticket is"


async def test_a_client_that_the_desk_has_already_is_taken_as_it_is(
    desk: dict[str, str], tmp_path: Path, pool_of: PoolOf
) -> None:
    pool = await pool_of("intake")
    author = Author("token:t", iter([ticket_stream("x", str(n), 0) for n in range(2)]).__next__)
    async with pool.acquire() as connection:
        await put_client(connection, "borealis", PutClient(name="Borealis", prefix="BORE"), author)
        await put_client(connection, "borealis", PutClient(name="Borealis AG", prefix="BORE"), author)
    rows = [row.replace("Acme", "Borealis") for row in ROWS[:2]]
    summary, _, _ = await run(desk, *written(tmp_path, rows, "known"))
    assert "client.registered" not in summary["events_by_type"]
    assert (await ticket(pool, "known", "1", "borealis")).prefix == "BORE"
    assert isinstance((await read_stream(pool, client_stream("borealis")))[-1].data, ClientChanged)


async def test_a_longer_file_adds_only_its_new_rows_and_what_lies_before_the_log_is_refused(
    desk: dict[str, str], tmp_path: Path, pool_of: PoolOf
) -> None:
    shorter, _, _ = await run(desk, *written(tmp_path, ROWS[:2], "longer"))
    late = "1,2026-01-05T10:30Z,Done,Acme,Ann,ann@acme.example,Bo,Cy,\n"
    longer, _, _ = await run(desk, *written(tmp_path, [late, *ROWS], "longer"))
    assert (shorter["tickets"], longer["tickets"], longer["tickets_known"]) == (1, 2, 1)
    assert [row["row"] for row in longer["refused"]] == [1]
    assert "before 2026-01-05T11:00:00Z, up to when the log already tells" in longer["refused"][0]["reason"]
    found = await ticket(await pool_of("reporting"), "longer", "1", "acme")
    assert (found.source_status, found.version) == ("Done", shorter["events_by_type"].get("ticket.submitted", 0) + 5)
    again, _, _ = await run(desk, *written(tmp_path, [late, *ROWS], "longer"))
    assert (again["events"], [row["row"] for row in again["refused"]]) == (0, [1])


async def test_a_ticket_whose_client_is_told_later_stays_where_the_first_file_put_it(
    desk: dict[str, str], tmp_path: Path, pool_of: PoolOf
) -> None:
    rows = ["9,2026-01-05T10:00Z,New,,Ann,,Bo,,\n", "9,2026-01-05T10:05Z,Active,Late,Ann,,Bo,,\n"]
    await run(desk, *written(tmp_path, rows[:1], "later"))
    longer, _, _ = await run(desk, *written(tmp_path, rows, "later"))
    assert (longer["tickets"], longer["tickets_known"], longer["events"]) == (0, 1, 1)
    assert (await ticket(await pool_of("reporting"), "later", "9", "imported")).source_status == "Active"


async def test_a_ticket_that_others_write_to_is_tried_again_and_in_the_end_refused_by_row(
    desk: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the log says to one ticket, the others are imported and every row is accounted for."""
    tries: Counter[str] = Counter()

    class Busy(Appender):
        async def append(self, append: Append) -> Appended:
            at = f"{append.events[0].occurred_at:%H:%M}"
            tries[at] += 1
            if isinstance(append.events[0].data, TicketSubmitted) and (
                at == "11:30" or (at == "10:00" and tries[at] < 3)
            ):
                raise Backwards("the event happened before the last one of its stream")
            return await super().append(append)

    monkeypatch.setattr(job, "Appender", Busy)
    done, _, code = await run(desk, *written(tmp_path, ROWS, "busy"))
    assert (code, done["tickets"], [row["row"] for row in done["refused"]]) == (0, 2, [3])
    assert "import again" in done["refused"][0]["reason"]
    monkeypatch.undo()
    again, _, code = await run(desk, *written(tmp_path, ROWS, "busy"))
    assert (code, again["tickets"], again["tickets_known"], again["refused"]) == (0, 1, 2, [])


async def test_people_are_registered_once_and_their_names_are_sealed(
    desk: dict[str, str], tmp_path: Path, pool_of: PoolOf
) -> None:
    rows = [row.replace("Acme", "Sealers").replace("ACME", "Sealers") for row in ROWS]
    await run(desk, *written(tmp_path, rows, "people"))
    pool = await pool_of("reporting")
    people = [event for event in await read_client(pool, "sealers", 0) if event.type == "person.registered"]
    assert len(people) == 2, "Ann is known by her address, and once more where the source gives none"
    agents = [event for event in await read_client(pool, DESK, 0, 100) if event.type == "agent.registered"]
    assert {event.actor for event in agents} == {"system:import"}
    rows_of_log = await pool.fetch("SELECT type, schema_version, payload FROM log.events")
    for word in (b"Ann", b"ann@acme.example", b"Bo", b"looked at it"):
        assert not any(b'"' + word + b'"' in row["payload"] for row in rows_of_log)
    for row in rows_of_log:
        decode(row["type"], row["schema_version"], row["payload"])


async def test_refused_rows_stand_in_a_quarantine_that_its_owner_alone_reads(
    desk: dict[str, str], tmp_path: Path
) -> None:
    rows = [*ROWS, "1,2026-02-30,Done,Acme,Ann,,Bo,,\n", ",2026-01-05T10:00Z,New,,,,,,\n", "4,2026-01-05,New,a,b\n"]
    summary, _, code = await run(desk, *written(tmp_path, rows, "bad"))
    assert (code, [row["row"] for row in summary["refused"]]) == (0, [6, 7, 8])
    quarantine = Path(summary["quarantine"])
    assert quarantine == tmp_path / "home/quarantine/import-log.jsonl"
    assert quarantine.stat().st_mode & 0o777 == 0o600
    entries = [json.loads(line) for line in quarantine.read_text().splitlines()]
    assert [(entry["row"], entry["reason"].split(":")[0]) for entry in entries] == [
        (6, "column at holds '2026-02-30', which is no possible time in the map's formats"),
        (7, "column id names no ticket"),
        (8, "it has 5 fields, fewer than the header's 9"),
    ]
    assert entries[0]["fields"]["who"] == "Ann"
    await run(desk, *written(tmp_path, ROWS, "bad"))
    assert not quarantine.exists(), "a file that is right by now leaves nothing behind"


async def test_a_check_writes_nothing(desk: dict[str, str], tmp_path: Path, pool_of: PoolOf) -> None:
    before = await heads(await pool_of("reporting"))
    summary, _, _ = await run(desk, *written(tmp_path, ROWS, "check"), "--check")
    assert (summary["rows"], summary["cases"], summary["events"]) == (5, 3, 0)
    assert await heads(await pool_of("reporting")) == before


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"DAYBOOK_DATABASE_URL": None}, "no desk is running in this home"),
        ({"DAYBOOK_DATABASE_URL": "postgresql://x@127.0.0.1:1/none"}, "database cannot be reached"),
        ({"DAYBOOK_ROLE_SECRET": "another"}, "run daybook provision"),
    ],
)
async def test_without_a_desk_the_command_says_so_in_one_sentence(
    desk: dict[str, str], tmp_path: Path, change: dict[str, str | None], sentence: str
) -> None:
    environment = {name: value for name, value in {**desk, **change}.items() if value is not None}
    _, said, code = await run(environment, *written(tmp_path, ROWS, "none"))
    assert code == 1
    assert sentence in said
    assert len(said.splitlines()) == 1


async def test_a_bad_file_and_a_bad_map_are_one_sentence_each(desk: dict[str, str], tmp_path: Path) -> None:
    file, source = written(tmp_path, ROWS, "bad")
    file.write_text("")
    _, said, code = await run(desk, file, source)
    assert (code, said) == (1, f"{file} is empty: export the log again")
    _, said, code = await run(desk, file, tmp_path / "none.yaml")
    assert code == 1
    assert said.startswith("there is no map")


async def test_what_is_still_open_is_adopted_once_and_worked_here_from_then_on(
    desk: dict[str, str], tmp_path: Path, pool_of: PoolOf
) -> None:
    plain, _, _ = await run(desk, *written(tmp_path, ROWS, "adopted"))
    assert (plain["still_open"], plain["adopted"]) == (2, 0)
    summary, _, _ = await run(desk, *written(tmp_path, ROWS, "adopted"), "--adopt")
    assert (summary["events"], summary["still_open"], summary["adopted"]) == (0, 2, 2)
    pool = await pool_of("intake")
    solved, taken = await ticket(pool, "adopted", "1", "acme"), await ticket(pool, "adopted", "2", "acme-2")
    assert (solved.adopted, taken.adopted) == (False, True)
    assert taken.promise is not None
    later = "2,2026-01-07T11:30Z,Active,ACME,Ann,,Bo,,\n"
    longer, _, _ = await run(desk, *written(tmp_path, [*ROWS, later], "adopted"), "--adopt")
    assert (longer["events"], longer["still_open"], longer["adopted"]) == (0, 0, 0)
    assert [(row["row"], "adopted" in row["reason"]) for row in longer["refused"]] == [(6, True)]
