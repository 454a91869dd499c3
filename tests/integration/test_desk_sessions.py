"""Sessions on a real database: found by their cookie alone, and worth nothing to who copies the table."""

from __future__ import annotations

import secrets
from uuid import UUID

from services.desk.sessions import Sessions
from services.desk.shapes import Agent, SignedIn
from tests.conftest import PoolOf

AISHA = SignedIn(token="the-agents-bearer-token", agent=Agent(id=UUID(int=7), name="Aisha Rahmani", level="L1"))


async def test_a_cookie_finds_its_session_until_it_is_ended(pool_of: PoolOf) -> None:
    sessions = Sessions(await pool_of("desk"), secrets.token_bytes)
    cookie = await sessions.open(AISHA)
    found = await sessions.find(cookie)
    assert found is not None
    assert (found.name, found.token, found.agent) == ("Aisha Rahmani", "the-agents-bearer-token", UUID(int=7))
    await sessions.end(cookie)
    assert await sessions.find(cookie) is None


async def test_each_session_has_forms_of_its_own(pool_of: PoolOf) -> None:
    sessions = Sessions(await pool_of("desk"), secrets.token_bytes)
    found = [await sessions.find(await sessions.open(AISHA)) for _ in range(2)]
    assert len({session.csrf for session in found if session}) == 2


async def test_the_table_holds_neither_cookie_nor_token_nor_name(pool_of: PoolOf) -> None:
    pool = await pool_of("desk")
    cookie = await Sessions(pool, secrets.token_bytes).open(AISHA)
    rows = await pool.fetch("SELECT to_jsonb(s)::text AS columns, s.token, s.name FROM desk.sessions s")
    kept = b"".join(row["columns"].encode() + row["token"] + row["name"] for row in rows)
    assert cookie.encode() not in kept
    assert AISHA.token.encode() not in kept
    assert b"Aisha" not in kept


async def test_a_strange_cookie_is_nobodys(pool_of: PoolOf) -> None:
    assert await Sessions(await pool_of("desk"), secrets.token_bytes).find("a-cookie-of-somewhere-else") is None
