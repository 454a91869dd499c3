"""A place and a port enter; the Program of an embedded NATS server with JetStream leaves.

The bus is not the truth: whatever its store loses is published again from the log.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from typing import TYPE_CHECKING

from services.embedded.process import Program
from services.kit.bus.connect import MESSAGE_BYTES_MIN

if TYPE_CHECKING:
    from pathlib import Path

    from services.embedded.place import Place

STORE_BYTES_MAX = 4_000_000_000  # a week of a busy desk; the log keeps the rest
MEMORY_BYTES_MAX = 64_000_000  # streams live in files


def program(place: Place, port: int, *, store_bytes: int = STORE_BYTES_MAX) -> Program:
    """The server on 127.0.0.1:<port>, its store in <data>/nats."""
    folder = place.data / "nats"
    folder.mkdir(mode=0o700, exist_ok=True)
    configuration = folder / "nats.conf"
    configuration.write_text(_configuration(folder, port, store_bytes))
    if place.account:
        for path in (folder, configuration):
            os.chown(path, place.account.user, place.account.group)

    async def answers() -> bool:
        return await _answers(port)

    return Program(
        name="nats",
        argv=(str(place.nats_server), "--config", str(configuration)),
        ready=answers,
        account=place.account,
        stop_seconds=10,
        explain=lambda tail: _reason(tail, folder, port),
    )


def _configuration(folder: Path, port: int, store_bytes: int) -> str:
    """NATS reads JSON as its own configuration language, so paths with quotes and spaces need no care."""
    jetstream = {"store_dir": str(folder), "max_file_store": store_bytes, "max_memory_store": MEMORY_BYTES_MAX}
    return json.dumps(
        {
            "server_name": "daybook",
            "host": "127.0.0.1",
            "port": port,
            "max_payload": MESSAGE_BYTES_MIN,
            "jetstream": jetstream,
        },
        indent=1,
    )


async def _answers(port: int) -> bool:
    """The server greets with one line, `INFO {…}`, that tells whether JetStream is on."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        greeting = await asyncio.wait_for(reader.readline(), 2)
    except (TimeoutError, OSError):
        return False
    finally:
        writer.close()
    return greeting.startswith(b"INFO ") and bool(json.loads(greeting[5:]).get("jetstream"))


def _reason(tail: str, folder: Path, port: int) -> str:
    if "address already in use" in tail:
        return f"Port {port} for NATS was taken by another program just now: start again"
    last = (tail.splitlines() or ["its log is empty"])[-1]
    return (
        f"NATS could not start on {folder} ({last}): remove its store, the log fills it again: "
        f"rm -r {folder / 'jetstream'}"
    )


def wipe(place: Place) -> None:
    """Remove the store of a stopped server; the relay fills the bus again from the log."""
    shutil.rmtree(place.data / "nats" / "jetstream", ignore_errors=True)
