"""Settings enter; a whole desk runs in the foreground until Ctrl-C: servers, provisioning, one process a service."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import typer

from services.cli.app import Stop
from services.cli.bus_accounts import (
    NoAccounts,
    kept_subscribers,
    living_accounts,
    services_text,
    share_accounts,
    writer,
)
from services.cli.first_login import administrator
from services.cli.processes import present
from services.cli.provision import provision
from services.embedded import nats, postgres
from services.embedded.home import Running, end_orphans, forget_running, locked, write_running
from services.embedded.nightly import Nightly
from services.embedded.place import place_for
from services.embedded.ports import claim
from services.embedded.process import CannotStart, Program
from services.embedded.supervisor import Supervisor
from services.kit.bus.accounts import Subscriber
from services.kit.migrate import CannotMigrate
from services.kit.postgres import connect_pool
from services.kit.settings import Settings, load

Play = Callable[[Settings], Awaitable[None]]
"""What is played into the desk before it is said to be ready, while its time is what the log says."""

Tell = Callable[[Settings], Awaitable[Iterable[str]]]
"""What is said to the person at the terminal once the desk is ready."""


def register(app: typer.Typer) -> None:
    @app.command()
    def up(
        servers_only: Annotated[
            bool, typer.Option("--servers-only", help="PostgreSQL and NATS alone: run the services in a debugger.")
        ] = False,
    ) -> None:
        """Run the whole desk on this machine. Ctrl-C stops it."""
        if servers_only:
            run_desk(load(), tell=tell_nothing, services=())
        else:
            run_desk(load(), tell=tell_login)


async def tell_nothing(settings: Settings) -> list[str]:
    return []


async def tell_login(settings: Settings) -> list[str]:
    """How the first person gets in."""
    email, password = await administrator(settings)
    return [f"Log in at {settings.address}/login as {email} with the password {password}"]


def run_desk(
    settings: Settings, *, tell: Tell, play: Play | None = None, services: Sequence[str] | None = None
) -> None:
    """Runs a desk until it is told to stop. Raises Stop with one sentence when it cannot run."""
    try:
        with locked(settings.home):
            for name in end_orphans(settings.home):
                say(f"{name:<14} was left over from a killed desk: ended")
            asyncio.run(
                _until_told(Desk(_claim_ports(settings), present() if services is None else services), tell, play)
            )
    except (CannotStart, CannotMigrate) as reason:
        raise Stop(str(reason)) from reason


def say(line: str) -> None:
    print(line, flush=True)


def without_login(urls: str) -> str:
    """The servers of a list of URLs, without the user and password by which they are reached."""
    return ",".join(url.rpartition("@")[2].rpartition("://")[2].partition("/")[0] for url in urls.split(","))


def _claim_ports(settings: Settings) -> Settings:
    ports = {
        "port": claim(settings.port, "DAYBOOK_PORT", settings.host),
        "smtp_port": claim(settings.smtp_port, "DAYBOOK_SMTP_PORT"),
    }
    if settings.nats_url is None:
        ports["nats_port"] = claim(settings.nats_port, "DAYBOOK_NATS_PORT")
    return settings.model_copy(update=ports)


async def _until_told(desk: Desk, tell: Tell, play: Play | None) -> None:
    """The first Ctrl-C or SIGTERM stops the desk in order, the second ends everything at once."""
    work = asyncio.create_task(desk.run(tell, play))
    signals = 0

    def stop() -> None:
        nonlocal signals
        signals += 1
        if signals == 1:
            say("stopping …")
            work.cancel()
        else:
            desk.supervisor.kill()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        await work
    except asyncio.CancelledError:
        say("stopped")


class Desk:
    """One run of the embedded desk. `settings` are complete once the servers are up."""

    def __init__(self, settings: Settings, services: Sequence[str]) -> None:
        self.settings = settings
        self._services = services
        self.supervisor = Supervisor(settings.home, say, self._update, services)
        self._ready = False
        self._bus_is_ours = False
        self._near: str | None = None
        self._kept: list[Subscriber] = []

    async def run(self, tell: Tell, play: Play | None) -> None:
        """Start all, say where it answers, and stay until cancelled."""
        try:
            if self._services:
                self.supervisor.forks.start()  # it imports while the servers start
            await self._start_servers()
            await provision(self.settings, say, embedded_bus=self._bus_is_ours)
            if self._bus_is_ours:
                await self._let_subscribers_in()
            if play is not None:
                await self._play(play)
            await self._start_services(self.settings)
            lines = await tell(self.settings)
            self._ready = True
            self._update()
            self._say_where(lines)
            await self._housekeeping()
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
            place = place_for(self.settings)
            programs.append(postgres.program(place, port, password))
            known["database_url"] = postgres.dsn(port, password, "daybook")
            self._near = postgres.near_dsn(place, port, password, "daybook")
        if self.settings.nats_url is None:
            self._bus_is_ours = True
            self._kept = kept_subscribers(self.settings)
            accounts = services_text(self.settings, self._kept)
            programs.append(nats.program(place_for(self.settings), self.settings.nats_port, accounts=accounts))
            known["nats_url"] = f"nats://127.0.0.1:{self.settings.nats_port}"
        self.settings = Settings.model_validate({**self.settings.model_dump(), **known})
        await self.supervisor.start(programs)

    async def _let_subscribers_in(self) -> None:
        """Those who live, where they are others than the bus began with: it began before the database could tell."""
        pool = await connect_pool(self.settings, "intake", size=1, program="daybook-up")
        try:
            if set(await living_accounts(pool)) != set(self._kept):
                await share_accounts(self.settings, pool, writer(self.settings, embedded=True))
        except NoAccounts as reason:
            say(str(reason))
        finally:
            await pool.close()

    async def _play(self, play: Play) -> None:
        """Play on the log's clock; the services are started anew afterwards, on the machine's."""
        playing = self.settings.model_copy(update={"clock": "log"})
        await self._start_services(playing)
        await play(playing)
        await self.supervisor.stop_last()

    async def _start_services(self, settings: Settings) -> None:
        environment = _environment(settings)
        if self._near is not None:
            environment["DAYBOOK_DATABASE_URL"] = self._near
        await self.supervisor.start(
            [
                Program(name, (sys.executable, "-m", "services", "serve", name), environment=environment, service=name)
                for name in self._services
            ]
        )

    async def _housekeeping(self) -> None:
        """What a running desk does for itself, until it is told to stop."""
        if self.settings.compact_at is None or not self._services:
            await asyncio.Event().wait()
            return
        environment = _environment(self.settings)
        now = partial(datetime.now, UTC)
        await Nightly(self.settings.compact_at, self.settings.home / "logs", environment, say, now).run()

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

    def _say_where(self, lines: Iterable[str]) -> None:
        say("")
        say(f"Daybook runs at {self.settings.address}")
        if "door" in self._services:
            say(f"Mail in on 127.0.0.1:{self.settings.smtp_port}")
        say(f"NATS on {without_login(self.settings.bus_url)}")
        say(f"Data in {self.settings.home}")
        for line in lines:
            say(line)
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
