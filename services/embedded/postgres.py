"""A place, a port and a password enter; the Program of an embedded PostgreSQL leaves, its data folder made if need be.

Only the wheel's binaries are used. The server runs in the foreground and stops by SIGINT; after a kill -9 it recovers
by itself at the next start.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import asyncpg

from services.embedded.process import CannotStart, Program, login

if TYPE_CHECKING:
    from services.embedded.place import Place

SERVED_MAJOR = "18"
ADMIN = "postgres"
SOCKET_PATH_MAX = 107  # bytes, by the system; a home's path is often longer
NEEDED_FILES = ("PG_VERSION", "postgresql.conf", "pg_hba.conf", "global/pg_control", "base", "pg_wal")

SERVER_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # unless the path is short enough: see `socket_folder`
    "unix_socket_permissions": "0700",
    "max_connections": "120",
    "shared_buffers": "256MB",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",  # embedded data lies on a solid-state disk or in the page cache
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %a ",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}


def program(place: Place, port: int, password: str, *, durable: bool = True) -> Program:
    """The server on 127.0.0.1:<port>. Without `durable` nothing is flushed: for tests, whose data may be lost.

    Raises CannotStart when the data folder is not whole.
    """
    folder = place.data / "postgres"
    _prepare(place, folder, password, durable=durable)
    settings = SERVER_SETTINGS | {"port": str(port)}
    if near := socket_folder(place, port):
        settings |= {"unix_socket_directories": '"' + str(near).replace('"', '""') + '"'}
    if not durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "64MB"}
    options = (part for name, value in settings.items() for part in ("-c", f"{name}={value}"))

    async def answers() -> bool:
        return await reachable(dsn(port, password))

    return Program(
        name="postgres",
        argv=(str(place.postgres_bin / "postgres"), "-D", str(folder), *options),
        ready=answers,
        environment={"LC_ALL": "C.UTF-8", "TZ": "UTC"},
        account=place.account,
        stop_signal=signal.SIGINT,
        stop_seconds=30,
        explain=lambda tail: _reason(tail, folder, port),
    )


def dsn(port: int, password: str, database: str = "postgres") -> str:
    """The administrator's DSN."""
    return f"postgresql://{ADMIN}:{password}@127.0.0.1:{port}/{database}"


def socket_folder(place: Place, port: int) -> Path | None:
    """Where the server's Unix socket lies, which costs a round trip half of what TCP does; None where there is none."""
    longest = place.data / f".s.PGSQL.{port}.lock"
    return place.data if len(os.fsencode(longest)) <= SOCKET_PATH_MAX else None


def near_dsn(place: Place, port: int, password: str, database: str = "postgres") -> str:
    """The administrator's DSN for a process on this machine: by the socket, where there is one."""
    folder = socket_folder(place, port)
    if folder is None:
        return dsn(port, password, database)
    return f"postgresql://{ADMIN}:{password}@{quote(str(folder), safe='')}:{port}/{database}"


def _prepare(place: Place, folder: Path, password: str, *, durable: bool) -> None:
    """A data folder that can be started: made when there is none, refused when it is not whole."""
    if not folder.exists():
        _initialise(place, folder, password, durable=durable)
        return
    missing = [name for name in NEEDED_FILES if not (folder / name).exists()]
    if missing:
        raise CannotStart(
            f"The PostgreSQL data in {folder} is not whole ({', '.join(missing)} missing): put a backup in its "
            f"place, or begin with an empty desk: rm -r {folder}"
        )
    major = (folder / "PG_VERSION").read_text().strip()
    if major != SERVED_MAJOR:
        raise CannotStart(
            f"The data in {folder} was written by PostgreSQL {major or '?'}, this is {SERVED_MAJOR}: move it with "
            f"pg_upgrade, or begin with an empty desk: rm -r {folder}"
        )
    _forget_dead_server(folder)


def _initialise(place: Place, folder: Path, password: str, *, durable: bool) -> None:
    """Run initdb beside the folder and rename at the end, so that an interrupted one leaves nothing to trip over."""
    fresh = folder.with_name("postgres.new")
    shutil.rmtree(fresh, ignore_errors=True)
    with tempfile.NamedTemporaryFile("w", dir=place.data) as secret:
        secret.write(password)
        secret.flush()
        if place.account:
            os.chown(secret.name, place.account.user, place.account.group)
        argv = [str(place.postgres_bin / "initdb"), "-D", str(fresh), f"--username={ADMIN}", f"--pwfile={secret.name}"]
        argv += ["--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", "--no-instructions"]
        argv += [] if durable else ["--no-sync"]
        done = subprocess.run(
            argv, check=False, capture_output=True, text=True, cwd="/", env={"PATH": os.defpath}, **login(place.account)
        )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise CannotStart(
            f"PostgreSQL's data folder could not be made in {place.data} ({last}): free disk space, or choose another "
            "DAYBOOK_HOME"
        )
    fresh.rename(folder)


def _forget_dead_server(folder: Path) -> None:
    """Remove the pid file of a killed server whose pid now belongs to another program: it would be waited for. Its
    sockets, on a port of their own each, would lie there for ever."""
    file = folder / "postmaster.pid"
    command = _command_of(file)
    if command is not None and str(folder).encode() not in command:
        file.unlink(missing_ok=True)
    for lock in folder.parent.glob(".s.PGSQL.*.lock"):
        if str(folder).encode() not in (_command_of(lock) or b""):
            lock.unlink(missing_ok=True)
            lock.with_suffix("").unlink(missing_ok=True)


def _command_of(file: Path) -> bytes | None:
    """The command of the process that a pid file names; None where there is none."""
    try:
        pid = int(file.read_text().split("\n", 1)[0])
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None


async def reachable(admin_dsn: str) -> bool:
    """Whether the server takes connections. Raises CannotStart when it takes them but not with this password."""
    try:
        connection = await asyncpg.connect(admin_dsn, timeout=5)
    except (OSError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError, TimeoutError):
        return False
    except asyncpg.InvalidPasswordError as error:
        raise CannotStart(
            "PostgreSQL refuses the password in secrets.json: put back the secrets.json with which this data was made, "
            "or begin with an empty desk by removing the whole DAYBOOK_HOME"
        ) from error
    await connection.close()
    return True


def _reason(tail: str, folder: Path, port: int) -> str:
    fatal = re.findall(r"(?:FATAL|PANIC|ERROR|could not [^\n]*): +([^\n]+)", tail)
    last = fatal[-1] if fatal else (tail.splitlines() or ["its log is empty"])[-1]
    if "Address already in use" in tail[-2000:]:
        return f"Port {port} for PostgreSQL was taken by another program just now: start again"
    return (
        f"PostgreSQL could not start on {folder} ({last}): put a backup in its place, or begin with an empty desk: "
        f"rm -r {folder}"
    )
