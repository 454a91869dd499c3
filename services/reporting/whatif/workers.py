"""Jobs enter, their answers leave in the same order: each is worked on by one of a few processes. I/O.

A worker is told its next job by a pipe and answers by the same one. A pipe that breaks ends the worker, so nothing is
left running behind a process that was killed; a worker that ends early fails the whole.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, Final, TypeVar

J = TypeVar("J")
A = TypeVar("A")
Told = Callable[[int, int], None]
Work = Callable[[Any, Told], Any]

COLLECT_AFTER: Final = 100_000  # new objects; nearly all die young, and looking for cycles would be half the time


class Failed(RuntimeError):
    """A worker could not do its job, or ended in the middle of it."""


@dataclass(frozen=True)
class _Answer:
    value: Any


def side_by_side(jobs: Sequence[J], work: Callable[[J, Told], A], processes: int, told: Told) -> list[A]:
    """Does all jobs. `work` is a function of a module: it runs in another process. Raises Failed."""
    context = get_context("spawn")
    waiting = deque(enumerate(jobs))
    answers: dict[int, A] = {}
    working: dict[Any, int] = {}
    children = []
    for _ in range(min(processes, len(jobs))):
        ours, theirs = context.Pipe()
        child = context.Process(target=_serve, args=(theirs, work), daemon=True)
        child.start()
        theirs.close()
        children.append(child)
        number, job = waiting.popleft()
        working[ours] = number
        ours.send(job)
    try:
        while working:
            found: list[Any] = wait(list(working))
            for ready in found:
                said = _said(ready)
                if not isinstance(said, _Answer):
                    told(*said)
                    continue
                answers[working.pop(ready)] = said.value
                if waiting:
                    number, job = waiting.popleft()
                    working[ready] = number
                    ready.send(job)
        return [answers[number] for number in range(len(jobs))]
    finally:
        for child in children:
            child.terminate()
            child.join()


def _said(ready: Any) -> Any:
    try:
        said = ready.recv()
    except (EOFError, OSError):
        raise Failed("a process of the replay ended early: the machine may be out of memory") from None
    if isinstance(said, str):
        raise Failed(said)
    return said


def _serve(pipe: Connection, work: Work) -> None:
    """A worker's whole life."""
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 100)
    try:
        while True:
            job = pipe.recv()
            try:
                pipe.send(_Answer(work(job, lambda *step: pipe.send(step))))
            except (BrokenPipeError, EOFError):
                raise
            except Exception as error:  # noqa: BLE001  told to whoever asked, who fails with it
                pipe.send(f"{type(error).__name__}: {error}")
    except (EOFError, OSError, KeyboardInterrupt):
        return
