"""Callers that send commands until each has a definite answer, and the ledger of what was acknowledged. I/O."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, TextIO

from tests.bench.http import Connection

CALLERS = 16
RATE_LEAST = 50.0  # commands a second that a storm is driven with, where the machine can do as many
SHARE_LEAST = 0.25  # of what it can do in calm: while a service is down and comes back nothing is taken
CLIENTS = tuple(f"chaos-{number}" for number in range(12))
ANSWER_SECONDS = 20.0  # a frozen process holds its callers for a while
AGAIN_SECONDS = 0.25
REPEATED = 0.05  # of acknowledged commands are sent once more later
AGAIN = {429, 500, 502, 503, 504}
AGAIN_CODES = {"busy", "outcome_unknown"}
"""After these a command is sent again as it is."""


@dataclass(frozen=True)
class Sent:
    """One command: what was asked, under which key."""

    key: str
    kind: str
    path: str
    body: dict[str, Any]


@dataclass
class Ledger:
    """What was acknowledged, flushed to the disk before it counts; kept outside of the desk."""

    path: Path
    acknowledged: dict[str, tuple[Sent, dict[str, Any]]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    differing: list[str] = field(default_factory=list)
    """Keys that were answered differently the second time."""
    _file: TextIO | None = None
    _dirty: bool = False

    def note(self, sent: Sent, answer: dict[str, Any]) -> None:
        if self._file is None:
            self._file = self.path.open("w")
        line = {"key": sent.key, "kind": sent.kind, "path": sent.path, "answer": answer}
        self._file.write(json.dumps(line) + "\n")
        self._dirty = True
        before = self.acknowledged.setdefault(sent.key, (sent, answer))[1]
        if any(before[name] != answer[name] for name in ("id", "version", "position")):
            self.differing.append(sent.key)

    def flush(self) -> None:
        if self._file is not None and self._dirty:
            self._dirty = False
            self._file.flush()
            os.fsync(self._file.fileno())

    async def keep(self) -> None:
        """Flushes all the time, in a thread."""
        while True:
            await asyncio.to_thread(self.flush)
            await asyncio.sleep(0.01)


class Load:
    """The callers of one storm. `rate` is what they aim at together, in commands a second."""

    def __init__(self, address: str, token: str, ledger: Ledger, *, rate: float, seed: int) -> None:
        self._address = address
        self._token = token
        self._ledger = ledger
        self._rate = rate
        self._pause = 0.0
        self._chance = Random(seed)
        self._tickets: list[str] = []
        self._numbers = 0
        self.over = False
        self.slowest = 0.0
        self.calm_rate = 0.0
        """Commands a second that this desk takes before the storm, without a pause between them."""

    async def prepare(self) -> None:
        """The clients that tickets come from."""
        connection = Connection(self._address, self._token)
        for number, client in enumerate(CLIENTS):
            body = {"name": client.title(), "prefix": f"CH{number}"}
            status, answer = await connection.request("PUT", f"/api/v1/clients/{client}", body)
            if status >= 300:
                raise RuntimeError(f"the desk refused a client: {answer}")
        await connection.close()

    @property
    def least_rate(self) -> float:
        """What a storm has to take in the mean. A machine that is slow in calm is not asked for more in a storm."""
        return min(RATE_LEAST, SHARE_LEAST * self.calm_rate)

    async def calm(self, seconds: float) -> None:
        """Sends as fast as it can while all is well, and then no faster than it was told to. Call it beside `run`."""
        before, started = len(self._ledger.acknowledged), time.monotonic()
        await asyncio.sleep(seconds)
        self.calm_rate = (len(self._ledger.acknowledged) - before) / (time.monotonic() - started)
        self._pause = CALLERS / self._rate

    async def run(self) -> None:
        """Sends until `over`; returns when every command that was sent has its answer."""
        async with asyncio.TaskGroup() as callers:
            for number in range(CALLERS):
                callers.create_task(self._call(number))

    async def _call(self, number: int) -> None:
        line = _Line(self._address, self._token)
        repeat: list[Sent] = []
        await asyncio.sleep(number / self._rate)
        while not self.over:
            started = time.monotonic()
            if repeat and self._chance.random() < REPEATED:
                sent = repeat.pop(self._chance.randrange(len(repeat)))
            else:
                sent = self._next()
                if self._chance.random() < REPEATED:
                    repeat.append(sent)
            await self._until_answered(line, sent)
            self.slowest = max(self.slowest, time.monotonic() - started)
            await asyncio.sleep(max(0.0, self._pause - (time.monotonic() - started)))
        for sent in repeat:
            if sent.key in self._ledger.acknowledged:
                await self._until_answered(line, sent)
        await line.close()

    async def _until_answered(self, line: _Line, sent: Sent) -> None:
        while True:
            self._ledger.counts["sent"] += 1
            status, answer = await line.post(sent)
            if 200 <= status < 300:
                self._ledger.counts["acknowledged"] += 1
                self._ledger.note(sent, answer)
                if sent.kind == "submit":
                    self._tickets.append(answer["id"])
                return
            code = answer.get("code", "")
            if status and status not in AGAIN and code not in AGAIN_CODES:
                self._ledger.counts[f"refused {code}"] += 1
                return
            self._ledger.counts[f"again {code or 'no answer'}"] += 1
            await asyncio.sleep(AGAIN_SECONDS)

    def _next(self) -> Sent:
        self._numbers += 1
        chance, key = self._chance, f"chaos-{self._numbers}"
        words = f"Word {self._numbers} of this storm: nobody can print, and the queue says nothing."
        if not self._tickets or chance.random() < 0.4:
            person = chance.randrange(40)
            requester = {"email": f"p{person}@{chance.choice(CLIENTS)}.example", "name": f"Person {person}"}
            body = {"client": chance.choice(CLIENTS), "requester": requester, "subject": words[:60], "body": words}
            return Sent(key, "submit", "/api/v1/tickets", body)
        ticket = chance.choice(self._tickets[-400:])
        choices: list[tuple[str, dict[str, Any]]] = [
            ("message", {"body": words}), ("message", {"body": words}), ("reply", {"body": words}),
            ("note", {"body": words}), ("tags", {"add": [f"tag-{chance.randrange(9)}"]}),
            ("priority", {"priority": f"P{chance.randint(1, 4)}", "reason": words}),
            ("resolution", {"summary": words}), ("reopen", {"reason": words}),
        ]  # fmt: skip
        kind, body = chance.choice(choices)
        part = {"message": "messages", "reply": "replies", "note": "notes"}.get(kind, kind)
        return Sent(key, kind, f"/api/v1/tickets/{ticket}/{part}", body)


class _Line:
    """One caller's connection, opened again whenever it breaks."""

    def __init__(self, address: str, token: str) -> None:
        self._address = address
        self._token = token
        self._connection: Connection | None = None

    async def post(self, sent: Sent) -> tuple[int, dict[str, Any]]:
        """(status, answer); status 0 where there was none."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                self._connection = self._connection or Connection(self._address, self._token)
                header = f"Idempotency-Key: {sent.key}\r\n"
                status, answer = await self._connection.request("POST", sent.path, sent.body, header)
                return status, answer if isinstance(answer, dict) else {}
        except (OSError, EOFError, TimeoutError, ValueError):
            await self.close()
            return 0, {}

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None
