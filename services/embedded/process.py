"""A Program enters; a running process leaves that dies with its parent, is ready, or says in one sentence why not."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

START_SECONDS_MAX = 60.0  # crash recovery of a large log included
POLL_SECONDS = 0.02
WAIT_POLL_SECONDS = 0.2  # where the kernel does not tell of a child's end
LOG_BYTES_MAX = 20_000_000  # a longer log file is put aside at the next start
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class CannotStart(Exception):
    """One sentence: what is wrong, and the remedy."""


@dataclass(frozen=True)
class Account:
    """The user that root lends to a server."""

    user: int
    group: int


@dataclass(frozen=True)
class Program:
    """What to run, how it tells that it is ready, and how it wants to be stopped.

    Without `ready` the program gets a pipe in DAYBOOK_READY_FD and is ready once it has written a line into it.
    """

    name: str
    argv: tuple[str, ...]
    ready: Callable[[], Awaitable[bool]] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    explain: Callable[[str], str] | None = None
    """From the end of the log to the sentence that tells why it did not start."""
    service: str | None = None
    """One of our own services: a fork server may run it in place of `argv`."""


class Running(Protocol):
    """What a Child asks of its process: a subprocess.Popen, or what a fork server made."""

    pid: int

    def poll(self) -> int | None: ...
    def send_signal(self, sig: int, /) -> None: ...
    def kill(self) -> None: ...


class ForksServices(Protocol):
    def fork(self, service: str, environment: Mapping[str, str], log: int, ready: int) -> Running | None:
        """A process of the service; None where there is no fork server just now."""


class Child:
    """One process of a program, with its log file. `forks` starts services faster than their commands do."""

    def __init__(self, program: Program, logs: Path, forks: ForksServices | None = None) -> None:
        self.program = program
        self.log = logs / f"{program.name}.log"
        self._forks = forks
        self._process: Running | None = None
        self._ready_pipe: int | None = None
        self._log_start = 0

    @property
    def pid(self) -> int:
        if self._process is None:
            raise LookupError(f"{self.program.name} has not been started")
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        return self._process.poll() if self._process else None

    def spawn(self) -> None:
        """Start the process. Call it from the main thread: Linux ends the child when the thread that made it ends."""
        _put_aside(self.log)
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = self._fork(log.fileno(), writing) or self._execute(log, writing)
        os.close(writing)
        self._ready_pipe = reading

    def _fork(self, log: int, ready: int) -> Running | None:
        if self._forks is None or self.program.service is None:
            return None
        return self._forks.fork(self.program.service, {**os.environ, **self.program.environment}, log, ready)

    def _execute(self, log: IO[bytes], ready: int) -> Running:
        account = self.program.account
        return subprocess.Popen(
            self.program.argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/" if account else None,  # the caller's folder may be closed to the lent account
            env={**os.environ, **self.program.environment, "DAYBOOK_READY_FD": str(ready)},
            pass_fds=(ready,),
            start_new_session=True,  # Ctrl-C goes to the supervisor, which stops its children in order
            preexec_fn=die_with_parent(self.program.stop_signal, os.getpid()),  # noqa: PLW1509 - see there
            **login(account),
        )

    async def wait_ready(self, seconds: float = START_SECONDS_MAX) -> None:
        """Returns once the program serves. Raises CannotStart with its reason when it ends or stays silent."""
        end = time.monotonic() + seconds
        while not await self._is_ready():
            if self.exit_code is not None:
                raise CannotStart(self._why(f"ended with code {self.exit_code} instead of starting"))
            if time.monotonic() > end:
                raise CannotStart(self._why(f"was not ready within {seconds:.0f} s"))
            await asyncio.sleep(POLL_SECONDS)
        self._close_pipe()

    async def wait(self) -> int:
        """The exit code, once the process has ended."""
        if self._process is None:
            raise LookupError(f"{self.program.name} has not been started")
        if self.exit_code is None and sys.platform == "linux":
            await _end_of(self._process.pid)
        while (code := self.exit_code) is None:
            await asyncio.sleep(WAIT_POLL_SECONDS)
        self._close_pipe()
        return code

    async def stop(self) -> None:
        """Ask it to stop, wait for as long as the program may take, then end it."""
        if self._process is None or self.exit_code is not None:
            return
        self._process.send_signal(self.program.stop_signal)
        try:
            async with asyncio.timeout(self.program.stop_seconds):
                await self.wait()
        except TimeoutError:
            self.kill()
            await self.wait()

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None and self.exit_code is None:
            self._process.kill()

    async def _is_ready(self) -> bool:
        if self.program.ready is not None:
            return await self.program.ready()
        try:
            return self._ready_pipe is not None and os.read(self._ready_pipe, 16) != b""
        except BlockingIOError:
            return False

    def _close_pipe(self) -> None:
        if self._ready_pipe is not None:
            os.close(self._ready_pipe)
            self._ready_pipe = None

    def _why(self, what: str) -> str:
        tail = self.log.read_bytes()[self._log_start :][-8000:].decode(errors="replace").strip()
        if self.program.explain is not None:
            return self.program.explain(tail)
        last = next((line.strip() for line in reversed(tail.splitlines()) if line.strip()), "its log is empty")
        return f"{self.program.name} {what} ({last}): see {self.log}"


async def _end_of(pid: int) -> None:
    """Returns when the child has ended. Waiting costs nothing: the kernel makes the descriptor readable then."""
    ended = asyncio.Event()
    descriptor = os.pidfd_open(pid)
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def login(account: Account | None) -> dict[str, Any]:
    """Arguments of subprocess that run a program as the lent account."""
    if account is None:
        return {}
    return {"user": account.user, "group": account.group, "extra_groups": [], "umask": 0o077}


def die_with_parent(number: signal.Signals, parent: int) -> Callable[[], None] | None:
    """On Linux the kernel sends `number` to the child when its parent dies, even by kill -9."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)  # loaded before the fork: between fork and exec nothing may be imported

    def in_child() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # the parent died before the line above took hold
            os._exit(1)

    return in_child


def _put_aside(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_suffix(".log.1"))
