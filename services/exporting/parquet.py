"""(Database, a new folder) -> the desk's events and tickets as Parquet, opened, for DuckDB, Polars or Spark. I/O.

Two data sets, each partitioned by client the way Hive names folders: `events/client=…/month=…` and `tickets/client=…`.
They can't be read back, and erasing a person does not reach them. An erased person's text reads [erased].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson

from contracts.catalogue import encode
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.people import PersonRegistered
from contracts.subjects import LANES, lane_of_client
from contracts.ticket import INITIAL, fold
from contracts.ticket_state import Absent, Held
from services.exporting.format import BadExport
from services.exporting.write import new_folder
from services.kit.log.read import read_lane
from services.kit.log.verify import read_ends
from services.kit.personal import Vault
from services.kit.postgres import Connection, Pool
from services.kit.settings import Settings
from services.proving.views import streams
from services.reporting.keys import reading_vault

try:
    import pyarrow
    import pyarrow.dataset
except ImportError:  # an extra: a desk runs without it
    pyarrow = None

BATCH: Final = 5_000  # events read and opened at once
MISSING: Final = "Parquet is written with pyarrow, an extra: run .venv/bin/pip install '.[parquet]' in Daybook's folder"
TEXT, COUNT, TIME = "string", "int64", "time"
EVENT: Final = {
    "client": TEXT, "month": TEXT, "sequence": COUNT, "lane": COUNT, "position": COUNT, "number": COUNT, "stream": TEXT,
    "version": COUNT, "id": TEXT, "type": TEXT, "schema_version": COUNT, "actor": TEXT, "causation": TEXT,
    "origin": TEXT, "occurred_at": TIME, "recorded_at": TIME, "data": TEXT,
}  # fmt: skip
TICKET: Final = {
    "client": TEXT, "reference": TEXT, "id": TEXT, "subject": TEXT, "requester": TEXT, "requester_name": TEXT,
    "requester_address": TEXT, "status": TEXT, "priority": TEXT, "category": TEXT, "channel": TEXT, "agent": TEXT,
    "team": TEXT, "tags": TEXT, "origin": TEXT, "messages": COUNT, "replies": COUNT, "reopened": COUNT,
    "breaches": COUNT, "cause": TEXT, "opened_at": TIME, "updated_at": TIME, "first_reply_at": TIME,
    "resolved_at": TIME, "closed_at": TIME, "next_update_by": TIME,
}  # fmt: skip

Told = Callable[[int], None]


async def write_parquet(
    pool: Pool, settings: Settings, folder: Path, clients: Sequence[str] | None, told: Told
) -> dict[str, int]:
    """Writes both data sets of one snapshot; how many rows each has. Raises BadExport."""
    if pyarrow is None:
        raise BadExport(MISSING)
    new_folder(folder)
    lanes = range(LANES) if clients is None else sorted({lane_of_client(client) for client in clients})
    wanted = None if clients is None else frozenset(clients)
    rows = {"events": 0, "tickets": 0}
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        heads = (await read_ends(connection)).heads
        writing = _Writing(connection, reading_vault(connection, settings), folder, wanted)
        for lane in lanes:
            names = await writing.events(lane, heads[lane].position, rows, told)
            await writing.tickets(lane, heads[lane].position, names, rows)
    return rows


class _Writing:
    def __init__(self, connection: Connection, vault: Vault, folder: Path, clients: frozenset[str] | None) -> None:
        self._connection = connection
        self._vault = vault
        self._folder = folder
        self._clients = clients

    async def events(
        self, lane: int, upto: int, rows: dict[str, int], told: Told
    ) -> dict[UUID, tuple[str | None, str | None]]:
        """Writes a lane's events; its people's names and addresses."""
        position, names = 0, {}
        while position < upto:
            page = await read_lane(self._connection, lane, position, min(BATCH, upto - position))
            if not page:
                break
            position = page[-1].position
            mine = [event for event in page if self._clients is None or event.client in self._clients]
            opened = await self._vault.open_json([orjson.loads(encode(event.data)) for event in mine])
            for event, data in zip(mine, opened, strict=True):
                if isinstance(event.data, PersonRegistered):
                    names[event.stream] = (data["name"], data.get("address"))
            lines = list(map(_event_row, mine, opened))
            self._write("events", EVENT, f"lane-{lane:02}-{position}", lines, ["client", "month"])
            rows["events"] += len(mine)
            told(len(mine))
        return names

    async def tickets(
        self, lane: int, upto: int, names: dict[UUID, tuple[str | None, str | None]], rows: dict[str, int]
    ) -> None:
        """Folds a lane's tickets and writes how they stand."""
        count = 0
        async for page in streams(self._connection, lane, upto):
            folded = [fold(events, INITIAL) for _, events in groupby(page, attrgetter("stream"))]
            held = [ticket for ticket in folded if not isinstance(ticket, Absent)]
            mine = [ticket for ticket in held if self._clients is None or ticket.client in self._clients]
            await self._vault.load({ticket.requester for ticket in mine})
            lines = [_ticket_row(ticket, self._vault, names.get(ticket.requester, (None, None))) for ticket in mine]
            self._write("tickets", TICKET, f"lane-{lane:02}-{count}", lines, ["client"])
            count += 1
            rows["tickets"] += len(mine)

    def _write(
        self, data_set: str, shape: dict[str, str], name: str, rows: list[dict[str, Any]], parts: list[str]
    ) -> None:
        table = pyarrow.Table.from_pylist(rows, schema=_schema(shape))
        if not table.num_rows:
            return
        pyarrow.dataset.write_dataset(
            table,
            self._folder / data_set,
            format="parquet",
            partitioning=pyarrow.dataset.partitioning(
                pyarrow.schema([(part, pyarrow.string()) for part in parts]), flavor="hive"
            ),
            basename_template=f"{name}-{{i}}.parquet",
            existing_data_behavior="overwrite_or_ignore",
        )


def _schema(shape: dict[str, str]) -> Any:
    kinds = {TEXT: pyarrow.string(), COUNT: pyarrow.int64(), TIME: pyarrow.timestamp("us", tz="UTC")}
    return pyarrow.schema([(name, kinds[kind]) for name, kind in shape.items()])


def _event_row(event: Recorded[Event], data: Any) -> dict[str, Any]:
    row = {name: getattr(event, name) for name in EVENT if name not in {"month", "data"}}
    named = {"stream": str(event.stream), "id": str(event.id), "month": f"{event.occurred_at:%Y-%m}"}
    return row | named | {"data": orjson.dumps(data).decode()}


def _ticket_row(ticket: Held, vault: Vault, who: tuple[str | None, str | None]) -> dict[str, Any]:
    row = {name: getattr(ticket, name, None) for name in TICKET}
    return row | {
        "id": str(ticket.id),
        "subject": vault.shown(ticket.subject),
        "requester": str(ticket.requester),
        "requester_name": who[0],
        "requester_address": who[1],
        "status": ticket.status.value,
        "agent": str(ticket.agent) if ticket.agent else None,
        "tags": ",".join(ticket.tags),
        "next_update_by": ticket.promise.due_at if ticket.promise else None,
    }
