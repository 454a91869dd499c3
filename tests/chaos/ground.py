"""Servers that can be killed, wiped and starved, behind lines that can be cut; a desk and a second relay. I/O."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from aiosmtpd.smtp import SMTP, Envelope, Session

from services.cli.bus_accounts import services_text
from services.embedded import nats, postgres
from services.embedded.place import Place, place_for
from services.embedded.ports import claim
from services.embedded.process import CannotStart, Child, Program
from services.kit.settings import Settings, load
from tests.chaos.proxy import Line
from tests.desk_process import DeskProcess

PASSWORD = "for-chaos-only"
DATABASE = "chaos"
ROOM_BYTES = 4 * 2**30  # of the servers' disk, as long as it is not full
LEFT_BYTES = 1_500_000  # what is left of it when it is full
AGAIN_SECONDS = 0.2


class Kept:
    """A process that is started again whenever it ends, until `stop`."""

    def __init__(self, program: Program, logs: Path) -> None:
        self._child = Child(program, logs)
        self._keeper: asyncio.Task[None] | None = None
        self._may_run = asyncio.Event()
        self.ready = asyncio.Event()

    @property
    def pid(self) -> int:
        return self._child.pid

    async def start(self) -> None:
        self._may_run.set()
        self._keeper = asyncio.create_task(self._keep())
        async with asyncio.timeout(120):
            await self.ready.wait()

    async def _keep(self) -> None:
        while True:
            await self._may_run.wait()
            self._child.spawn()
            try:
                await self._child.wait_ready()
            except CannotStart:  # what is left of the one before may still hold port, memory or disk
                await self._child.stop()
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            self.ready.set()
            await self._child.wait()
            self.ready.clear()
            await asyncio.sleep(AGAIN_SECONDS)

    async def hold(self) -> None:
        """Ends it and keeps it from being started again."""
        self._may_run.clear()
        self._child.kill()
        while self.ready.is_set():
            await asyncio.sleep(0.02)

    def let_go(self) -> None:
        self._may_run.set()

    async def stop(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        await self._child.stop()


@dataclass
class MailSink:
    """A mail server that takes everything and counts how often each letter came."""

    letters: dict[str, int] = field(default_factory=dict)
    port: int = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        assert isinstance(envelope.content, bytes)
        name = str(BytesHeaderParser().parsebytes(envelope.content)["Message-ID"])
        self.letters[name] = self.letters.get(name, 0) + 1
        return "250 OK"


@dataclass
class Ground:
    """Everything that a storm can reach."""

    settings: Settings
    """Of the servers themselves, behind no line."""
    place: Place
    postgres: Kept
    nats: Kept
    relay: Kept
    database_line: Line
    bus_line: Line
    desk: DeskProcess
    sink: MailSink
    has_quota: bool

    @property
    def pids(self) -> dict[str, int]:
        """The processes that may be killed, as they are now."""
        services = {name: pid for name, pid in self.desk.running["pids"].items() if name != "supervisor"}
        return {**services, "relay 2": self.relay.pid, "postgres": self.postgres.pid, "nats": self.nats.pid}

    def family(self, target: str) -> list[int]:
        """A process and those that it has made: a frozen PostgreSQL is its postmaster and every backend."""
        pid = self.pids[target]
        children = Path(f"/proc/{pid}/task/{pid}/children")
        return [pid, *map(int, children.read_text().split())] if target == "postgres" else [pid]

    def quota(self, *, full: bool) -> None:
        """Makes the servers' disk as small as what is on it, or gives it room again."""
        used = shutil.disk_usage(self.place.data).used
        size = used + LEFT_BYTES if full else ROOM_BYTES
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self.place.data)], check=True)


@asynccontextmanager
async def ground(home: Path) -> AsyncIterator[Ground]:
    """Starts everything, and ends it."""
    async with AsyncExitStack() as end:
        place = place_for(load(home=home / "servers", home_id=f"test-{os.getpid()}-{home.name}"))
        end.callback(shutil.rmtree, place.data, ignore_errors=True)
        has_quota = _mounted(place)
        if has_quota:
            end.callback(subprocess.run, ["umount", "--lazy", str(place.data)], check=False)
        ports = claim(0, "no variable"), claim(0, "no variable")
        database = Kept(postgres.program(place, ports[0], PASSWORD), home / "logs")
        # As in production: a bus that knows each service by its key and lets nobody else in.
        secret = secrets.token_hex(16)
        settings = load(home=home / "desk", role_secret=secret, nats_url=f"nats://127.0.0.1:{ports[1]}")
        bus = Kept(nats.program(place, ports[1], accounts=services_text(settings)), home / "logs")
        lines = Line(ports[0]), Line(ports[1])
        for server, line in zip((database, bus), lines, strict=True):
            await server.start()
            end.push_async_callback(server.stop)
            await line.open()
            end.push_async_callback(line.close)
        sink = await end.enter_async_context(_mail_sink())
        direct = postgres.dsn(ports[0], PASSWORD, DATABASE)
        environment = {
            "DAYBOOK_DATABASE_URL": _by(direct, lines[0].port),
            "DAYBOOK_NATS_URL": f"nats://127.0.0.1:{lines[1].port}",
            "DAYBOOK_SMTP_URL": f"smtp://127.0.0.1:{sink.port}",
            "DAYBOOK_ROLE_SECRET": secret,
            "DAYBOOK_LOG_LEVEL": "warning",
        }
        desk = end.enter_context(DeskProcess(home / "desk", **environment))
        # The lines must carry while the desk starts and stops, so it is waited for beside the loop.
        end.push_async_callback(asyncio.to_thread, desk.end, signal.SIGTERM)
        await asyncio.to_thread(desk.start)
        relay = Kept(_second_relay(desk), home / "logs")
        await relay.start()
        end.push_async_callback(relay.stop)
        settings = Settings.model_validate({**settings.model_dump(), "database_url": direct})
        yield Ground(settings, place, database, bus, relay, *lines, desk, sink, has_quota)


def _second_relay(desk: DeskProcess) -> Program:
    running = desk.running
    environment = {
        **{name: value for name, value in desk.environment.items() if name.startswith("DAYBOOK_")},
        "DAYBOOK_DATABASE_URL": running["database"],
        "DAYBOOK_NATS_URL": running["nats"],
    }
    return Program("relay-2", (sys.executable, "-m", "services", "serve", "relay"), environment=environment)


def _by(dsn: str, port: int) -> str:
    """The same database by another port."""
    parts = urlsplit(dsn)
    return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{port}"))


def _mounted(place: Place) -> bool:
    """A disk of its own for the servers, whose size can be changed; needs root and a kernel that lets it mount."""
    if place.account is None:
        return False
    owner = f"size={ROOM_BYTES},mode=0700,uid={place.account.user},gid={place.account.group}"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", owner, "tmpfs", str(place.data)], check=False, capture_output=True
    )
    return done.returncode == 0


@asynccontextmanager
async def _mail_sink() -> AsyncIterator[MailSink]:
    sink = MailSink()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(sink, enable_SMTPUTF8=True), "127.0.0.1", 0)
    sink.port = server.sockets[0].getsockname()[1]
    yield sink
    server.close()


async def connect(settings: Settings) -> asyncpg.Connection[asyncpg.Record]:
    """A connection of the administrator, past the line."""
    return await asyncpg.connect(settings.admin_dsn(), timeout=5)
