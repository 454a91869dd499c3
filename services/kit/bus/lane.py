"""Messages of one lane enter, in whatever order; what a consumer can digest next leaves. Pure.

Acknowledging is housekeeping: the cursor says what is done, the log has what is missing. So a message may be dropped
here at any time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from uuid import UUID

KEPT_MAX = 1_000  # messages of a lane; what comes beyond them is read from the log when its turn comes

M = TypeVar("M")


@dataclass
class Lane(Generic[M]):
    """What a consumer knows of one lane, and the messages that it holds of it, by position."""

    number: int
    cursor: int = 0
    head: int = 0
    behind: bool = False
    """Something at the cursor never came over the bus: it is read from the log."""
    careful_until: int = 0
    """Up to here a batch has failed: events are tried one by one."""
    marked_until: int = 0
    """Up to here processes have died: before each event is tried alone, it is written down that it is."""
    marked_at: int = -1
    """The cursor at which that was written down last."""
    attempts: int = 0
    """How often the event after the cursor has failed."""
    resume_at: float = 0.0
    """When it is tried again, by the loop's clock."""
    replays: set[UUID] = field(default_factory=set)
    """Streams whose dead letters a person wants to be tried again."""
    read: int = 0
    """How often it was read from the log."""
    stood: int = 0
    """Where the cursor was known to stand at the last look: a later look that finds it before that tells of a loss."""
    kept: dict[int, M] = field(default_factory=dict)
    done: list[M] = field(default_factory=list)
    """Messages to acknowledge."""

    def take(self, position: int, message: M) -> None:
        """Keeps a message for its turn. Doubles and late comers are only to be acknowledged."""
        if position <= self.cursor:
            self.done.append(message)
        elif self.attempts == 0 and len(self.kept) < KEPT_MAX:
            self.kept[position] = message
        else:
            self.behind = True

    def is_ready(self, now: float) -> bool:
        """Whether there is something to do at this moment."""
        return now >= self.resume_at and bool(self.kept or self.behind or self.replays or self.done)

    def next_messages(self, limit: int) -> list[M]:
        """The messages that follow the cursor without a hole."""
        found: list[M] = []
        while len(found) < limit and (message := self.kept.get(self.cursor + 1 + len(found))) is not None:
            found.append(message)
        return found

    @property
    def is_careful(self) -> bool:
        """Whether the next event is tried alone."""
        return self.cursor < self.careful_until

    @property
    def is_marked(self) -> bool:
        """Whether the next event may kill this process."""
        return self.cursor < self.marked_until

    def beware(self, until: int) -> None:
        """Processes have died somewhere from here on: events are tried one by one, each marked before."""
        self.careful_until = self.marked_until = until

    def moved_to(self, position: int) -> None:
        """The cursor stands here now; what is at or below it is to be acknowledged."""
        if position > self.cursor:
            self.attempts, self.resume_at = 0, 0.0
        self.cursor = max(self.cursor, position)
        self.head = max(self.head, self.cursor)
        for old in [place for place in self.kept if place <= self.cursor]:
            self.done.append(self.kept.pop(old))

    def let_go(self) -> None:
        """What is held is dropped: it is read from the log when its turn comes."""
        self.behind = True
        self.kept.clear()

    def looked(self, head: int, cursor: int) -> None:
        """The log's head and the stored cursor, as they are this second. What was there a second ago and has not come
        over the bus by now will be read from the log: a wiped tail shows no hole. A server that crashed may have
        lost the end of what was committed without waiting for a disk, effects and cursor: what stands there counts."""
        if cursor < self.stood:
            self.cursor, self.behind = cursor, True
            self.attempts, self.resume_at = 0, 0.0  # of another event
        self.moved_to(cursor)
        self.stood = self.cursor
        if self.cursor < self.head:
            self.behind = True
        self.head = max(self.head, head)

    def acknowledge(self) -> Iterable[M]:
        """Takes the messages that are done."""
        done, self.done = self.done, []
        return done
