"""Whatever is written, at the API and through triage: bounded, refused by name, or judged; nobody talks a way up."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from contracts import tickets as tell
from contracts.catalogue import encode
from contracts.subjects import lane_of
from contracts.terms import Priority, Tone
from services.kit.log.read import read_lane
from services.kit.postgres import Pool
from services.kit.settings import Settings
from services.triage.handler import Triage
from services.triage.tone_tables import load_tables
from tests.conftest import PoolOf
from tests.integration.intake_desk import IntakeDesk, open_desk, ticket
from tests.integration.small_desk import facts, vault_on

TABLES = load_tables()
MEGABYTE = 1_000_000


@pytest.fixture
async def desk(database: Settings) -> AsyncIterator[IntakeDesk]:
    async with open_desk(database) as found:
        yield found


class Fed:
    """Triage, fed from a lane as far as it has come."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._triage = Triage(vault_on(pool, settings), tables=TABLES, log_time=False, committed=lambda _: None)
        self._at: dict[int, int] = {}

    async def judged(self, told: dict[str, Any]) -> tell.TicketPrioritised:
        """The newest judgement of a ticket, once triage has read everything of its lane."""
        stream = UUID(told["id"])
        lane = lane_of(stream)
        while events := await read_lane(self._pool, lane, self._at.get(lane, 0), 500):
            async with self._pool.acquire() as connection, connection.transaction():
                await self._triage.handle(lane, events, connection)
            self._at[lane] = events[-1].position
        found = (await facts(self._pool, stream, "ticket.prioritised"))[-1].data
        assert isinstance(found, tell.TicketPrioritised)
        return found


@pytest.fixture
async def fed(pool_of: PoolOf, database: Settings) -> Fed:
    return Fed(await pool_of("triage"), database)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("", 422, "invalid_field"),
        ("x" * 2 * MEGABYTE, 413, None),
        ("word " * MEGABYTE, 413, None),
        ("x" * 200_001, 422, "invalid_field"),
        ("nul \0 byte", 422, "nul_byte"),
    ],
    ids=["empty", "two megabytes", "one word a million times", "a letter too long", "binary"],
)
async def test_what_is_no_text_or_too_much_of_it_is_refused_by_name(
    desk: IntakeDesk, body: str, status: int, code: str | None
) -> None:
    response = await desk.post("/tickets", ticket(body=body))
    assert response.status_code == status, response.text
    told = response.json()
    assert told["code"] == code or code is None
    assert told.get("remedy") or told.get("detail")


