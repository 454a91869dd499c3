"""The supervisor's end of the fork server: names of services enter, processes that can be waited for leave.

Only on Linux, where a process can be held by a descriptor. Elsewhere, and for as long as the fork server is not ready,
`fork` gives None and the service is started by its command, which is slower and otherwise the same.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from asyncio import sleep
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.embedded.process import POLL_SECONDS, START_SECONDS_MAX, die_with_parent

MESSAGE_BYTES_MAX = 4096
ANSWER_SECONDS_MAX = 10.0  # for a fork, or for the news of an end that the kernel has told already


class Forks:
    """One fork server for these services, and what it made. `logs` is the folder for what it says itself."""

    def __init__(self, logs: Path, services: Sequence[str]) -> None:
        self._logs, self._services = logs, services
        self._server: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._ready = False
        self._codes: dict[int, int] = {}
        self._started = 0

    def start(self) -> None:
        """Start it where it does not run: it is ready a second or two later. Call it from the main thread."""
        if sys.platform != "linux" or (self._server is not None and self._server.poll() is None):
            return
        self._forget()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._logs.mkdir(parents=True, exist_ok=True)
        with theirs, (self._logs / "forkserver.log").open("ab") as log:
            self._server = subprocess.Popen(
                (sys.executable, "-m", "services.embedded.forkserver", str(theirs.fileno()), *self._services),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM, os.getpid()),  # noqa: PLW1509 - see there
            )
        self._channel = ours
        self._started += 1

    async def until_ready(self) -> None:
        """Returns when it can fork, or never will."""
        waited = 0.0
        while self._server is not None and not self._can_fork() and waited < START_SECONDS_MAX:
            if self._server.poll() is not None:
                return
            await sleep(POLL_SECONDS)
            waited += POLL_SECONDS

    def fork(self, service: str, environment: Mapping[str, str], log: int, ready: int) -> Forked | None:
        """A process that runs the service, with these descriptors for its log and its readiness; None without one."""
        if not self._can_fork() or self._channel is None:
            return None
        order = json.dumps({"service": service, "environment": dict(environment)}).encode()
        try:
            socket.send_fds(self._channel, [order], [log, ready])
        except OSError:  # it has just ended, or the environment is longer than a message may be
            return None
        pid = self._next_fork()
        return None if pid is None else Forked(pid, self, self._started)

    def code_of(self, pid: int, started: int, seconds: float) -> int | None:
        """The exit code of a process, where its server (the `started`th) lives and tells it within this time."""
        if started != self._started:
            return None
        while pid not in self._codes and self._read(seconds) is not None:
            pass
        return self._codes.pop(pid, None)

    def close(self) -> None:
        """End the fork server. What it made should have ended before."""
        if self._server is not None:
            self._forget()
            self._server.terminate()
            self._server.wait()
            self._server = None

    def _forget(self) -> None:
        if self._channel is not None:
            self._channel.close()
        self._channel, self._ready = None, False

    def _can_fork(self) -> bool:
        while not self._ready and self._read(0.0) is not None:
            pass
        return self._ready and self._server is not None and self._server.poll() is None

    def _next_fork(self) -> int | None:
        while (news := self._read(ANSWER_SECONDS_MAX)) is not None:
            if "forked" in news:
                return int(news["forked"])
        return None

    def _read(self, seconds: float) -> dict[str, int] | None:
        """The next message, which is noted as well; None when none came in time, or it has gone."""
        if self._channel is None or not select.select([self._channel], [], [], seconds)[0]:
            return None
        message = self._channel.recv(MESSAGE_BYTES_MAX)
        if not message:
            self._forget()
            return None
        news: dict[str, int] = json.loads(message)
        if "ended" in news:
            self._codes[news["ended"]] = news["code"]
        self._ready = self._ready or "ready" in news
        return news


class Forked:
    """A process that the fork server made: the part of subprocess.Popen that a Child asks for."""

    def __init__(self, pid: int, forks: Forks, started: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._forks, self._started = forks, started
        self._descriptor = _held(pid)

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self.returncode is None and self._has_ended():
            code = self._forks.code_of(self.pid, self._started, ANSWER_SECONDS_MAX)
            self.returncode = -signal.SIGTERM if code is None else code  # the server's end takes its processes along
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Sent by descriptor: the number of a process that has ended may be another's by now."""
        if self._descriptor is not None:
            try:
                signal.pidfd_send_signal(self._descriptor, number)
            except ProcessLookupError:
                return

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _has_ended(self) -> bool:
        return self._descriptor is None or bool(select.select([self._descriptor], [], [], 0)[0])


def _held(pid: int) -> int | None:
    """The process's descriptor; None where it has ended already."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None
