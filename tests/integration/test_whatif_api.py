"""POST /whatif: a replay in a process of its own, watched until it is done, kept, cancelled, seen by its own alone."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from uuid_utils.compat import uuid7

from contracts.people import Role
from services.cli.clients import read
from services.cli.terms import Terms, shipped
from services.kit.access.tokens import NewToken, make_token
from services.kit.personal import Vault
from services.kit.settings import Settings
from services.reporting.app import open_app
from tests.bench.quarter import END, START, Quarter
from tests.conftest import PoolOf

PATIENCE_SECONDS = 120.0
QUESTION: dict[str, Any] = {"from": START.isoformat(), "to": END.isoformat(), "set": ["resolution=2h"]}


@dataclass
class Api:
    http: httpx.AsyncClient
    tokens: dict[str, str]

    async def __call__(self, method: str, path: str, body: Any = None, *, who: str = "manager") -> httpx.Response:
        headers = {"authorization": f"Bearer {self.tokens[who]}"}
        return await self.http.request(method, path, json=body, headers=headers)

    async def until(self, path: str, *states: str) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            said: dict[str, Any] = (await self("GET", path)).json()
            if said["state"] in states:
                return said
            assert time.monotonic() < end, said
            await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
async def api(database: Settings, pool_of: PoolOf) -> AsyncIterator[Api]:
    intake, triage = await pool_of("intake"), await pool_of("triage")
    dice = random.Random(3).randbytes
    vault = Vault(intake, database.master_key_bytes, new_id=uuid7, random_bytes=dice, monotonic=time.monotonic)
    terms = Terms.model_validate(read(shipped(Path("operations"))).desk)
    await (await Quarter.begin(intake, triage, vault, ("acme", "bolt"), terms)).write(60)
    tokens = {
        name: await make_token(intake, NewToken(id=uuid7(), name=name, role=role, clients=clients))
        for name, role, clients in (
            ("manager", Role.MANAGER, None),
            ("acme", Role.MANAGER, ("acme",)),
            ("agent", Role.AGENT, None),
        )
    }
    async with open_app(database) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://desk.example") as http:
            yield Api(http, tokens)


async def test_a_replay_is_asked_for_watched_and_read(api: Api) -> None:
    asked = await api("POST", "/api/v1/whatif", QUESTION)
    assert asked.status_code == 202, asked.text
    path = asked.json()["status_url"]
    assert asked.headers["location"] == path
    done = await api.until(path, "done", "failed")
    assert done["state"] == "done", done["problem"]
    result = done["result"]
    assert {place["client"] for place in result["clients"]} == {"acme", "bolt"}
    assert sum(row["gained"] for row in result["total"]) == len(result["changes"]) > 0
    again = await api("POST", "/api/v1/whatif", QUESTION | {"snapshot": result["snapshot"]})
    assert (await api.until(again.json()["status_url"], "done"))["result"]["changes"] == result["changes"]
    (newest, *_) = (await api("GET", "/api/v1/whatif?limit=1")).json()["items"]
    assert (newest["id"], newest["result"]) == (again.json()["id"], None)


async def test_a_manager_of_one_client_replays_that_one_and_sees_no_other_replay(api: Api) -> None:
    others = (await api("POST", "/api/v1/whatif", QUESTION)).json()["status_url"]
    assert (await api("GET", others, who="acme")).status_code == 404
    assert (await api("DELETE", others, who="acme")).status_code == 404
    refused = await api("POST", "/api/v1/whatif", QUESTION | {"clients": ["bolt"]}, who="acme")
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_client")
    own = (await api("POST", "/api/v1/whatif", QUESTION, who="acme")).json()["status_url"]
    done = await api.until(own, "done", "failed")
    assert done["state"] == "done", done["problem"]
    assert [place["client"] for place in done["result"]["clients"]] == ["acme"]
    assert [item["clients"] for item in (await api("GET", "/api/v1/whatif", who="acme")).json()["items"]] == [["acme"]]
    await api.until(others, "done")


async def test_a_replay_is_cancelled_and_forgotten(api: Api) -> None:
    path = (await api("POST", "/api/v1/whatif", QUESTION)).json()["status_url"]
    assert (await api("DELETE", path)).status_code == 204
    assert (await api.until(path, "cancelled"))["result"] is None
    assert (await api("DELETE", path)).status_code == 204
    assert (await api("GET", path)).status_code == 404


async def test_what_a_dead_process_left_is_said_to_have_failed(api: Api, pool_of: PoolOf) -> None:
    pool = await pool_of("reporting")
    left = uuid7()
    await pool.execute(
        "INSERT INTO reporting.whatif (id, asked_by, asked, state, beat_at) "
        "VALUES ($1, 'somebody', '{}', 'running', clock_timestamp() - interval '1 hour')",
        left,
    )
    path = (await api("POST", "/api/v1/whatif", QUESTION)).json()["status_url"]
    said = (await api("GET", f"/api/v1/whatif/{left}")).json()
    assert (said["state"], "ask again" in said["problem"]) == ("failed", True)
    await api("DELETE", path)


@pytest.mark.parametrize(
    ("more", "code", "field"),
    [
        ({"set": ["P9.resolution=4h"]}, "invalid_field", "set"),
        ({"set": []}, "invalid_field", None),
        ({"to": START.isoformat()}, "invalid_field", None),
        ({"polcy": {}}, "unknown_field", "polcy"),
        ({"set": ["promise=4h"]}, "invalid_field", "set"),
    ],
)
async def test_a_bad_question_is_refused_with_its_field(
    api: Api, more: dict[str, Any], code: str, field: str | None
) -> None:
    answer = await api("POST", "/api/v1/whatif", QUESTION | more)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    if field is not None:
        assert answer.json()["field"] == field


async def test_an_agent_may_not_ask(api: Api) -> None:
    assert (await api("POST", "/api/v1/whatif", QUESTION, who="agent")).status_code == 403
