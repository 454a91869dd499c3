"""An export -> an empty desk that holds the same, bit by bit: hashes, positions and times stay. I/O, as the owner.

It goes past log.append, which gives positions and times of its own; so the chain is checked here, line by line, and one
transaction takes in everything or nothing. Views fill themselves from the log afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from datetime import timedelta
from itertools import islice
from typing import Any, Final
from uuid import UUID

from contracts.envelope import EPOCH
from services.exporting import format as form
from services.exporting.format import BadExport
from services.exporting.read import Export, file_fault
from services.kit.keyring import MasterKeys
from services.kit.log.walk import Walk
from services.kit.postgres import Connection, Pool, queries
from services.proving import heads

SQL = queries("services/exporting/sql/restore.sql")

COLUMNS = (
    "lane", "position", "client", "sequence", "number", "stream", "version", "id", "type", "schema_version", "actor",
    "causation", "origin", "occurred_at", "recorded_at", "trace", "payload", "hash",
)  # fmt: skip
ROWS = 500  # of a table in one statement
LARGE_ROWS = 4  # of a table whose rows hold files
LARGE = frozenset({"attachments", "quarantine"})

OF_PERSON: Final = {"people": "person", "attachments": "person", "mailbox": "person", "logins": "agent"}
"""Tables whose rows go with a person, and the column that names them."""
EMPTIED: Final = {"envelope": "\\x", "sealed": "\\x"}
"""What is left of an erased sender's quarantined mail is that it came."""

Told = Callable[[int], None]


async def restore(
    export: Export,
    pool: Pool,
    keys: MasterKeys,
    told: Told = lambda events: None,
    *,
    erased: Collection[UUID] = (),
) -> int:
    """Reads an export back, without what it holds of persons who were erased since; the number of its events. The
    caller has them erased in the log afterwards. Raises BadExport where export or desk is not fit for it."""
    _refuse_unfit(export, keys)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        await connection.fetch(SQL["lock"])
        if await connection.fetchval(SQL["used"]):
            raise BadExport(
                "this desk is not empty, and two logs can't be made one: set DAYBOOK_HOME to a new folder, or "
                "DAYBOOK_DATABASE_URL to a new database, and run daybook import there before anything else"
            )
        await connection.execute(SQL["clear"])
        count = 0
        for head in export.manifest["heads"]:
            count += await _lane(connection, export, head, told)
        lanes = [(head["lane"], head["position"], bytes.fromhex(head["hash"])) for head in export.manifest["heads"]]
        await connection.execute(SQL["heads"], *zip(*lanes, strict=True))
        await connection.execute(SQL["counters"])
        for table in export.tables:
            await _table(connection, export, table, {str(person) for person in erased})
        await connection.execute(SQL["erasures"])
    return count


def _refuse_unfit(export: Export, keys: MasterKeys) -> None:
    if not export.whole:
        raise BadExport(f"{export.folder} is of some clients only: a desk can be read back from a whole export alone")
    if export.manifest["public_key"] not in heads.own_keys(keys):
        raise BadExport(
            f"{export.folder} was made by a desk with another master key, without which its persons can't be read: set "
            "DAYBOOK_MASTER_KEY to that desk's key"
        )
    wrong = heads.fault(export.manifest, heads.own_keys(keys))
    if wrong is not None:
        raise BadExport(f"{export.folder}: {wrong}")
    for name in map(form.table_file, export.tables):
        wrong = file_fault(export, name)
        if wrong is not None:
            raise BadExport(f"{export.folder / name}: {wrong}")


async def _lane(connection: Connection, export: Export, head: dict[str, Any], told: Told) -> int:
    name = form.events_file(head["lane"])
    walk = Walk(head["lane"])
    records = _records(export, name, walk, told)
    await connection.copy_records_to_table("events", schema_name="log", columns=COLUMNS, records=records)
    for fault in walk.end(head["position"], bytes.fromhex(head["hash"])):
        raise BadExport(f"{export.folder / name}: {fault.what}; nothing was read back")
    return walk.position


def _records(export: Export, name: str, walk: Walk, told: Told) -> Iterator[tuple[Any, ...]]:
    for number, line in enumerate(export.lines(name), 1):
        event, _ = form.event_of(line)
        for fault in walk.step(event):
            where = f"{export.folder / name} line {number}"
            raise BadExport(f"{where}: event {fault.position}: {fault.what}; nothing was read back")
        occurred, recorded = (EPOCH + timedelta(microseconds=us) for us in (event.occurred_us, event.recorded_us))
        yield (*event[:13], occurred, recorded, *event[15:])
        told(1)


async def _table(connection: Connection, export: Export, table: str, erased: Collection[str]) -> None:
    lines = export.lines(form.table_file(table))
    if erased:
        lines = _without(lines, table, erased)
    size = LARGE_ROWS if table in LARGE else ROWS
    while batch := list(islice(lines, size)):
        await connection.execute(SQL[table], _array(batch))


def _without(lines: Iterator[bytes], table: str, erased: Collection[str]) -> Iterator[bytes]:
    for line in lines:
        row = json.loads(line)
        if table == "quarantine" and row["person"] in erased:
            yield json.dumps(row | EMPTIED).encode()
        elif row.get(OF_PERSON.get(table, "")) not in erased:
            yield line


def _array(lines: list[bytes]) -> str:
    return f"[{','.join(line.decode().rstrip() for line in lines)}]"
