"""A ledger of acknowledged commands and a desk after a storm enter; every broken promise leaves as a sentence. I/O."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from services.kit.postgres import ROOT
from tests.chaos.ground import Ground, connect
from tests.chaos.load import CLIENTS, Ledger

BROKEN_MAX = 20  # told of each kind

EVENTS = """
    SELECT lane, position, client, sequence, stream, version, id, type, causation FROM log.events
    ORDER BY lane, position
"""
COMMANDS = "SELECT command FROM log.commands WHERE command LIKE 'chaos-%'"
LETTERS = "SELECT lane, event, effect, state, doubts FROM notification.outbox"
LEFT = """
    SELECT (SELECT sum(l.position - coalesce(c.position, 0)) FROM log.lanes l
            CROSS JOIN (SELECT DISTINCT consumer FROM log.cursors) k
            LEFT JOIN log.cursors c ON c.lane = l.lane AND c.consumer = k.consumer) AS behind,
           (SELECT count(*) FROM notification.outbox WHERE state IN ('waiting', 'sending')) AS letters,
           (SELECT count(*) FROM log.dead_letters WHERE replayed_at IS NULL) AS dead
"""
HURRY = "UPDATE notification.outbox SET claimed_until = clock_timestamp() WHERE state = 'sending'"
TOLD = {"message": "ticket.message_received", "reply": "ticket.reply_sent", "note": "ticket.note_added"}
"""Commands that always make an event of this type; the others may find that nothing is new."""
ONCE = ("ticket.classified", "ticket.tone_detected", "ticket.prioritised", "delivery.sent", "delivery.failed")


@dataclass
class Verdict:
    """What a storm has done. `broken` is empty where every promise was kept."""

    broken: list[str] = field(default_factory=list)
    events: int = 0
    letters: int = 0
    letters_again: int = 0
    """Letters that came more often than once, each in doubt of the mail server's own making."""
    commands: int = 0

    def hold(self, true: bool, sentence: str) -> None:
        if not true and len(self.broken) < BROKEN_MAX:
            self.broken.append(sentence)


async def hurry(ground: Ground) -> None:
    """A letter whose process was killed while the mail server had it waits five minutes before it goes again: they
    pass at once. One that a living process has under way would be sent in doubt, so wait a moment first."""
    connection = await connect(ground.settings)
    try:
        await connection.execute(HURRY)
    finally:
        await connection.close()


async def left_over(ground: Ground) -> str | None:
    """What consumers and senders have still to do; None where nothing is left."""
    connection = await connect(ground.settings)
    try:
        row = await connection.fetchrow(LEFT)
    finally:
        await connection.close()
    assert row is not None
    if row["behind"] or row["letters"]:
        return f"consumers are {row['behind']} events behind, {row['letters']} letters wait"
    return None


async def judged(ground: Ground, ledger: Ledger, token: str) -> Verdict:
    """Compares everything with everything. Call it when nothing is left over."""
    verdict = Verdict(commands=len(ledger.acknowledged))
    connection = await connect(ground.settings)
    try:
        events = await connection.fetch(EVENTS)
        commands = {row["command"] for row in await connection.fetch(COMMANDS)}
        letters = await connection.fetch(LETTERS)
        row = await connection.fetchrow(LEFT)
    finally:
        await connection.close()
    verdict.events = len(events)
    verdict.hold(row is not None and not row["dead"], "events were put aside as dead letters")
    verdict.hold(not ledger.differing, f"answered differently the second time: {ledger.differing[:5]}")
    _letters(verdict, ground, events, letters)
    verdict.broken += [*_lost(ledger, events, commands), *_doubled(ledger, events), *_order(events)][:BROKEN_MAX]
    verdict.broken += await _feeds(ground, token, events)
    verdict.broken += await asyncio.to_thread(_verified, ground)
    return verdict


def _lost(ledger: Ledger, events: list[asyncpg.Record], commands: set[str]) -> Iterator[str]:
    """Every acknowledged command is remembered, and its last event stands where its answer said."""
    placed = {(event["lane"], event["position"]): event for event in events}
    for key, (sent, answer) in ledger.acknowledged.items():
        lane, _, position = answer["position"].partition(":")
        event = placed.get((int(lane), int(position)))
        if key not in commands:
            yield f"the acknowledged {sent.kind} {key} is not remembered"
        if event is None or event["stream"] != UUID(answer["id"]) or event["version"] < answer["version"]:
            yield f"the acknowledged {sent.kind} {key} is not at {answer['position']}"


