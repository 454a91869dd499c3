"""A whole desk in a scratch home, as `daybook up` runs it -> its address, a token, its processes' CPU and memory."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from services.kit.postgres import ROOT
from services.kit.settings import Settings, load

START_SECONDS = 60.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Desk:
    """A running desk. `root` is the supervisor, of which all its processes descend."""

    address: str
    token: str
    home: Path
    root: int

    def settings(self) -> Settings:
        """How to reach its servers."""
        return load(home=self.home)

    def cpu_seconds(self) -> float:
        """User and system time of all its processes so far, PostgreSQL and NATS included."""
        return cpu_of(self.root)

    def memory(self) -> dict[str, float]:
        """Proportional set size of each service in MB."""
        pids = json.loads((self.home / "run.json").read_text())["pids"]
        return {name: _pss(pid) for name, pid in pids.items()}


@asynccontextmanager
async def desk() -> AsyncIterator[Desk]:
    """Starts a desk on free ports and stops it at the end."""
    home = Path(tempfile.mkdtemp(prefix="daybook-bench-"))
    environment = {**os.environ, "DAYBOOK_HOME": str(home), "DAYBOOK_LOG_LEVEL": "warning"}
    environment |= {"DAYBOOK_PORT": "0", "DAYBOOK_SMTP_PORT": "0", "DAYBOOK_NATS_PORT": "0"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services", "up", cwd=ROOT, env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        running = await _until_ready(home, process)
        token = await daybook(environment, "token", "create", "--role", "administrator", "--json")
        yield Desk(running["address"], json.loads(token)["token"], home, process.pid)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await process.wait()
        shutil.rmtree(home, ignore_errors=True)


async def daybook(environment: dict[str, str], *arguments: str) -> str:
    """What a `daybook` command prints. Raises RuntimeError with its error where it fails."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services", *arguments, cwd=ROOT, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await process.communicate()
    if process.returncode:
        raise RuntimeError(errors.decode())
    return out.decode()


async def _until_ready(home: Path, process: asyncio.subprocess.Process) -> dict[str, str]:
    async with asyncio.timeout(START_SECONDS):
        while not (home / "run.json").exists():
            if process.returncode is not None:
                raise RuntimeError(f"daybook up ended with {process.returncode}")
            await asyncio.sleep(0.1)
    running: dict[str, str] = json.loads((home / "run.json").read_text())
    return running


def cpu_of(root: int) -> float:
    """User and system time of a process and all its children so far, in seconds."""
    return sum(_ticks(pid) for pid in _tree(root)) / TICKS


def _tree(root: int) -> Iterator[int]:
    yield root
    try:
        children = Path(f"/proc/{root}/task/{root}/children").read_text().split()
    except FileNotFoundError:
        return
    for child in children:
        yield from _tree(int(child))


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0
    return sum(int(field) for field in fields[11:15])


def _pss(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0
