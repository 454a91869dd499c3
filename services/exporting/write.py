"""A database and a folder -> an export in it. I/O, as the database's owner; everything is of one snapshot.

The manifest is written last, so a folder whose export was interrupted is no export.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Final

from contracts.subjects import LANES, lane_of_client
from services.exporting import format as form
from services.exporting.format import BadExport
from services.kit.log.read import Reader
from services.kit.log.verify import SQL as LOG_SQL
from services.kit.log.verify import Ends, read_ends, stored
from services.kit.postgres import Pool, queries
from services.proving.heads import signed

SQL = queries("services/exporting/sql/write.sql")

BATCH: Final = 2_000  # events read at once
PREFETCH: Final = {"attachments": 4, "quarantine": 4}  # rows that hold whole files
ROWS: Final = 1_000

Told = Callable[[int], None]


@dataclass(slots=True)
class File:
    """A file of the export while it is written."""

    out: BinaryIO
    rows: int = 0
    size: int = 0
    digest: Any = field(default_factory=sha256)

    def write(self, lines: Sequence[bytes]) -> None:
        text = b"".join(lines)
        self.out.write(text)
        self.digest.update(text)
        self.rows += len(lines)
        self.size += len(text)


class Writer:
    """Writes one export. `clients` None: the whole desk."""

    def __init__(self, folder: Path, clients: Sequence[str] | None, told: Told = lambda events: None) -> None:
        self._folder = folder
        self._clients = clients
        self._told = told
        self._files: dict[str, dict[str, Any]] = {}

    async def write(self, pool: Pool, master_key: bytes, now: datetime) -> dict[str, Any]:
        """Writes everything and returns the manifest. Raises BadExport where the folder is not empty."""
        self._prepare()
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            ends = await read_ends(connection)
            if self._clients is None:
                heads = await self._lanes(connection, ends)
                tables: tuple[str, ...] = form.TABLES
            else:
                heads = [await self._client(connection, client) for client in self._clients]
                tables = ("people",)
            for table in tables:
                await self._table(connection, table)
        manifest = signed(
            {
                "format": form.FORMAT,
                "version": form.VERSION,
                "made_at": now.isoformat(),
                "clients": None if self._clients is None else list(self._clients),
                "heads": heads,
                "files": self._files,
            },
            master_key,
        )
        self._finish(manifest)
        return manifest

    def _prepare(self) -> None:
        new_folder(self._folder)
        (self._folder / "events").mkdir()

    async def _lanes(self, reader: Reader, ends: Ends) -> list[dict[str, Any]]:
        for lane in range(LANES):
            head, position = ends.heads[lane], 0
            with self._open(form.events_file(lane)) as file:
                while position < head.position:
                    rows = await reader.fetch(LOG_SQL["raw"], lane, position, head.position, BATCH)
                    if not rows:
                        break
                    file.write([form.event_line(stored(row)) for row in rows])
                    position = rows[-1]["position"]
                    self._told(len(rows))
        heads = sorted(ends.heads.items())
        return [{"lane": lane, "position": head.position, "hash": head.hash.hex()} for lane, head in heads]

    async def _client(self, reader: Reader, client: str) -> dict[str, Any]:
        lane, last = lane_of_client(client), None
        with self._open(form.client_file(client)) as file:
            while rows := await reader.fetch(SQL["of_client"], lane, client, last["sequence"] if last else 0, BATCH):
                file.write([form.event_line(stored(tuple(row)[:18]), row[18]) for row in rows])
                last = rows[-1]
                self._told(len(rows))
        if last is None:
            raise BadExport(f"there is no client {client}")
        return {"client": client, "lane": lane, "sequence": last["sequence"], "hash": last["hash"].hex()}

    async def _table(self, reader: Any, table: str) -> None:
        arguments = [self._clients] if table == "people" else []
        with self._open(form.table_file(table)) as file:
            async for lines in _in_batches(reader, SQL[table], arguments, PREFETCH.get(table, ROWS)):
                file.write(lines)

    @contextmanager
    def _open(self, name: str) -> Iterator[File]:
        """A new file, which is noted in the manifest once it is whole."""
        with _private(self._folder / name) as out:
            file = File(out)
            yield file
            out.flush()
            os.fsync(out.fileno())
        self._files[name] = {"rows": file.rows, "bytes": file.size, "sha256": file.digest.hexdigest()}

    def _finish(self, manifest: dict[str, Any]) -> None:
        fresh = self._folder / f"{form.MANIFEST}.new"
        with _private(fresh) as out:
            out.write(json.dumps(manifest, indent=1).encode() + b"\n")
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(self._folder / form.MANIFEST)


def new_folder(folder: Path) -> None:
    """Makes a folder for its owner alone. Raises BadExport where there is something in it."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadExport(f"{folder} is not empty: name a new folder")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


async def _in_batches(reader: Any, query: str, arguments: Sequence[Any], size: int) -> AsyncIterator[list[bytes]]:
    cursor = await reader.cursor(query, *arguments)
    while rows := await cursor.fetch(size):
        yield [row[0].encode() + b"\n" for row in rows]


def _private(path: Path) -> BinaryIO:
    """A new file for its owner alone: with the master key it holds everybody's text."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
