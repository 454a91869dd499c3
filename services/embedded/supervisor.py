"""Programs enter; each runs as a process of its own, is started again when it dies, and is stopped in reverse order."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from services.embedded.forks import Forks
from services.embedded.home import remember_children
from services.embedded.process import CannotStart, Child, Program

FIRST_PAUSE_SECONDS = 0.1  # before the first restart: one crash should not be noticed
LONGEST_PAUSE_SECONDS = 10.0  # between restarts of what cannot start at all
STEADY_SECONDS = 30.0  # whoever ran this long starts again without a pause


class Supervisor:
    """Keeps the processes of one home running. Groups are started in order and stopped in reverse."""

    def __init__(
        self, home: Path, say: Callable[[str], None], changed: Callable[[], None], services: Sequence[str] = ()
    ) -> None:
        self._home, self._say, self._changed = home, say, changed
        self._groups: list[list[Child]] = []
        self._keepers: dict[Child, asyncio.Task[None]] = {}
        self.forks = Forks(home / "logs", services)

    @property
    def pids(self) -> dict[str, int]:
        return {child.program.name: child.pid for group in self._groups for child in group}

    async def start(self, programs: Sequence[Program]) -> None:
        """Start a group side by side and wait until all of it is ready. Raises CannotStart where one is not."""
        group = [Child(program, self._home / "logs", self.forks) for program in programs]
        self._groups.append(group)
        if any(program.service for program in programs):
            self.forks.start()
            await self.forks.until_ready()
        for child in group:
            child.spawn()
        self._remember()
        await asyncio.gather(*(self._first_start(child) for child in group))

    async def stop(self) -> None:
        """Stop everything, the last group first. Nothing is started again from here on."""
        while self._groups:
            await self.stop_last()
        self.forks.close()

    async def stop_last(self) -> None:
        """Stop the group that was started last."""
        group = self._groups[-1]
        keepers = [self._keepers.pop(child) for child in group if child in self._keepers]
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        await asyncio.gather(*(child.stop() for child in group))
        self._groups.pop()
        self._remember()

    def kill(self) -> None:
        """End everything at once; the servers recover at the next start."""
        for group in self._groups:
            for child in group:
                child.kill()

    async def _first_start(self, child: Child) -> None:
        began = time.monotonic()
        await child.wait_ready()
        self._say(f"{child.program.name:<14} ready in {time.monotonic() - began:.1f} s")
        self._keepers[child] = asyncio.create_task(self._keep(child), name=f"keep {child.program.name}")

    async def _keep(self, child: Child) -> None:
        """Start the child again whenever it ends, after a pause that doubles while it keeps dying."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            since = time.monotonic()
            code = await child.wait()
            if time.monotonic() - since > STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            self._say(
                f"{child.program.name:<14} ended ({_ending(code)}), starts again in {pause:.1f} s: see {child.log}"
            )
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            await self._again(child)

    async def _again(self, child: Child) -> None:
        if child.program.service:
            self.forks.start()  # where it has ended too: this child starts by its command meanwhile
        child.spawn()
        self._remember()
        try:
            await child.wait_ready()
        except CannotStart as reason:
            self._say(str(reason))
            await child.stop()
        else:
            self._say(f"{child.program.name:<14} ready again")

    def _remember(self) -> None:
        remember_children(self._home, [child for group in self._groups for child in group])
        self._changed()


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
