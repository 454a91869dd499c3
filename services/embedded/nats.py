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
ACCOUNTS_FILE = "accounts.conf"  # beside nats.conf, which includes it
MEMORY_BYTES_MAX = 64_000_000  # streams live in files


def program(place: Place, port: int, *, accounts: str | None = None, store_bytes: int = STORE_BYTES_MAX) -> Program:
    """The server on 127.0.0.1:<port>, its store in <data>/nats. Without `accounts` (kit/bus/accounts.py) it lets
    everybody do everything, as some tests want it."""
    folder = place.data / "nats"
    folder.mkdir(mode=0o700, exist_ok=True)
    if place.account:
        os.chown(folder, place.account.user, place.account.group)
    _write(place, folder / "nats.conf", _configuration(folder, port, store_bytes, with_accounts=accounts is not None))
    if accounts is not None:
        write_accounts(place, accounts)

    async def answers() -> bool:
        return await _answers(port)

    return Program(
        name="nats",
        argv=(str(place.nats_server), "--config", str(folder / "nats.conf")),
        ready=answers,
        account=place.account,
        stop_seconds=10,
        explain=lambda tail: _reason(tail, folder, port),
    )


def write_accounts(place: Place, accounts: str) -> None:
    """Says who may do what; a running server takes it at its next reload."""
    _write(place, place.data / "nats" / ACCOUNTS_FILE, accounts)


def read_accounts(place: Place) -> str:
    """Who might do what in the last run; empty before the first one."""
    try:
        return (place.data / "nats" / ACCOUNTS_FILE).read_text()
    except FileNotFoundError:
        return ""


def _write(place: Place, path: Path, content: str) -> None:
    """The file is whole at every instant, and the server's alone."""
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(content)
    if place.account:
        os.chown(fresh, place.account.user, place.account.group)
    fresh.replace(path)


def _configuration(folder: Path, port: int, store_bytes: int, *, with_accounts: bool) -> str:
    """NATS' configuration language takes JSON's values, so paths with quotes and spaces need no care."""
    settings = {
        "server_name": "daybook",
        "host": "127.0.0.1",
        "port": port,
        "max_payload": MESSAGE_BYTES_MIN,
        "jetstream": {
            "store_dir": str(folder),
            "max_file_store": store_bytes,
            "max_memory_store": MEMORY_BYTES_MAX,
        },
    }
    lines = [f"{json.dumps(name)}: {json.dumps(value, indent=1)}" for name, value in settings.items()]
    lines += [f"include {json.dumps(ACCOUNTS_FILE)}"] if with_accounts else []
    return "\n".join(lines) + "\n"


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
