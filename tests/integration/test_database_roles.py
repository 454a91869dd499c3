"""Each service's database role logs in and tries what it must not do; the reader sees the clients it named alone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import httpx
import pytest

from contracts.people import Role
from contracts.subjects import lane_of
from services.kit.access import Principal
from services.kit.settings import ROLES, Settings
from services.kit.settings import Role as DatabaseRole
from services.reporting import directory_routes, event_routes, subscriber_routes
from services.reporting.narrow import Narrow
from tests.conftest import PoolOf
from tests.integration.reporting_desk import ReportingDesk, reporting_api, reporting_desk

SERVICES: tuple[DatabaseRole, ...] = tuple(role for role in ROLES if role != "owner")

WHATEVER = {
    "an event changed": "UPDATE log.events SET type = 'x'",
    "an event deleted": "DELETE FROM log.events",
    "an event written past the append": "INSERT INTO log.events (lane) VALUES (1)",
    "a lane's head moved": "UPDATE log.lanes SET position = 0",
    "the owners of events changed": "INSERT INTO log.ownership (role, type) VALUES ('daybook_triage', 'ticket.closed')",
    "a command forgotten": "DELETE FROM log.commands",
    "a table made": "CREATE TABLE public.mine ()",
    "a schema made": "CREATE SCHEMA mine",
    "a role made": "CREATE ROLE mine",
    "another role taken": "SET ROLE daybook_owner",
    "a superuser's file read": "SELECT pg_read_file('/etc/passwd')",
    "a policy dropped": "DROP POLICY clients_named ON log.events",
    "policies switched off": "ALTER TABLE log.events DISABLE ROW LEVEL SECURITY",
    "the migrations' history changed": "DELETE FROM migration.applied",
}
ONLY: dict[str, tuple[str, set[DatabaseRole]]] = {
    "passwords read": ("SELECT password FROM intake.logins", {"intake"}),
    "tokens read": ("SELECT digest FROM access.tokens", {"intake", "reporting", "notification"}),
    "a token made": ("INSERT INTO access.tokens DEFAULT VALUES", {"intake"}),
    "sessions read": ("SELECT id FROM desk.sessions", {"desk"}),
    "persons' keys read": (
        "SELECT wrapped FROM personal.people", {"intake", "triage", "notification", "reporting"}
    ),
    "a person's key removed": ("DELETE FROM personal.people WHERE false", {"intake"}),
    "letters written": ("DELETE FROM notification.outbox WHERE false", set()),
    "letters claimed": ("UPDATE notification.outbox SET attempts = 0 WHERE false", {"notification"}),
    "the queue written": ("UPDATE reporting_queue.tickets SET number = 0 WHERE false", {"reporting"}),
    "words read": ("SELECT words FROM reporting_search.words", {"reporting"}),
    "a lease taken": ("UPDATE log.leases SET epoch = 0 WHERE false", {"relay", "triage", "notification"}),
    "a cursor moved": (
        "UPDATE log.cursors SET position = 0 WHERE false", {"triage", "notification", "reporting"}
    ),
    "watermarks moved": ("SELECT log.beat('{1}')", {"relay"}),
    "the append called": (
        "SELECT log.append('{}', '{}', '{}')", {"intake", "triage", "notification"}
    ),
    "a receiver's address read": ("SELECT url FROM notification.webhooks", {"notification"}),
    "a receiver's secret read": ("SELECT wrapped FROM notification.webhook_secrets", {"notification"}),
    "the master's secrets read": ("SELECT wrapped FROM personal.secrets", {"intake"}),
    "a mail in quarantine read": ("SELECT count(*) FROM intake.quarantine", {"intake"}),
    "loads written": ("DELETE FROM triage.assignments WHERE false", {"triage"}),
    "routes of clients read": ("SELECT told FROM triage.routes", {"triage"}),
    "a subscriber made": ("INSERT INTO access.bus_subscribers DEFAULT VALUES", {"intake"}),
}  # fmt: skip


@pytest.fixture(scope="module")
async def desk(database: Settings) -> AsyncIterator[ReportingDesk]:
    async with reporting_desk(database, seed=11, clients=("acme", "bolt", "zinc")) as made:
        await made.open()
        await made.tell(12)
        await made.feed()
        yield made


@pytest.mark.parametrize("what", WHATEVER)
async def test_what_no_service_may_do(pool_of: PoolOf, what: str) -> None:
    for role in SERVICES:
        pool = await pool_of(role)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(WHATEVER[what])


@pytest.mark.parametrize("what", ONLY)
async def test_what_only_some_may_do(pool_of: PoolOf, what: str) -> None:
    statement, allowed = ONLY[what]
    for role in SERVICES:
        try:
            await (await pool_of(role)).execute(statement)
        except asyncpg.InsufficientPrivilegeError:
            assert role not in allowed, f"{role} cannot: {what}"
        except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError):
            assert role in allowed, f"{role} came as far as a check: {what}"
        else:
            assert role in allowed, f"{role} may: {what}"


TABLES = (
    "log.events", "log.counters", "reporting_queue.tickets", "reporting_queue.history", "reporting_queue.counts",
    "reporting_queue.days", "reporting_directory.clients", "reporting_directory.people",
)  # fmt: skip


@pytest.mark.parametrize("table", TABLES)
async def test_the_reader_sees_rows_of_the_clients_it_named_alone(
    desk: ReportingDesk, pool_of: PoolOf, table: str
) -> None:
    everything, reader = f"SELECT DISTINCT client FROM {table}", await pool_of("reader")
    assert {row["client"] for row in await desk.reporting.fetch(everything)} >= {"acme", "bolt", "zinc"}
    narrow = Narrow(reader)
    for named in (("acme",), ("bolt", "zinc"), ("nobody",)):
        seen = {row["client"] for row in await narrow.to(named).fetch(everything)}
        assert seen - {"_desk"} == set(named) - {"nobody"}
    async with reader.acquire() as connection:
        await connection.execute("RESET daybook.clients")
        assert await connection.fetch(everything) == []


GUARDED = """
    SELECT c.oid::regclass::text AS name, c.relrowsecurity AS guarded,
           EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND NOT p.polpermissive
                   AND 'daybook_reader'::regrole = ANY (p.polroles)) AS ruled
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'client' AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p') AND has_table_privilege('daybook_reader', c.oid, 'SELECT')
"""


async def test_whatever_the_reader_may_read_of_clients_is_under_row_level_security(desk: ReportingDesk) -> None:
    """Tables that are added tomorrow, too. Who a reference's prefix belongs to is told to everybody who may read."""
    rows = await desk.owner.fetch(GUARDED)
    open_to_all = {row["name"] for row in rows if not (row["guarded"] and row["ruled"])}
    assert open_to_all == {"access.prefixes"}
    assert {row["name"] for row in rows} >= set(TABLES)


