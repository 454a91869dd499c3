"""A seed enters; an asyncio loop leaves in which time is virtual and processes take turns by chance.

Inside one process steps keep their order, as asyncio promises; between processes the seed decides. A process that is
killed takes no further step, not even those of its `finally`; one that is frozen takes them when it is thawed.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Any

STEPS_MAX = 60_000  # of one schedule; the usual one takes some 1,000
STEPS_TOGETHER = 4  # at most, of one process before another's turn


class Stuck(Exception):
    """A schedule does not come to its end."""


class Process:
    """Tasks that live and die together."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.steps: deque[asyncio.Handle] = deque()
        self.alive = True
        self.frozen = False
        self.count = 0
        self.dies_at: int | None = None
        """Killed before its step of this number."""
        self.context = copy_context()
        self.context.run(PROCESS.set, self)

    @property
    def runs(self) -> bool:
        return self.alive and not self.frozen


PROCESS: ContextVar[Process] = ContextVar("process")


class VirtualLoop(asyncio.BaseEventLoop):
    """Nothing waits for real: where nobody can take a step, time jumps to the next timer."""

    def __init__(self, chance: Random) -> None:
        super().__init__()
        self.chance = chance
        self.outside = Process("outside")
        self.processes: list[Process] = [self.outside]
        self.on_death: Callable[[Process], None] = lambda process: None
        self.taken = 0
        self._now = 1_000.0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._timer_count = 0
        self._tasks: list[asyncio.Task[Any]] = []

    def time(self) -> float:
        return self._now

    def call_soon(  # type: ignore[override]
        self, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._queue(handle)
        return handle

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._timer_count += 1
        heapq.heappush(self._timers, (when, self._timer_count, handle))
        return handle

    def create_task(self, work: Any, *, name: Any = None, context: Context | None = None) -> asyncio.Task[Any]:
        """Keeps it: a dead process's tasks wait for nothing that anybody else would keep."""
        task: asyncio.Task[Any] = asyncio.Task(work, loop=self, name=name, context=context)
        self._tasks.append(task)
        return task

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is dropped when its time comes."""

    def _queue(self, handle: asyncio.Handle) -> None:
        handle._context.get(PROCESS, self.outside).steps.append(handle)  # type: ignore[attr-defined]

    def _run_once(self) -> None:
        ready = [process for process in self.processes if process.steps and process.alive and not process.frozen]
        if not ready:
            self._jump()
            return
        process, steps = ready[0], len(ready[0].steps)
        if len(ready) > 1:
            drawn = int(self.chance.random() * len(ready) * STEPS_TOGETHER)
            process, steps = ready[drawn // STEPS_TOGETHER], drawn % STEPS_TOGETHER + 1
        while steps and process.steps and process.runs:
            steps -= 1
            handle = process.steps.popleft()
            if handle._cancelled:
                continue
            process.count += 1
            self.taken += 1
            if process.count == process.dies_at:
                process.steps.appendleft(handle)
                self.kill(process)
            else:
                handle._run()

    def _jump(self) -> None:
        if not self._timers or self.taken > STEPS_MAX:
            raise Stuck(f"after {self.taken} steps nothing can go on")
        self._now = max(self._now, self._timers[0][0])
        while self._timers and self._timers[0][0] <= self._now:
            handle = heapq.heappop(self._timers)[2]
            if not handle.cancelled():
                self._queue(handle)

    def spawn(self, process: Process, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Starts a process's first task."""
        if process not in self.processes:
            self.processes.append(process)
        return process.context.run(self.create_task, work)

    def kill(self, process: Process) -> None:
        """kill -9."""
        if process.alive:
            process.alive = False
            self.on_death(process)

    def reap(self) -> None:
        """Ends every task of living and dead, so that none is left to the garbage collector."""
        for process in self.processes:
            process.alive, process.frozen, process.dies_at = True, False, None
        self.taken = 0
        for _ in range(50):
            left = [task for task in self._tasks if not task.done()]
            if not left:
                break
            for task in left:
                task.cancel()
            for _ in range(20 * len(left)):
                if not any(process.steps for process in self.processes):
                    break
                self.run_once()
        self.close()

    def run_once(self) -> None:
        """One step, of a loop that does not run for ever."""
        asyncio._set_running_loop(self)
        try:
            self._run_once()
        finally:
            asyncio._set_running_loop(None)
