"""One replay for the API, in a process of its own: a job on standard input, its steps and answer on standard output.

It is the child of the process that was asked and ends with it: standard input stays open for as long as that one lives.
Whatever is not a line of the protocol goes to standard error.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson

from services.kit.refused import Refused
from services.kit.settings import Settings
from services.reporting.whatif.asked import WhatifQuestion
from services.reporting.whatif.result import Result
from services.reporting.whatif.run import Step, replay
from services.reporting.whatif.workers import Failed

CHANGES_MAX: Final = 1_000  # lines that the API gives; the command line gives all
CLIENTS_MAX: Final = 1_000  # with figures of their own
STEP_SECONDS: Final = 0.3
NICENESS: Final = 10  # the desk's own work comes first


def main() -> None:
    os.nice(NICENESS)
    job = orjson.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    settings, asked = Settings.model_validate(job["settings"]), WhatifQuestion.model_validate(job["asked"])
    with TemporaryDirectory(prefix="daybook-whatif-") as folder:
        try:
            result = asyncio.run(replay(settings, asked, Path(folder), _teller()))
            _say({"result": bounded(result)})
        except Refused as refused:
            _say({"problem": str(refused)})
        except (Failed, OSError) as error:
            _say({"problem": f"{type(error).__name__}: {error}"})


def bounded(result: Result) -> dict[str, Any]:
    """The result as the API gives it: the first of its lines, and how many there are."""
    said = result.header()
    lines = result.changes()
    said["changes"] = [orjson.loads(line) for line in islice(lines, CHANGES_MAX)]
    said["more_changes"] = sum(1 for _ in lines)
    said["more_clients"] = max(len(said["clients"]) - CLIENTS_MAX, 0)
    said["clients"] = said["clients"][:CLIENTS_MAX]
    return said


def _teller() -> Any:
    told_at = 0.0

    def told(step: Step) -> None:
        nonlocal told_at
        now = time.monotonic()
        if now - told_at >= STEP_SECONDS:
            told_at = now
            _say({"step": list(step)})

    return told


def _say(said: dict[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(said, default=str) + b"\n")
    sys.stdout.buffer.flush()


def _end_with_the_parent() -> None:
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGKILL)  # a session of its own: this process and its workers


if __name__ == "__main__":
    main()
