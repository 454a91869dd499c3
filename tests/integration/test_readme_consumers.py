"""The README's consumers in Python and Node, as they stand there: stopped and started again, they miss nothing."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts.people import Role
from services.kit.settings import Settings
from services.reporting.app import open_app
from tests.integration import reporting_history as past
from tests.integration.reporting_desk import ReportingDesk, reporting_desk
from tests.integration.test_reporting_stream import served

README = Path(__file__).resolve().parents[2] / "README.md"
PATIENCE = 60.0
NODE = shutil.which("node")


@pytest.fixture(scope="module")
async def desk(bus: Settings) -> AsyncIterator[ReportingDesk]:
    async with reporting_desk(bus, 31, ("acme", "globex")) as opened:
        await opened.tell(6)
        yield opened


def block(language: str) -> str:
    """The consumer in this language that reads over HTTP."""
    section = README.read_text().partition("\n## Subscribe\n")[2].partition("\n## ")[0]
    found = [text for text in re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL) if "/api/v1/events" in text]
    assert len(found) == 1
    return str(found[0])


async def read(argv: list[str], folder: Path, environment: dict[str, str], lines: int) -> list[int]:
    """What the program prints first, before it is killed."""
    program = await asyncio.create_subprocess_exec(
        *argv, cwd=folder, env={**os.environ, **environment}, stdout=asyncio.subprocess.PIPE
    )
    assert program.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            return [int((await program.stdout.readline()).split()[0]) for _ in range(lines)]
    finally:
        program.kill()
        await program.wait()


@pytest.mark.parametrize("language", ["python", "js"])
async def test_the_consumer_of_the_readme_goes_on_where_it_was_killed(
    desk: ReportingDesk, tmp_path: Path, language: str
) -> None:
    if language == "js" and NODE is None and not os.environ.get("DAYBOOK_REQUIRE_NODE"):
        pytest.skip("the README's consumer for Node is run with Node, and there is none here")
    program = tmp_path / ("consumer.py" if language == "python" else "consumer.mjs")
    program.write_text(block(language))
    assert len(block(language).splitlines()) <= 13
    argv = [sys.executable if language == "python" else NODE or "node", str(program)]
    token = await desk.token(Role.SUBSCRIBER, "acme")
    async with open_app(desk.settings) as app, served(app) as address:
        environment = {"DAYBOOK": address.removesuffix("/api/v1"), "TOKEN": token}
        first = await read(argv, tmp_path, environment, 5)
        place = int((tmp_path / "place.txt").read_text())
        for _ in range(4):
            person = desk.desk.requesters["acme"][0]
            born = past._submitted(desk.chance, "acme", person)
            await desk.writer.write("acme", desk.desk.new_id("acme"), [(None, born, person)])
        again = await read(argv, tmp_path, environment, 4)

    assert first == [1, 2, 3, 4, 5]
    assert again == list(range(place + 1, place + 5))
    assert place >= 4  # what it printed last it may not have written down any more
