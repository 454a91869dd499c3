"""The fork server itself: a service that it starts is one like that of the command, with an end of its own."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.embedded.forks import Forks
from services.embedded.process import CannotStart, Child, Program

NOWHERE = {"DAYBOOK_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "DAYBOOK_NATS_URL": "nats://127.0.0.1:1"}


@pytest.fixture
async def forks(tmp_path: Path) -> AsyncIterator[Forks]:
    forks = Forks(tmp_path, ("relay",))
    forks.start()
    await forks.until_ready()
    yield forks
    forks.close()


def a_relay(forks: Forks, logs: Path, **environment: str) -> Child:
    """With a command that is seen when it is run in place of the fork."""
    argv = ("/bin/sh", "-c", "echo by command; sleep 60")
    return Child(Program("relay", argv, environment=NOWHERE | environment, service="relay"), logs, forks)


async def ended(child: Child) -> int:
    async with asyncio.timeout(60):
        return await child.wait()


async def test_a_service_that_cannot_start_says_why_in_its_own_log(forks: Forks, tmp_path: Path) -> None:
    child = a_relay(forks, tmp_path, DAYBOOK_PORT="nonsense")
    child.spawn()
    with pytest.raises(CannotStart, match=r"relay ended with code 1 .*relay\.log"):
        await child.wait_ready()
    said = child.log.read_text()
    assert "nonsense" in said
    assert "by command" not in said
    assert (tmp_path / "forkserver.log").read_text() == ""


async def test_each_service_ends_as_it_is_told_and_the_server_s_end_ends_them_all(forks: Forks, tmp_path: Path) -> None:
    first, second, third = (a_relay(forks, tmp_path, DAYBOOK_PORT=str(port)) for port in (1, 2, 3))
    for child in (first, second, third):
        child.spawn()
        os.kill(child.pid, signal.SIGSTOP)  # so that it does not end by itself: it has no servers
    os.kill(first.pid, signal.SIGKILL)
    assert await ended(first) == -signal.SIGKILL
    assert second.exit_code is None
    second.kill()
    assert await ended(second) == -signal.SIGKILL
    forks.close()
    os.kill(third.pid, signal.SIGCONT)
    assert await ended(third) == -signal.SIGTERM


async def test_without_its_server_a_service_is_started_by_its_command(forks: Forks, tmp_path: Path) -> None:
    forks.close()
    child = a_relay(forks, tmp_path)
    child.spawn()
    async with asyncio.timeout(60):
        while "by command" not in child.log.read_text():
            await asyncio.sleep(0.02)
    await child.stop()
