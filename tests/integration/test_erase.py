"""A person is erased: what intake holds goes at once, what others hold when they see it, and counts and times stay."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from uuid_utils.compat import uuid7

from contracts import tickets as tell
from contracts.envelope import Origin
from contracts.people import Role
from contracts.subjects import LANES, lane_of, lane_of_client
from services.embedded.place import Place
from services.erasing.compact import NotNow, compact
from services.intake.edge import Stamp
from services.intake.erasure import erase
from services.kit.keyring import MasterKeys
from services.kit.log.append import Append, NewEvent, NotAppended, append_in
from services.kit.log.read import read_lane
from services.kit.personal import ERASED, HEARD_SECONDS
from services.kit.postgres import Pool, connect_pool
from services.kit.settings import Settings
from services.notification.handler import Notification
from services.proving.prove import prove
from services.reporting.app import SCHEMAS, open_app
from services.reporting.consumer import Views
from services.reporting.directory_view import DirectoryView
from services.reporting.incidents_view import IncidentsView
from services.reporting.keys import reading_vault
from services.reporting.queue_view import QueueView
from services.reporting.search_view import SearchView
from services.reporting.sla.tales import Tales
from services.reporting.sla.view import SlaView
from tests.integration.intake_desk import IntakeDesk, open_desk

FILE = {"name": "zebrafile.txt", "content": b64encode(b"zebracontent").decode()}

WORDS = ("subject", "requester_name")
"""What a row of the queue or the dashboard shows of a requester."""


@dataclass
class Whole:
    """Intake's and reporting's API over one database; the consumers are fed by hand."""

    settings: Settings
    desk: IntakeDesk
    http: httpx.AsyncClient
    owner: Pool
    views: Views
    pools: dict[str, Pool]
    fed: dict[int, int] = field(default_factory=dict)

    async def feed(self) -> None:
        letters = Notification(lambda: None)
        for lane in range(LANES):
            while events := await read_lane(self.owner, lane, self.fed.get(lane, 0)):
                for handler, name in ((self.views, "reporting"), (letters, "notification")):
                    async with self.pools[name].acquire() as connection, connection.transaction():
                        await handler.handle(lane, events, connection)
                self.fed[lane] = events[-1].position
                for name in ("reporting", "notification"):
                    await self.owner.execute(
                        "INSERT INTO log.cursors (lane, consumer, position) VALUES ($1, $2, $3) "
                        "ON CONFLICT (lane, consumer) DO UPDATE SET position = excluded.position",
                        lane, name, events[-1].position,
                    )  # fmt: skip

    async def get(self, path: str) -> Any:
        headers = {"authorization": f"Bearer {self.desk.administrator}"}
        answer = await self.http.get(f"/api/v1{path}", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json() if path.partition("?")[0] != "/events" else answer.text

    async def erase(self, person: UUID | str, *, token: str | None = None) -> httpx.Response:
        return await self.desk.send("DELETE", f"/people/{person}/data", token=token)

    async def requester(self, ticket: dict[str, Any]) -> UUID:
        born = (await self.desk.events(ticket["id"]))[0].data
        assert isinstance(born, tell.TicketSubmitted)
        return born.requester

    async def letter(self, person: UUID) -> None:
        """A kept letter, as the sender lays it into the mailbox."""
        await self.owner.execute(
            "INSERT INTO notification.mailbox VALUES ($1, $2, now(), 'acme', $2, 'ACME-1', $3, 'receipt', 'en', '<m>', "
            "'{}', '{}')", lane_of(person), uuid4(), person,
        )  # fmt: skip


@pytest.fixture(scope="module")
async def whole(database: Settings) -> AsyncIterator[Whole]:
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(open_desk(database))
        pools = {
            "reporting": await connect_pool(database, "reporting", size=3, server_settings={"search_path": SCHEMAS}),
            "notification": await connect_pool(database, "notification", size=2),
            "owner": await connect_pool(database, "owner", size=3),
        }
        search = SearchView(reading_vault(pools["reporting"], database))
        app = await stack.enter_async_context(open_app(database))
        http = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk.example")
        )
        tales = Tales()
        views = Views([DirectoryView(), QueueView(tales), SlaView(tales), search, IncidentsView()])
        yield Whole(database, desk, http, pools["owner"], views, pools)
        for pool in pools.values():
            await pool.close()


async def count(pool: Pool, table: str, person: UUID) -> int:
    found: int = await pool.fetchval(f"SELECT count(*) FROM {table} WHERE person = $1", person)
    return found


def unchanging(board: dict[str, Any]) -> dict[str, Any]:
    """A dashboard without what an erasure may change: a requester's own words, and the instant of asking."""
    soon = [{k: v for k, v in row.items() if k not in WORDS} for row in board["breaching_soon"]]
    return {k: v for k, v in board.items() if k != "fresh_at"} | {"breaching_soon": soon}


