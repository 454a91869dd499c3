"""A seed and a number of seconds enter; a desk lives through a storm, and what it has kept and broken leaves. I/O."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from services.kit.postgres import ROOT
from tests.chaos.ground import Ground, ground
from tests.chaos.load import Ledger, Load
from tests.chaos.storm import Storm, script, until
from tests.chaos.verdict import Verdict, hurry, judged, left_over

BEFORE_SECONDS = 2.0  # in which is seen what the machine can do
CALM_SECONDS = 300.0  # that a desk may take to come to rest, on a machine that is busy with other things

UNDER_WAY_SECONDS = 10.0  # for letters that a living process is sending

Tell = Callable[[str], None]


@dataclass
class Outcome:
    """One storm and what came of it."""

    seed: int
    verdict: Verdict
    counts: Counter[str] = field(default_factory=Counter)
    faults: int = 0
    storm_seconds: float = 0.0
    rest_seconds: float = 0.0
    """From the last fault to everything digested and every letter sent."""
    slowest_seconds: float = 0.0
    """Of a command, from first sent to acknowledged, through every fault."""
    takeovers: list[float] = field(default_factory=list)
    full_disk: bool = False
    calm_rate: float = 0.0
    """Commands a second that the desk took before the storm."""
    least_rate: float = 0.0
    rate: float = 0.0
    """Commands a second that were acknowledged in the storm."""


async def storm(home: Path, seed: int, seconds: float, rate: float, told: Tell) -> Outcome:
    """Drives commands and faults for so many seconds, waits for calm, and compares."""
    async with ground(home) as on:
        told(f"seed {seed}: the desk runs at {on.desk.running['address']}")
        token = await asyncio.to_thread(_token, on)
        ledger = Ledger(home / "ledger.ndjson")
        load = Load(on.desk.running["address"], token, ledger, rate=rate, seed=seed)
        await load.prepare()
        keeping = asyncio.create_task(ledger.keep())
        calling = asyncio.create_task(load.run())
        await load.calm(BEFORE_SECONDS)
        told(f"in calm the desk takes {load.calm_rate:.0f} commands a second; the storm begins")
        weather = Storm(on, Random(seed), told)
        acts = script(seed, seconds)
        began, before = time.monotonic(), len(ledger.acknowledged)
        await weather.play(acts)
        calm_since, taken = time.monotonic(), len(ledger.acknowledged) - before
        load.over = True
        told(f"the storm is over; {len(ledger.acknowledged):,} commands acknowledged; waiting for calm")
        async with asyncio.timeout(CALM_SECONDS):
            await calling
        told(f"every command has its answer after {time.monotonic() - calm_since:.1f} s")
        lacks = await until(lambda: left_over(on), UNDER_WAY_SECONDS, told)
        if lacks is not None:
            await hurry(on)
            lacks = await until(lambda: left_over(on), CALM_SECONDS, told)
        rest = time.monotonic() - calm_since
        keeping.cancel()
        ledger.flush()
        told("comparing the ledger with log, views, feeds and letters")
        verdict = await judged(on, ledger, token)
        verdict.hold(lacks is None, f"{CALM_SECONDS:.0f} s after the last fault {lacks}")
        return Outcome(
            seed, verdict, ledger.counts, len(acts), calm_since - began, rest, load.slowest, weather.takeovers,
            on.has_quota, load.calm_rate, load.least_rate, taken / (calm_since - began),
        )  # fmt: skip


def _token(on: Ground) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "services", "token", "create", "--role", "administrator", "--json"],
        cwd=ROOT, env=on.desk.environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    token: str = json.loads(done.stdout)["token"]
    return token