async def test_a_search_knows_the_clients_itself_and_uses_its_index(desk: ReportingDesk, pool_of: PoolOf) -> None:
    narrow = Narrow(await pool_of("reader"))
    lexeme = await desk.reporting.fetchval("SELECT word FROM ts_stat('SELECT words FROM reporting_search.words')"
                                           " WHERE ndoc >= 6 ORDER BY ndoc DESC LIMIT 1")  # fmt: skip
    asked = "SELECT DISTINCT e.client FROM reporting.words_found(quote_literal($1)::tsquery, $2, 'infinity', 1000) w"
    asked += " JOIN reporting_queue.tickets e ON e.lane = w.lane AND e.ticket = w.ticket"
    everybody = ["acme", "bolt", "zinc"]
    assert {row["client"] for row in await narrow.to(everybody).fetch(asked, lexeme, everybody)} == set(everybody)
    assert {row["client"] for row in await narrow.to(["acme"]).fetch(asked, lexeme, everybody)} == {"acme"}
    assert {row["client"] for row in await narrow.to(everybody).fetch(asked, lexeme, ["bolt"])} == {"bolt"}
    assert await narrow.to(["nobody"]).fetch(asked, lexeme, everybody) == []


async def test_row_level_security_costs_the_whole_desk_nothing(desk: ReportingDesk) -> None:
    plan = "\n".join(
        row[0] for row in await desk.reporting.fetch(
            "EXPLAIN SELECT 1 FROM reporting_search.words w WHERE w.words @@ 'printer'::tsquery AND w.client = 'acme'"
        )
    )  # fmt: skip
    assert "clients_seen" not in plan
    async with desk.reporting.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")
        plan = "\n".join(
            row[0] for row in await connection.fetch(
                "EXPLAIN SELECT 1 FROM reporting_search.words w WHERE w.words @@ 'printer'::tsquery"
            )
        )  # fmt: skip
    assert "words_by_word" in plan


