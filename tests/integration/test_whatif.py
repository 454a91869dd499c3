"""Policy replay on a real log: breaches gained and lost, priorities, erased persons; the same bytes again and again."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from services.cli.clients import read
from services.cli.terms import Terms, shipped
from services.kit.personal import Vault
from services.kit.settings import Settings
from services.reporting.whatif.asked import Asked
from services.reporting.whatif.run import replay
from tests.bench.quarter import END, START, Quarter
from tests.conftest import PoolOf

CLIENTS = ("acme", "bolt", "cargo")


@pytest.fixture(scope="module")
async def quarter(database: Settings, pool_of: PoolOf) -> Quarter:
    """150 tickets of three clients in the third quarter of 2026, under the shipped set `operations`."""
    intake, triage = await pool_of("intake"), await pool_of("triage")
    vault = Vault(
        intake,
        database.master_key_bytes,
        new_id=uuid7,
        random_bytes=random.Random(3).randbytes,
        monotonic=time.monotonic,
    )
    terms = Terms.model_validate(read(shipped(Path("operations"))).desk)
    found = await Quarter.begin(intake, triage, vault, CLIENTS, terms)
    await found.write(150)
    return found


def asked(**more: Any) -> Asked:
    return Asked.model_validate({"from": START, "to": END} | more)


async def answer(settings: Settings, question: Asked, folder: Path, processes: int = 1) -> bytes:
    folder.mkdir(exist_ok=True)
    result = await replay(settings, question, folder, processes=processes)
    return b"".join(result.document())


async def test_a_shorter_target_gains_breaches_and_loses_none(
    database: Settings, quarter: Quarter, tmp_path: Path
) -> None:
    said = json.loads(await answer(database, asked(set=["P2.resolution=4h"]), tmp_path))
    (row,) = [row for row in said["total"] if row["metric"] == "resolution"]
    assert row["gained"] > 0
    assert row["lost"] == 0
