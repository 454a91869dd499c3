"""Good bodies, bent at random: every route answers with a success or a problem of its own, never with a fault."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from copy import deepcopy
from typing import Any

import pytest

from services.kit.settings import Settings
from services.kit.web.codes import CODES
from tests.integration.intake_desk import IntakeDesk, open_desk
from tests.integration.test_isolation import BODIES

TRIES = 60  # bent bodies of each route; the seed is the route, so that a failure comes again
ODD: tuple[Any, ...] = (
    *(
        None,
        True,
        0,
        -1,
        2**63,
        2**200,
        0.1,
        1e308,
        "",
        " ",
        "x" * 3000,
        "\u2028\U0001f600",
        "\\",
        "%00",
        "'; --",
        "_desk",
    ),
    *(
        [],
        [[]],
        {},
        {"": ""},
        [None] * 100,
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+23:59",
        "2026-02-30T00:00:00Z",
    ),
    *("00000000-0000-0000-0000-000000000000", "a@b", "@", "a@" + "b" * 300, "P1", "open", "resolved", "closed", "NaN"),
)


@pytest.fixture(scope="module")
async def desk(database: Settings) -> AsyncIterator[IntakeDesk]:
    async with open_desk(database) as opened:
        yield opened


def places(body: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place inside some JSON, from the outside in."""
    found = [path]
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, item in items:
        found += places(item, (*path, key))
    return found


def odd(chance: random.Random) -> Any:
    return deepcopy(chance.choice(ODD))


def bent(chance: random.Random, body: Any) -> Any:
    """The body with up to three of its parts replaced, taken out or added."""
    body = deepcopy(body)
    for _ in range(chance.randint(1, 3)):
        *way, last = chance.choice(places(body)) or ("",)
        inner = body
        for key in way:
            inner = inner[key]
        if not isinstance(inner, dict | list):
            return odd(chance)
        match chance.randrange(4):
            case 0 if isinstance(inner, dict):
                inner.pop(last, None)
            case 1 if isinstance(inner, dict):
                inner[chance.choice(("extra", "type", "sealed", "__class__"))] = odd(chance)
            case _ if last != "" or isinstance(inner, dict):
                inner[last] = odd(chance)
    return body


@pytest.mark.parametrize("route", [key for key in BODIES if key != "POST /sessions"])
async def test_a_bent_body_meets_a_success_or_a_problem(desk: IntakeDesk, route: str) -> None:
    method, _, path = route.partition(" ")
    chance = random.Random(route)
    for _ in range(TRIES):
        target = (await desk.submit())["id"] if "/tickets/" in path else "fresh"
        body = bent(chance, BODIES[route])
        response = await desk.send(method, path.replace("{}", target), body)
        if response.is_success:
            continue
        assert response.status_code < 500, (body, response.text)
        assert response.json()["code"] in CODES, body
        assert response.json()["code"] != "internal"