async def test_an_erased_person_is_gone_from_everything_and_the_figures_stay(whole: Whole) -> None:
    who = {"email": "zoe@zebra.example", "name": "Zoe Zebra"}
    ticket = await whole.desk.submit(
        requester=who, subject="Zebrasubject lost", body="Zebrabody here", attachments=[FILE]
    )  # fmt: skip
    await whole.desk.post(f"/tickets/{ticket['id']}/replies", {"body": "Dear Zoe, zebrareply", "status": "open"})
    await whole.desk.submit(subject="Of somebody else: zebrasubject")
    person = await whole.requester(ticket)
    await whole.feed()
    await whole.letter(person)
    queue, board = await whole.get("/queue"), await whole.get("/dashboard")
    story = await whole.get(f"/tickets/{ticket['reference']}/events")
    assert (await whole.get("/queue?q=zebrabody"))["total"] == 1
    assert "Zebra" in str(queue) + str(story)
    assert "Zebrasubject lost" in str(board["breaching_soon"]), "the dashboard shows whose promise is due next"

    answer = await whole.erase(person)
    assert answer.status_code == 200, answer.text
    await whole.feed()
    await asyncio.sleep(HEARD_SECONDS)

    seen = {
        "queue": await whole.get("/queue"),
        "ticket": await whole.get(f"/tickets/{ticket['reference']}"),
        "before": await whole.get(f"/tickets/{ticket['reference']}?as_of={quote(story['items'][0]['time'])}"),
        "story": await whole.get(f"/tickets/{ticket['reference']}/events"),
        "feed": await whole.get("/events?client=acme&limit=200"),
        "mailbox": await whole.get("/mailbox"),
        "dashboard": await whole.get("/dashboard"),
    }
    for name, shown in seen.items():
        for word in ("Zoe", "zoe@", "Zebrabody", "zebrareply", "Zebrasubject lost", "zebrafile"):
            assert word not in str(shown), (name, word)
    assert (await whole.get("/queue?q=zebrabody"))["total"] == 0
    assert (await whole.get("/queue?q=zebrasubject"))["total"] == 1, "words of others are still found"
    for table in ("personal.people", "intake.attachments", "notification.mailbox", "reporting_search.words",
                  "reporting_search.names"):  # fmt: skip
        assert await count(whole.owner, table, person) == 0, table
    assert seen["queue"]["counts"] == queue["counts"]
    assert unchanging(seen["dashboard"]) == unchanging(board)
    assert [(e["type"], e["time"]) for e in seen["story"]["items"]] == [(e["type"], e["time"]) for e in story["items"]]
    assert (seen["ticket"]["subject"], seen["ticket"]["status"]) == (ERASED, "open")
    assert seen["ticket"]["requester"] == {"id": str(person), "name": ERASED, "address": None}
    assert [item["requester_name"] for item in seen["queue"]["items"] if item["id"] == ticket["id"]] == [ERASED]


async def test_erasing_again_is_answered_the_same_and_appends_nothing(whole: Whole) -> None:
    ticket = await whole.desk.submit(requester={"email": "twice@zebra.example"})
    person = await whole.requester(ticket)
    answers = [*await asyncio.gather(*(whole.erase(person) for _ in range(4))), await whole.erase(person)]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({answer.text for answer in answers}) == 1
    assert [event.type for event in await whole.desk.events(person)] == ["person.registered", "person.erased"]


class Killed(Exception):
    """Stands for the end of the process, and so of the transaction."""