async def test_lists_letters_and_clocks_that_forget_the_client_show_none_of_another(
    desk: ReportingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each route's own rule is taken away; what the database itself holds back is left."""
    born = {event.client: event.stream for event in await desk.log() if event.type == "ticket.submitted"}
    for number, (client, ticket) in enumerate(born.items()):
        await desk.owner.execute(
            "INSERT INTO notification.mailbox"
            " VALUES ($1, $2, now(), $3, $2, 'X-1', $4, 'receipt', 'en', '<m>', '{}', '{}')",
            lane_of(ticket), ticket, client, UUID(int=number),
        )  # fmt: skip
    monkeypatch.setattr(directory_routes, "clients_seen", lambda client, caller: None)
    monkeypatch.setattr(Principal, "may_see", lambda caller, client: True)
    everybody, acme = await desk.token(Role.AGENT), await desk.token(Role.AGENT, "acme")
    async with reporting_api(desk, everybody) as (whole, app):
        of_acme = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url=str(whole.base_url),
            headers={"Authorization": f"Bearer {acme}"},
        )
        async with of_acme as scoped:
            for http, seen in ((whole, {"acme", "bolt", "zinc"}), (scoped, {"acme"})):
                letters = (await http.get("/api/v1/mailbox", params={"limit": 200})).json()["items"]
                assert {letter["client"] for letter in letters} == seen
                assert {row["id"] for row in (await http.get("/api/v1/clients")).json()["items"]} - {"_desk"} == seen
                assert (await http.get("/api/v1/agents")).json()["items"]
                for client, ticket in born.items():
                    found = 200 if client in seen else 404
                    assert (await http.get(f"/api/v1/clients/{client}")).status_code == found
                    assert (await http.get(f"/api/v1/tickets/{ticket}/clocks")).status_code == found


async def test_followers_that_forget_the_client_are_told_of_no_other(
    desk: ReportingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GET /events and /subscribers: each route's own rule is taken away, and the database's is left."""
    for number, client in enumerate(("acme", "bolt")):
        await desk.owner.execute(
            "INSERT INTO log.outside_subscribers (lane, kind, name, client) VALUES ($1, 'nats', $2, $2)", number, client
        )
        await desk.owner.execute(
            "WITH made AS (INSERT INTO notification.webhooks (webhook, name, url, client, author)"
            " VALUES ($1, $2, 'https://receiver.example/x', $2, 'agent:x') RETURNING webhook)"
            " INSERT INTO notification.webhook_places (lane, webhook, place) SELECT $3, webhook, 0 FROM made",
            UUID(int=number), client, number,
        )  # fmt: skip
    monkeypatch.setattr(event_routes, "_clients", lambda client, caller: (client,) if client else ("acme", "bolt"))
    forgetful = {name: text.replace("$1::text[] IS NULL OR", "true OR $1::text[] IS NULL OR")
                 for name, text in subscriber_routes.SQL.items()}  # fmt: skip
    monkeypatch.setattr(subscriber_routes, "SQL", forgetful)
    for clients, seen in (((), {"acme", "bolt"}), (("acme",), {"acme"})):
        for role in (Role.SUBSCRIBER, Role.MANAGER):
            async with reporting_api(desk, await desk.token(role, *clients)) as (http, _):
                lines = (await http.get("/api/v1/events", params={"limit": 1000})).text.splitlines()
                assert {json.loads(line)["client"] for line in lines} == seen
                assert bool((await http.get("/api/v1/events?client=bolt")).text) == ("bolt" in seen)
                assert (await http.get("/api/v1/events?client=bolt&after=now")).status_code == 200
                if role is Role.MANAGER:
                    items = (await http.get("/api/v1/subscribers")).json()["items"]
                    assert {item["client"] for item in items if item["kind"] in {"webhook", "nats"}} == seen
