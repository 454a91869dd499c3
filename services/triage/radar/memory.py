"""Keys and how often the stream showed them -> what each key's share was, of late and in the long run. Pure.

Weights halve every week (`long`) and every half day (`short`): instead of ageing every key, each new count weighs more,
by an exact power of two where it is scaled back. At most KEYS_MAX keys are kept; the rarest that nothing refers to go
first, and a key that went counts as never seen, which the half count of the prior absorbs. Keys stand here by their
handles (keys.py): a word that one person used must not outlive that person here.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from services.triage.radar.keys import KINDS, PAIR

KEYS_MAX: Final = 220_000
FULL: Final = 280_000  # keys; pairs are given no number from KEYS_MAX on, words none from here on
LONG_DAYS: Final = 7.0
SHORT_DAYS: Final = 0.5
DAY: Final = 86_400.0  # seconds
PACE_SECONDS: Final = DAY / 2  # what came within less says little about a day
SCALE_MAX: Final = 2.0**100
LEAST_MAX: Final = 64.0  # tickets; a key that more showed is not forgotten
PLENTY: Final = frozenset(map(KINDS.index, "wp"))
NAMES_MAX: Final = KEYS_MAX // 3  # keys of the other kinds; from there on they are forgotten like words


@dataclass(slots=True)
class Weighted:
    """A count that halves with time, for every key and for the stream as a whole."""

    half_life: float
    """Seconds."""
    origin: float = 0.0
    total: float = 0.0
    counts: array[float] = field(default_factory=lambda: array("d"))

    def weight(self, at: float) -> float:
        """What a ticket counts at this instant. Scales everything back, exactly, before numbers grow too large."""
        weight: float = 2.0 ** ((at - self.origin) / self.half_life)
        if weight < SCALE_MAX:
            return weight
        self.counts = array("d", (count / SCALE_MAX for count in self.counts))
        self.total /= SCALE_MAX
        self.origin += 100 * self.half_life
        return self.weight(at)


class Memory:
    """Every key's number, and its weights."""

    def __init__(self, origin: float) -> None:
        self.numbers: dict[int, int] = {}
        self.handles: array[int] = array("Q")
        self.free: list[int] = []
        self.names = 0
        """How many of the keys are neither words nor pairs."""
        self.long = Weighted(LONG_DAYS * DAY, origin)
        self.short = Weighted(SHORT_DAYS * DAY, origin)
        self.began = origin
        self.forgotten = 0
        """Keys that were forgotten for want of room."""

    def number(self, handle: int) -> int | None:
        """The number of a key, given at its first appearance; None where there is no room for a new one."""
        known = self.numbers.get(handle)
        if known is not None:
            return known
        if len(self.numbers) >= (KEYS_MAX if handle & 7 == PAIR else FULL):
            return None
        if self.free:
            number = self.free.pop()
            self.handles[number] = handle
        else:
            number = len(self.handles)
            self.handles.append(handle)
            self.long.counts.append(0.0)
            self.short.counts.append(0.0)
        self.numbers[handle] = number
        self.names += handle & 7 not in PLENTY
        return number

    def named(self, handles: Iterable[int], keys: Iterable[str]) -> dict[int, str]:
        """The numbers of these keys, in their order, without those that there is no room for."""
        known, found = self.numbers, {}
        for handle, key in zip(handles, keys, strict=True):
            number = known.get(handle)
            if number is None:
                number = self.number(handle)
                if number is None:
                    continue
            found[number] = key
        return found

    def pace(self, at: float) -> float:
        """How many tickets will be remembered once the history is long, if they go on coming as they do."""
        age = max(at - self.began, PACE_SECONDS)
        share: float = 1.0 - 2.0 ** (-age / self.long.half_life)
        return self.long.total / self.long.weight(at) / share

    def learn(self, numbers: Iterable[int], at: float) -> None:
        """One ticket more of the stream showed these keys."""
        long, short = self.long.weight(at), self.short.weight(at)
        self.long.total += long
        self.short.total += short
        far, near = self.long.counts, self.short.counts
        for number in numbers:
            far[number] += long
            near[number] += short

    def make_room(self, at: float, used: Callable[[int], bool]) -> None:
        """Forgets the rarest keys once there are too many, down to three quarters. `used` says which have to stay.

        Words and pairs go first: a name that comes back would else look like one that nobody knew.
        """
        if len(self.numbers) <= KEYS_MAX * 7 // 8:
            return
        kinds = PLENTY if self.names < NAMES_MAX else frozenset(range(len(KINDS)))
        weight, least, handles = self.long.weight(at), 0.25, self.handles
        while len(self.numbers) > KEYS_MAX * 3 // 4 and least < LEAST_MAX:
            bar = least * weight
            rare = [number for number, count in enumerate(self.long.counts) if count < bar]
            for number in rare:
                handle = handles[number]
                if handle and handle & 7 in kinds and not used(number):
                    self.forget(handle)
            least *= 4

    def forget(self, handle: int) -> None:
        """Knows nothing of a key any more. Nobody may refer to its number."""
        number = self.numbers.pop(handle)
        self.handles[number] = 0
        self.long.counts[number] = self.short.counts[number] = 0.0
        self.free.append(number)
        self.names -= handle & 7 not in PLENTY
        self.forgotten += 1

    def state(self) -> dict[str, Any]:
        """Everything, as JSON can hold it exactly."""
        order = list(self.numbers.values())
        return {
            "keys": list(self.numbers),
            "began": self.began,
            "forgotten": self.forgotten,
            **{
                name: [kept.origin, kept.total, [kept.counts[number] for number in order]]
                for name, kept in (("long", self.long), ("short", self.short))
            },
        }

    @staticmethod
    def of(state: dict[str, Any]) -> Memory:
        """The memory that had this state."""
        memory = Memory(0.0)
        memory.handles = array("Q", state["keys"])
        memory.numbers = {handle: number for number, handle in enumerate(memory.handles)}
        memory.names = sum(handle & 7 not in PLENTY for handle in memory.handles)
        memory.began, memory.forgotten = state["began"], state["forgotten"]
        for name, kept in (("long", memory.long), ("short", memory.short)):
            kept.origin, kept.total, counts = state[name]
            kept.counts = array("d", counts)
        return memory