class Dying:
    """A connection whose process ends before it has asked so many times."""

    def __init__(self, connection: Any, times: int) -> None:
        self.connection, self.left = connection, times

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.connection, name)
        if name not in ("execute", "fetch", "fetchrow", "fetchval"):
            return found

        async def ask(*arguments: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                raise Killed
            return await found(*arguments)

        return ask


async def test_an_erasure_that_is_killed_anywhere_has_not_begun_and_can_be_asked_for_again(whole: Whole) -> None:
    ticket = await whole.desk.submit(requester={"email": "killed@zebra.example"}, attachments=[FILE])
    person = await whole.requester(ticket)
    by, times, erased = Stamp("token:t", Origin.LIVE, None, None), 0, None
    while erased is None:
        async with whole.desk.pool.acquire() as connection:
            dying: Any = Dying(connection, times)
            with suppress(Killed):
                erased = await erase(dying, person=person, client="acme", by=by, new_id=uuid7)
        kept = [await count(whole.owner, table, person) for table in ("personal.people", "intake.attachments")]
        types = [event.type for event in await whole.desk.events(person)]
        assert (kept, types[1:]) == (([1, 1], []) if erased is None else ([0, 0], ["person.erased"])), times
        times += 1
    assert times > 6


async def test_only_leaders_of_the_client_may_erase(whole: Whole) -> None:
    ticket = await whole.desk.submit(requester={"email": "guarded@zebra.example"})
    person = await whole.requester(ticket)
    for role, clients, status in (
        (Role.AGENT, (), 403), (Role.LEAD, (), 403), (Role.AUDITOR, (), 403), (Role.INTAKE, (), 403),
        (Role.MANAGER, ("bolt",), 404), (Role.MANAGER, ("acme",), 200),
    ):  # fmt: skip
        answer = await whole.erase(person, token=await whole.desk.token(role, *clients))
        assert answer.status_code == status, (role, clients, answer.text)
    for nobody in (uuid4(), "nobody"):
        assert (await whole.erase(nobody)).status_code == 404


async def test_who_comes_back_is_somebody_new_and_the_old_ticket_can_be_ended(whole: Whole) -> None:
    who = {"email": "back@zebra.example"}
    old = await whole.desk.submit(requester=who)
    person = await whole.requester(old)
    await whole.erase(person)
    new = await whole.desk.submit(requester=who)
    assert await whole.requester(new) != person
    closed = await whole.desk.post(f"/tickets/{old['id']}/close", {"reason": "withdrawn"})
    assert (closed.status_code, closed.json()["status"]) == (200, "closed"), closed.text


async def test_words_that_were_under_way_are_not_found_afterwards(whole: Whole) -> None:
    """Reporting still holds the opened key, and a writer seals with it a moment after the erasure."""
    ticket = await whole.desk.submit(requester={"email": "late@zebra.example"}, body="Zebraearly")
    person, stream = await whole.requester(ticket), UUID(ticket["id"])
    await whole.feed()
    assert (await whole.get("/queue?q=zebraearly"))["total"] == 1
    held = reading_vault(whole.owner, whole.settings)
    await held.load([person])
    await whole.erase(person)
    late = NewEvent(
        uuid7(), stream, ticket["version"] + 1, tell.NoteAdded(body="Zebralate"), "token:t", held.sealer(person)
    )
    async with whole.desk.pool.acquire() as connection:
        (result,) = await append_in(connection, [Append("acme", [late])])
    assert not isinstance(result, NotAppended)

    await whole.feed()

    assert (await whole.get("/queue?q=zebraearly"))["total"] == (await whole.get("/queue?q=zebralate"))["total"] == 0
    assert await count(whole.owner, "reporting_search.words", person) == 0
    proof = await prove(whole.owner, whole.settings, MasterKeys(whole.settings.master_key_bytes))
    assert (proof.faults, proof.notes) == ([], [])


async def test_a_quarantined_mail_of_theirs_is_emptied_and_still_accounted_for(whole: Whole) -> None:
    ticket = await whole.desk.submit(requester={"email": "mail@zebra.example"})
    person = await whole.requester(ticket)
    await whole.owner.execute(
        "INSERT INTO intake.quarantine (lane, id, key, reason, client, person, bytes, envelope, sealed) "
        "VALUES ($1, $2, 'k', 'loop', 'acme', $2, 4, 'envelope', 'mail')", lane_of_client("acme"), person,
    )  # fmt: skip
    await whole.erase(person)
    kept = "SELECT reason, bytes, envelope, sealed FROM intake.quarantine WHERE person = $1"
    row = await whole.owner.fetchrow(kept, person)
    assert row is not None
    assert tuple(row) == ("loop", 4, b"", b"")


async def test_one_of_the_desks_own_people_loses_login_and_sessions(whole: Whole) -> None:
    login = {"email": "zelda@desk.example", "password": "correct horse"}
    agent = (await whole.desk.post("/agents", login | {"name": "Zelda Zebra"})).json()["id"]
    session = (await whole.desk.post("/sessions", login)).json()["token"]
    await whole.owner.execute(
        "INSERT INTO desk.sessions (id, token, agent, name, role, level, csrf, expires_at) "
        "VALUES ('i', 't', $1, 'Zelda Zebra', 'agent', 'L1', 'c', now() + interval '1 hour')", UUID(agent),
    )  # fmt: skip
    manager = await whole.desk.token(Role.MANAGER)
    assert (await whole.erase(agent, token=manager)).status_code == 403
    assert (await whole.erase(agent)).status_code == 200
    assert (await whole.desk.post("/sessions", login)).status_code == 401
    assert await whole.owner.fetchval("SELECT count(*) FROM desk.sessions") == 0
    assert await whole.owner.fetchval("SELECT count(*) FROM intake.logins WHERE agent = $1", UUID(agent)) == 0
    revoked = await whole.owner.fetchval("SELECT revoked_at FROM access.tokens WHERE agent = $1", UUID(agent))
    assert revoked is not None
    assert session

    await whole.feed()
    assert agent not in str(await whole.get("/agents"))
    ticket = await whole.desk.submit()
    refused = await whole.desk.post(f"/tickets/{ticket['id']}/assignment", {"agent": agent})
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_agent"), refused.text


async def test_a_key_lost_or_come_back_is_put_right_by_erasing(whole: Whole) -> None:
    """As when the tables of two backups were mixed."""
    ticket = await whole.desk.submit(requester={"email": "mixed@zebra.example"})
    person = await whole.requester(ticket)
    row = await whole.owner.fetchrow("DELETE FROM personal.people WHERE person = $1 RETURNING *", person)
    assert row is not None
    assert (await whole.erase(person)).status_code == 200
    await whole.owner.execute("INSERT INTO personal.people VALUES ($1, $2, $3, $4, $5)", *row)
    assert (await whole.erase(person)).status_code == 200
    assert await count(whole.owner, "personal.people", person) == 0
    assert [event.type for event in await whole.desk.events(person)] == ["person.registered", "person.erased"]
    assert (await whole.erase(ticket["id"])).status_code == 404, "a ticket is nobody"


def files_with(word: bytes, folder: Path) -> list[str]:
    return [
        str(file.relative_to(folder))
        for file in sorted(folder.rglob("*"))
        if file.is_file() and word in file.read_bytes()
    ]


async def test_after_a_compaction_no_file_holds_their_words(whole: Whole, place: Place) -> None:
    """The whole folder of this database is searched: tables, indexes, what is too large for a page, statistics."""
    database = await whole.owner.fetchval("SELECT oid FROM pg_database WHERE datname = current_database()")
    folder = place.data / "postgres" / "base" / str(database)
    canaries = [f"zebracanary{letter}" for letter in "abcdefgh"]
    ticket = await whole.desk.submit(
        requester={"email": f"{canaries[0]}@zebra.example", "name": canaries[1]},
        subject=canaries[2], body=" ".join(canaries * 40),
    )  # fmt: skip
    person = await whole.requester(ticket)
    wrapped = await whole.owner.fetchval("SELECT wrapped FROM personal.people WHERE person = $1", person)
    await whole.feed()
    await whole.owner.execute("ANALYZE reporting_search.words")
    await whole.owner.execute("ANALYZE reporting_search.names")
    await checkpoint(whole)
    assert all(files_with(canary.encode(), folder) for canary in canaries)
    assert files_with(wrapped, folder)

    await whole.erase(person)
    async with whole.owner.acquire() as reader, reader.transaction(isolation="repeatable_read", readonly=True):
        await reader.fetchval("SELECT count(*) FROM reporting_search.words")
        await whole.feed()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("services.erasing.compact.PATIENCE_SECONDS", 0.6)
            with pytest.raises(NotNow, match="transaction that began before"):
                await compact(whole.settings)
    done = await compact(whole.settings)

    assert (done.erasures > 0, done.notes) == (True, [])
    for canary in canaries:
        assert files_with(canary.encode(), folder) == [], canary
    assert files_with(wrapped, folder) == []
    assert (await compact(whole.settings)).erasures == 0
    proof = await prove(whole.owner, whole.settings, MasterKeys(whole.settings.master_key_bytes))
    assert (proof.faults, proof.notes) == ([], [])


async def test_a_compaction_waits_for_the_views_and_says_so(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = await whole.desk.submit(requester={"email": "waits@zebra.example"})
    await whole.erase(await whole.requester(ticket))
    monkeypatch.setattr("services.erasing.compact.PATIENCE_SECONDS", 0.2)
    with pytest.raises(NotNow, match="has not seen every erasure yet"):
        await compact(whole.settings)
    await whole.feed()
    assert (await compact(whole.settings)).erasures == 1


async def checkpoint(whole: Whole) -> None:
    connection = await asyncpg.connect(whole.settings.admin_dsn())
    await connection.execute("CHECKPOINT")
    await connection.close()
