"""A question -> a process that answers it, followed line by line, and killed with all of its workers. I/O."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import orjson
from pydantic import SecretStr

from services.kit.settings import Settings
from services.reporting.whatif.asked import WhatifQuestion
from services.reporting.whatif.run import Step

LINE_BYTES_MAX: Final = 64_000_000  # an answer is one line
SAID_BYTES_MAX: Final = 2_000  # of what a child that failed has said
MODULE: Final = "services.reporting.whatif"


class NoAnswer(RuntimeError):
    """The process ended without an answer."""


async def answered(settings: Settings, asked: WhatifQuestion, told: Callable[[Step], None]) -> dict[str, Any]:
    """The process's last line: {"result": …} or {"problem": …}. Cancelled, it kills the process. Raises NoAnswer."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", MODULE,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        limit=LINE_BYTES_MAX, start_new_session=True,
    )  # fmt: skip
    assert child.stdin is not None and child.stdout is not None and child.stderr is not None  # noqa: S101, PT018  pipes
    erring = asyncio.create_task(child.stderr.read(SAID_BYTES_MAX))
    try:
        child.stdin.write(orjson.dumps({"settings": revealed(settings), "asked": asked.plain()}) + b"\n")
        await child.stdin.drain()
        async for line in child.stdout:
            said: dict[str, Any] = orjson.loads(line)
            if "step" not in said:
                return said
            told(Step(*said["step"]))
        words = (await erring).decode(errors="replace").strip().splitlines()
        raise NoAnswer(words[-1] if words else "it ended without a word")
    except (BrokenPipeError, ConnectionResetError) as error:
        raise NoAnswer("it ended before it was asked") from error
    finally:
        erring.cancel()
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()


def revealed(settings: Settings) -> dict[str, Any]:
    """All settings as JSON, secrets in clear: for a pipe to our own child, and nowhere else."""
    said = settings.model_dump(exclude_none=True)
    plain = {name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in said.items()}
    return {name: str(value) if not isinstance(value, str | int) else value for name, value in plain.items()}
