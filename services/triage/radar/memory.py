"""Keys and how often the stream showed them -> what each key's share was, of late and in the long run. Pure.

Weights halve every week (`long`) and every half day (`short`): instead of ageing every key, each new count weighs more,
by an exact power of two where it is scaled back. At most KEYS_MAX keys are kept; the rarest that nothing refers to go
first, and a key that went counts as never seen, which the half count of the prior absorbs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

KEYS_MAX: Final = 220_000
FULL: Final = 280_000  # keys; pairs are given no number from KEYS_MAX on, words none from here on
LONG_DAYS: Final = 7.0
SHORT_DAYS: Final = 0.5
DAY: Final = 86_400.0  # seconds
SCALE_MAX: Final = 2.0**100
LEAST_MAX: Final = 64.0  # tickets; a key that more showed is not forgotten


@dataclass(slots=True)
class Weighted:
    """A count that halves with time, for every key and for the stream as a whole."""

    half_life: float
    """Seconds."""
    origin: float = 0.0
    total: float = 0.0
    counts: list[float] = field(default_factory=list)

    def weight(self, at: float) -> float:
        """What a ticket counts at this instant. Scales everything back, exactly, before numbers grow too large."""
        weight: float = 2.0 ** ((at - self.origin) / self.half_life)
        if weight < SCALE_MAX:
            return weight
        self.counts = [count / SCALE_MAX for count in self.counts]
        self.total /= SCALE_MAX
        self.origin += 100 * self.half_life
        return self.weight(at)


class Memory:
    """Every key's number, and its weights."""

    def __init__(self, origin: float) -> None:
        self.numbers: dict[str, int] = {}
        self.names: list[str] = []
        self.free: list[int] = []
        self.long = Weighted(LONG_DAYS * DAY, origin)
        self.short = Weighted(SHORT_DAYS * DAY, origin)
        self.forgotten = 0
        """Keys that were forgotten for want of room."""

    def number(self, key: str) -> int | None:
        """The number of a key, given at its first appearance; None where there is no room for a new one."""
        known = self.numbers.get(key)
        if known is not None:
            return known
        if len(self.numbers) >= (KEYS_MAX if key[0] == "p" else FULL):
            return None
        if self.free:
            number = self.free.pop()
            self.names[number] = key
        else:
            number = len(self.names)
            self.names.append(key)
            self.long.counts.append(0.0)
            self.short.counts.append(0.0)
        self.numbers[key] = number
        return number

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
        """Forgets the rarest keys once there are too many, down to three quarters. `used` says which have to stay."""
        if len(self.numbers) <= KEYS_MAX * 7 // 8:
            return
        weight, least = self.long.weight(at), 0.25
        while len(self.numbers) > KEYS_MAX * 3 // 4 and least < LEAST_MAX:
            gone = [
                key
                for key, number in self.numbers.items()
                if self.long.counts[number] < least * weight and not used(number)
            ]
            for key in gone:
                self._forget(key)
            least *= 4

    def _forget(self, key: str) -> None:
        number = self.numbers.pop(key)
        self.names[number] = ""
        self.long.counts[number] = self.short.counts[number] = 0.0
        self.free.append(number)
        self.forgotten += 1

    def state(self) -> dict[str, Any]:
        """Everything, as JSON can hold it exactly."""
        order = list(self.numbers.values())
        return {
            "keys": list(self.numbers),
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
        memory.names = list(state["keys"])
        memory.numbers = {key: number for number, key in enumerate(memory.names)}
        memory.forgotten = state["forgotten"]
        for name, kept in (("long", memory.long), ("short", memory.short)):
            kept.origin, kept.total, counts = state[name]
            kept.counts = list(counts)
        return memory
