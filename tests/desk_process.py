"""A folder enters; a whole desk as `make up` starts it leaves, in processes of its own, on free ports."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

from services.embedded.place import ROOT_BASE

START_SECONDS = 180.0  # of a whole desk, on a machine that is busy with other tests
STOP_SECONDS = 90.0


class DeskProcess:
    """`daybook up` on free ports. Use it with `with`: at the end all is stopped and its data removed."""

    def __init__(self, home: Path, *arguments: str, **environment: str) -> None:
        self.home = home
        self._argv = (sys.executable, "-m", "services", "up", *arguments)
        # The name lets the next test run remove what a killed one left under /var/lib/daybook.
        self._home_id = f"test-{os.getpid()}-{home.parent.name}-{home.name}"
        ports = {f"DAYBOOK_{name}PORT": "0" for name in ("", "SMTP_", "NATS_")}
        self.environment = {
            **os.environ,
            **ports,
            "DAYBOOK_HOME": str(home),
            "DAYBOOK_HOME_ID": self._home_id,
            "PYTHONUNBUFFERED": "1",
            **environment,
        }
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end(signal.SIGTERM)
        if os.geteuid() == 0:
            shutil.rmtree(ROOT_BASE / "homes" / self._home_id, ignore_errors=True)

    @property
    def data(self) -> Path:
        """Where the servers of this desk keep their data."""
        return ROOT_BASE / "homes" / self._home_id if os.geteuid() == 0 else self.home

    @property
    def running(self) -> dict[str, Any]:
        return dict(json.loads((self.home / "run.json").read_text()))

    @property
    def said(self) -> str:
        return (self.home.parent / f"{self.home.name}.said").read_text()

    def spawn(self) -> None:
        with (self.home.parent / f"{self.home.name}.said").open("w") as said:
            self._process = subprocess.Popen(
                self._argv, env=self.environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, text=True
            )

    def start(self) -> dict[str, Any]:
        """Start it and return run.json once everything is ready."""
        self.spawn()
        assert self._process is not None
        end = time.monotonic() + START_SECONDS
        while not self._is_ready(self._process.pid):
            assert self._process.poll() is None, f"the desk ended: {self.said}"
            assert time.monotonic() < end, f"the desk was not ready in time: {self.said}"
            time.sleep(0.05)
        return self.running

    def _is_ready(self, pid: int) -> bool:
        """A desk that was killed leaves its run.json behind until the next one starts."""
        try:
            return bool(self.running["pids"]["supervisor"] == pid)
        except FileNotFoundError:
            return False

    def refused(self) -> str:
        """Start what must not start, and return what it says."""
        self.spawn()
        assert self._process is not None
        assert self._process.wait(START_SECONDS) == 1, self.said
        return self.said

    def end(self, number: signal.Signals = signal.SIGINT) -> int | None:
        """Tell it to stop; the exit code, or None where nothing ran."""
        if self._process is None:
            return None
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self._process.wait(STOP_SECONDS)

    def kill_everything(self) -> None:
        """kill -9 of the supervisor and of each of its processes, as a power cut for this desk alone."""
        for pid in self.running["pids"].values():
            os.kill(pid, signal.SIGKILL)
        assert self._process is not None
        self._process.wait(STOP_SECONDS)