async def test_bytes_that_are_no_text_are_refused(desk: IntakeDesk) -> None:
    raw = json.dumps(ticket()).encode().replace(b"printer", b"\xff\xfe\x80")
    response = await desk.post("/tickets", raw, content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (400, "not_utf8")


STRANGE = {
    "mixed scripts": "Привет hello مرحبا 你好 שלום, der Drucker printer",
    "right to left": "\u202eretnirp eht\u202c لا أستطيع الطباعة",
    "zero width": "p\u200bass\u200cword\u2060 re\ufeffset",
    "look-alikes": "my раsswоrd is lосked",
    "combining": "Z\u0351\u036b" * 3_000,
    "emoji": "🔥🔥🔥 printer 😡😡",
    "one long word": "a" * 199_000,
    "a word many times": "urgent " * 28_000,
}


async def test_strange_texts_are_taken_and_judged_all_the_same(desk: IntakeDesk, fed: Fed) -> None:
    told = {name: await desk.submit(subject="It", body=body) for name, body in STRANGE.items()}
    for name, one in told.items():
        judged = await fed.judged(one)
        assert judged.inputs is not None, name
        assert judged.priority is not Priority.P1, name
        events = await desk.events(one["id"])
        tone = next(event.data for event in events if isinstance(event.data, tell.ToneDetected))
        assert tone.tone in set(Tone), name
    found = {
        name: next(e.data for e in await desk.events(one["id"]) if isinstance(e.data, tell.TicketClassified))
        for name, one in told.items()
    }
    assert found["zero width"].category == found["look-alikes"].category == "access"


async def test_words_that_show_a_tone_or_a_category_lie_sealed_in_the_log(desk: IntakeDesk, fed: Fed) -> None:
    one = await desk.submit(subject="Printer", body="You incompetent idiots, nobody can print since Monday!!!")
    await fed.judged(one)
    mine = [event for event in await desk.events(one["id"]) if event.actor == "system:triage"]
    assert {event.type for event in mine} == {"ticket.classified", "ticket.tone_detected", "ticket.prioritised"}
    stored = b"".join(encode(event.data) for event in mine)
    assert not [word for word in (b"idiots", b"Printer", b"Monday") if word.lower() in stored.lower()]
    tone = next(event.data for event in mine if isinstance(event.data, tell.ToneDetected))
    assert (tone.tone, bool(tone.words)) == (Tone.ANGRY, True)


async def test_a_form_s_free_text_does_not_come_into_the_open_as_a_service(desk: IntakeDesk, fed: Fed) -> None:
    said = {"service": "ask Bob Miller, 0170 1234567", "serial": "X-99"}
    one = await desk.submit(subject="It", body="It is slow", answers=said)
    await fed.judged(one)
    stored = b"".join(encode(event.data) for event in await desk.events(one["id"]) if event.actor == "system:triage")
    assert b"Miller" not in stored
    known = await desk.submit(subject="It", body="It is slow", answers={"Service": " VPN "})
    await fed.judged(known)
    told = next(e.data for e in await desk.events(known["id"]) if isinstance(e.data, tell.TicketClassified))
    assert (told.service, told.source) == ("vpn", "form")


SHOUTED = "URGENT!!! CRITICAL!!! Complete outage, everybody is down, data breach, data loss, by 5 pm, you idiots!!!"


async def test_no_words_of_one_requester_reach_p1_at_a_premium_client(desk: IntakeDesk, fed: Fed) -> None:
    """Nor does writing them again and again, or from another address of the same client."""
    worded = {"client": "bolt", "subject": f"P1 network outage {SHOUTED}", "body": SHOUTED * 20, "category": "outage"}
    for number, urgency in enumerate((None, "low", "normal", "high")):
        who = {"email": f"puppet{number}@bolt.example", "name": "Puppet"}
        one = await desk.submit(**worded, urgency=urgency, requester=who)
        judged = await fed.judged(one)
        assert (judged.priority, judged.impact) == (Priority.P2, 80), urgency
        assert urgency == "low" or "text_alone" in [reason.code for reason in judged.reasons]
        assert judged.inputs is not None
        assert judged.inputs.clients == 1
    for _ in range(12):
        again = await desk.post(f"/tickets/{one['id']}/messages", {"body": SHOUTED})
        assert again.status_code == 200, again.text
    insisted = await fed.judged(one)
    assert insisted.inputs is not None
    assert (insisted.inputs.exchanges, insisted.priority) == (12, Priority.P2)


async def test_who_words_everything_as_an_emergency_is_soon_not_believed(desk: IntakeDesk, fed: Fed) -> None:
    """All that text and a stated urgency may bring is capped; what agents make of it takes the rest away."""
    attack = {
        "client": "bolt",
        "subject": "URGENT security breach",
        "body": "Nobody can work, data loss, you idiots, we need it by 5 pm, I am furious!!!",
        "urgency": "critical",
    }
    urgencies = []
    for _ in range(8):
        one = await desk.submit(**attack)
        judged = await fed.judged(one)
        urgencies.append(judged.urgency)
        lowered = await desk.post(f"/tickets/{one['id']}/priority", {"priority": "P4", "reason": "crying wolf"})
        assert lowered.status_code == 200, lowered.text
    assert urgencies[0] <= 35 + 25 + 15
    assert urgencies == sorted(urgencies, reverse=True)
    last = await fed.judged(await desk.submit(**attack))
    assert last.inputs is not None
    assert (last.inputs.confirmed, last.inputs.denied) == (0, 8)
    assert last.priority is not Priority.P1
    assert "stated_urgency.rarely_confirmed" in [reason.code for reason in last.reasons]
    honest = await fed.judged(await desk.submit("acme", subject="VPN", body="Nobody can work", urgency="critical"))
    assert honest.inputs is not None
    assert honest.inputs.denied == 0, "another client's word is its own"
