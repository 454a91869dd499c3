"""DAYBOOK_HOME enters: who runs there, which processes were started there, and where they answer.

`up.lock` is held for as long as a supervisor lives, `children.json` names its processes for the next one to clean up
after a kill -9, `run.json` tells everyone else where the desk answers.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict

from services.embedded.process import CannotStart, Child
from services.kit.settings import lock_is_held

LOCK_SECONDS = 1.0  # other commands look at the lock for an instant
ORPHAN_SECONDS = 10.0  # an orphan that does not end by then is killed


class Running(TypedDict):
    """What run.json holds: where the desk answers, and the process of each part."""

    address: str
    smtp: str
    nats: str
    database: str
    pids: dict[str, int]


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Holds the home for this process. Raises CannotStart when a desk runs in it already."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "up.lock").open("a+") as file:
        end = time.monotonic() + LOCK_SECONDS
        while not _lock(file.fileno()):
            if time.monotonic() > end:
                file.seek(0)
                raise CannotStart(_occupied(home, file.read().strip()))
            time.sleep(0.05)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        forget_running(home)
        yield


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _occupied(home: Path, pid: str) -> str:
    try:
        where = f" at {json.loads((home / 'run.json').read_text())['address']}"
    except (FileNotFoundError, ValueError, KeyError):
        where = ""
    return (
        f"A desk already runs in {home}{where} (process {pid}): use that one, stop it with Ctrl-C or kill {pid}, or "
        "choose another folder with DAYBOOK_HOME and other ports"
    )


def write_running(home: Path, running: Running) -> None:
    """Says that everything is ready. The file is whole at every instant, and its owner's alone: it holds a password."""
    _write(home / "run.json", running)


def forget_running(home: Path) -> None:
    (home / "run.json").unlink(missing_ok=True)


def runs_here(home: Path, name: str) -> bool:
    """Whether the desk that runs in this home started a process of this name itself."""
    try:
        running: Running = json.loads((home / "run.json").read_text())
    except (FileNotFoundError, ValueError):
        return False
    return lock_is_held(home) and name in running["pids"]


def remember_children(home: Path, children: list[Child]) -> None:
    """Note which processes are ours, with the instant of their birth: a pid alone may be another's by tomorrow."""
    known = [
        {"name": child.program.name, "pid": child.pid, "born": _born(child.pid), "stop": int(child.program.stop_signal)}
        for child in children
        if child.exit_code is None
    ]
    _write(home / "children.json", known)


def end_orphans(home: Path) -> list[str]:
    """End what a killed supervisor left running in this home, and return the names. Call it with the home locked."""
    try:
        known: list[dict[str, Any]] = json.loads((home / "children.json").read_text())
    except (FileNotFoundError, ValueError):
        return []
    orphans = [child for child in known if child["born"] is not None and _born(child["pid"]) == child["born"]]
    for child in reversed(orphans):
        _send(child["pid"], child["stop"])
    end = time.monotonic() + ORPHAN_SECONDS
    while alive := [child for child in orphans if _born(child["pid"]) == child["born"]]:
        if time.monotonic() > end:
            for child in alive:
                _send(child["pid"], signal.SIGKILL)
            break
        time.sleep(0.05)
    (home / "children.json").unlink(missing_ok=True)
    return [child["name"] for child in orphans]


def _born(pid: int) -> str | None:
    """The start of a process in clock ticks since boot; None where it is gone, is a zombie, or /proc does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else fields[19]


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _write(path: Path, content: object) -> None:
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(content, file, indent=1)
    fresh.replace(path)