def _doubled(ledger: Ledger, events: list[asyncpg.Record]) -> Iterator[str]:
    """As many events of each kind in each ticket as were acknowledged; and what follows from an event follows once."""
    wanted: Counter[tuple[UUID, str]] = Counter()
    for sent, answer in ledger.acknowledged.values():
        if sent.kind == "submit":
            wanted[UUID(answer["id"]), "ticket.submitted"] += 1
        elif sent.kind in TOLD:
            wanted[UUID(answer["id"]), TOLD[sent.kind]] += 1
    kinds = {*TOLD.values(), "ticket.submitted"}
    found = Counter((event["stream"], event["type"]) for event in events if event["type"] in kinds)
    for key in found.keys() | wanted.keys():
        if found[key] != wanted[key]:
            yield f"{key[1]} of {key[0]}: {wanted[key]} acknowledged, {found[key]} in the log"
    follows = Counter((event["causation"], event["type"], event["stream"]) for event in events if event["type"] in ONCE)
    for (cause, kind, _), times in follows.items():
        if times > 1 and cause is not None:
            yield f"{kind} follows {times} times from {cause}"


def _order(events: list[asyncpg.Record]) -> Iterator[str]:
    """Versions of a stream follow each other in the order of the log."""
    last: dict[UUID, int] = {}
    for event in events:
        if event["version"] != last.get(event["stream"], 0) + 1:
            yield f"version {event['version']} of {event['stream']} follows {last.get(event['stream'], 0)}"
        last[event["stream"]] = event["version"]


def _letters(verdict: Verdict, ground: Ground, events: list[asyncpg.Record], letters: list[asyncpg.Record]) -> None:
    """Each letter that was due was sent, and came once, or again where the mail server's answer was lost."""
    due = {event["id"] for event in events if event["type"] in {"ticket.submitted", "ticket.reply_sent"}}
    noted = {row["event"] for row in letters}
    verdict.hold(due <= noted, f"{len(due - noted)} letters were never noted")
    came = {name.strip("<>").partition("@")[0]: times for name, times in ground.sink.letters.items()}
    for row in letters:
        name = f"{row['event'].hex}.{row['effect']}"
        times = came.pop(name, 0)
        verdict.letters += 1
        verdict.letters_again += max(0, times - 1)
        verdict.hold(
            row["state"] == "sent" and times >= 1, f"the letter {name} is {row['state']} and came {times} times"
        )
        verdict.hold(times - 1 <= row["doubts"], f"the letter {name} came {times} times, {row['doubts']} in doubt")
    verdict.hold(not came, f"{len(came)} letters came that nobody had noted")


async def _feeds(ground: Ground, token: str, events: list[asyncpg.Record]) -> list[str]:
    """What a subscriber reads of each client is the log's, without a gap."""
    broken = []
    by_client: Mapping[str, list[str]] = defaultdict(list)
    for event in events:
        by_client[event["client"]].append(str(event["id"]))
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=ground.desk.running["address"], headers=headers, timeout=60) as http:
        for client in CLIENTS:
            told: list[str] = []
            after = "0"
            while page := await _page(http, client, after):
                told += [event["id"] for event in page]
                after = page[-1]["sequence"]
            if told != by_client[client]:
                broken.append(f"the feed of {client} has {len(told)} events, the log {len(by_client[client])}")
    return broken


async def _page(http: httpx.AsyncClient, client: str, after: str) -> list[dict[str, Any]]:
    answer = await http.get("/api/v1/events", params={"client": client, "after": after, "limit": "1000"})
    answer.raise_for_status()
    return [json.loads(line) for line in answer.text.splitlines() if line]


def _verified(ground: Ground) -> list[str]:
    """What `daybook verify` says: chain, versions, doors, and views against a fresh fold."""
    done = subprocess.run(
        [sys.executable, "-m", "services", "verify", "--json"],
        cwd=ROOT, env=ground.desk.environment, check=False, capture_output=True, text=True,
    )  # fmt: skip
    try:
        said: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return [f"daybook verify ended with {done.returncode}: {(done.stderr or done.stdout)[-500:]}"]
    broken = [f"verify, lane {fault['lane']} position {fault['position']}: {fault['what']}" for fault in said["faults"]]
    views = [view for view in said["views"] if not view["same"] and view["skipped"] is None]
    broken += [f"the view {view['view']} is not what a fresh fold gives" for view in views]
    if not views and not any(view["same"] for view in said["views"]):
        broken.append("no view was compared with a fresh fold")
    return broken
