"""A service is a process that closes what it opened when it is told to stop, however it was started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from services.kit.postgres import ROOT

SECONDS = 60.0
SLEEPER = """
import asyncio, signal
from services.cli import processes

async def sleeps():
    print("serves", flush=True)
    try:
        await asyncio.sleep(600)
    finally:
        print("closed", flush=True)

def main(settings):
    asyncio.run(sleeps())

processes.SERVICES["sleeper"] = "__main__:main"
signal.signal(signal.SIGINT, signal.{inherited})
processes.serve("sleeper")
"""


@pytest.mark.parametrize("inherited", ["default_int_handler", "SIG_IGN"])  # the second: a shell's `daybook serve ... &`
@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_a_service_ends_in_order_even_where_the_shell_had_it_ignore_interrupts(
    inherited: str, told: signal.Signals, tmp_path: Path
) -> None:
    argv = (sys.executable, "-c", SLEEPER.format(inherited=inherited))
    environment = {**os.environ, "DAYBOOK_HOME": str(tmp_path)}
    with subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "serves\n"
            process.send_signal(told)
            assert process.communicate(timeout=SECONDS)[0] == "closed\n"
            assert process.returncode == 0
        finally:
            process.kill()
