"""A file and a map -> a plan; a plan and a desk's database -> what was written. I/O."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from uuid_utils.compat import uuid7

from services.importing.cases import Case, Clockwork, cases_of
from services.importing.map import Map
from services.importing.parties import Parties
from services.importing.refusals import RefusedRow
from services.importing.run import Done, Importer, Progress
from services.importing.table import read_table
from services.importing.translate import Translation
from services.kit.keyring import keyring
from services.kit.log.append import Appender
from services.kit.personal import Vault
from services.kit.postgres import connect_pool

if TYPE_CHECKING:
    from services.kit.settings import Settings

CONNECTIONS = 6  # two write, the others look up


@dataclass(frozen=True)
class Plan:
    """A file that has been read and understood: nothing of it is written yet."""

    translation: Translation
    cases: list[Case]
    rows: int
    """All rows below the header, the refused ones too."""
    refused: list[RefusedRow]
    moved: list[RefusedRow]


def plan_import(file: Path, source: Map, now: datetime) -> Plan:
    """Reads the whole file. Raises BadFile or BadMap with the one sentence to show."""
    table = read_table(file, source.file, source.columns())
    found = cases_of(table, source, now)
    translation = Translation(source, table.place, Clockwork(source.time, now))
    cases = sorted(found.cases, key=translation.born_at)  # so that a client's numbers grow with time
    return Plan(translation, cases, len(table.rows) + len(table.refused), found.refused, found.moved)


async def import_log(settings: Settings, plan: Plan, progress: Progress) -> Done:
    """Writes a plan with intake's rights. Raises OSError or asyncpg.PostgresError where there is no database."""
    pool = await connect_pool(settings, "intake", size=CONNECTIONS, program="daybook-import")
    try:
        ring = keyring(settings, time.monotonic)
        vault = Vault(pool, ring, new_id=uuid7, random_bytes=os.urandom, monotonic=time.monotonic)
        parties = Parties(plan.translation.source, pool, vault, Appender(pool))
        return await Importer(plan.translation, parties, progress).write(plan.cases)
    finally:
        await pool.close()
