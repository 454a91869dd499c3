"""Settings enter; a whole desk runs in the foreground until Ctrl-C: servers, provisioning, one process a service."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable

import typer

from services.cli.app import Stop
from services.cli.processes import present
from services.cli.provision import provision
from services.embedded import nats, postgres
from services.embedded.home import Running, end_orphans, forget_running, locked, write_running
from services.embedded.place import place_for
from services.embedded.ports import claim
from services.embedded.process import CannotStart, Program
from services.embedded.supervisor import Supervisor
from services.kit.migrate import CannotMigrate
from services.kit.settings import Settings, load

Play = Callable[[Settings], Awaitable[None]]
"""What happens between the first readiness and run.json: the demo plays its month here."""


def register(app: typer.Typer) -> None:
    @app.command()
    def up() -> None:
        """Run the whole desk on this machine. Ctrl-C stops it."""
        run_desk(load())


def run_desk(settings: Settings, play: Play | None = None) -> None:
    """Runs a desk until it is told to stop. Raises Stop with one sentence when it cannot run."""
    try:
        with locked(settings.home):
            for name in end_orphans(settings.home):
                say(f"{name:<14} was left over from a killed desk: ended")
            asyncio.run(_until_told(Desk(_claim_ports(settings)), play))
    except (CannotStart, CannotMigrate) as reason:
        raise Stop(str(reason)) from reason


def say(line: str) -> None:
    print(line, flush=True)


def _claim_ports(settings: Settings) -> Settings:
    ports = {
        "port": claim(settings.port, "DAYBOOK_PORT", settings.host),
        "smtp_port": claim(settings.smtp_port, "DAYBOOK_SMTP_PORT"),
    }
    if settings.nats_url is None:
        ports["nats_port"] = claim(settings.nats_port, "DAYBOOK_NATS_PORT")
    return settings.model_copy(update=ports)


async def _until_told(desk: Desk, play: Play | None) -> None:
    """The first Ctrl-C or SIGTERM stops the desk in order, the second ends everything at once."""
    work = asyncio.create_task(desk.run(play))
    told = 0

    def tell() -> None:
        nonlocal told
        told += 1
        if told == 1:
            say("stopping …")
            work.cancel()
        else:
            desk.supervisor.kill()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, tell)
    try:
        await work
    except asyncio.CancelledError:
        say("stopped")


class Desk:
    """One run of the embedded desk. `settings` are complete once the servers are up."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.supervisor = Supervisor(settings.home, say, self._update)
        self._ready = False

    async def run(self, play: Play | None) -> None:
        """Start all, say where it answers, and stay until cancelled."""
        try:
            await self._start_servers()
            await provision(self.settings, say)
            await self.supervisor.start([self._service(name) for name in present()])
            if play is not None:
                await play(self.settings)
            self._ready = True
            self._update()
            self._say_where()
            await asyncio.Event().wait()
        finally:
            self._ready = False
            forget_running(self.settings.home)
            await self.supervisor.stop()

    async def _start_servers(self) -> None:
        """Start PostgreSQL and NATS, or use those that the settings name."""
        programs: list[Program] = []
        known: dict[str, object] = {}
        if self.settings.database_url is None:
            port, password = claim(0, "none"), self.settings.password_of(postgres.ADMIN)
            programs.append(postgres.program(place_for(self.settings), port, password))
            known["database_url"] = postgres.dsn(port, password, "daybook")
        if self.settings.nats_url is None:
            programs.append(nats.program(place_for(self.settings), self.settings.nats_port))
            known["nats_url"] = f"nats://127.0.0.1:{self.settings.nats_port}"
        self.settings = Settings.model_validate({**self.settings.model_dump(), **known})
        await self.supervisor.start(programs)

    def _service(self, name: str) -> Program:
        argv = (sys.executable, "-m", "services", "serve", name)
        return Program(name=name, argv=argv, environment=_environment(self.settings))

    def _update(self) -> None:
        if not self._ready:
            return
        running: Running = {
            "address": self.settings.address,
            "smtp": f"127.0.0.1:{self.settings.smtp_port}",
            "nats": self.settings.bus_url,
            "database": self.settings.admin_dsn(),
            "pids": {"supervisor": os.getpid(), **self.supervisor.pids},
        }
        write_running(self.settings.home, running)

    def _say_where(self) -> None:
        say("")
        say(f"Daybook runs at {self.settings.address}")
        say(f"Mail in on 127.0.0.1:{self.settings.smtp_port}, NATS on {self.settings.bus_url}")
        say(f"Data in {self.settings.home}")
        say("Ctrl-C stops it.")


def _environment(settings: Settings) -> dict[str, str]:
    """What a child needs to load the same settings; secrets it reads from the home."""
    return {
        "DAYBOOK_HOME": str(settings.home),
        "DAYBOOK_HOST": settings.host,
        "DAYBOOK_PORT": str(settings.port),
        "DAYBOOK_SMTP_PORT": str(settings.smtp_port),
        "DAYBOOK_NATS_PORT": str(settings.nats_port),
        "DAYBOOK_DATABASE_URL": settings.admin_dsn(),
        "DAYBOOK_NATS_URL": settings.bus_url,
        "DAYBOOK_CLOCK": settings.clock,
        "PYTHONUNBUFFERED": "1",
    }
