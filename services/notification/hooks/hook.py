"""A webhook as its worker knows it, and how far it is in one lane. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from contracts.envelope import Origin
from services.kit.log.select import Wanted


@dataclass(frozen=True, slots=True)
class Hook:
    """Who is told what. `version` grows with every change by people."""

    id: UUID
    url: str
    client: str | None
    types: tuple[str, ...]
    categories: tuple[str, ...]
    personal: bool
    version: int
    failures: int

    @classmethod
    def of(cls, row: Any) -> Hook:
        return cls(
            row["webhook"], row["url"], row["client"], tuple(row["types"]), tuple(row["categories"]), row["personal"],
            row["version"], row["failures"],
        )  # fmt: skip

    @property
    def wanted(self) -> Wanted:
        """Only live events act outside the desk."""
        return Wanted(self.types or None, self.categories or None, (Origin.LIVE.value,))


@dataclass(slots=True)
class Progress:
    """One lane: read up to `read`, of which `pending` are under way. What is done ahead of them is remembered, so that
    of a process that dies only those come again that were under way."""

    read: int
    done: set[int] = field(default_factory=set)
    pending: set[int] = field(default_factory=set)

    def begin(self, places: Iterable[int], read: int) -> list[int]:
        """Takes on what was read; gives the places that are not done yet."""
        self.read = read
        fresh = [place for place in places if place not in self.done]
        self.pending.update(fresh)
        return fresh

    def settled(self, ending: int | None = None) -> tuple[int, list[int]]:
        """What is written down: everything up to a place is done, and these ahead of it; as it will be once `ending` is
        done, too."""
        pending = self.pending - {ending}
        done = self.done if ending is None else self.done | {ending}
        place = min(pending) - 1 if pending else self.read
        return place, sorted(ahead for ahead in done if ahead > place)

    def end(self, place: int) -> None:
        """This one is taken by the receiver or put aside for it, and that is committed."""
        self.pending.discard(place)
        self.done.add(place)
        upto, _ = self.settled()
        self.done = {ahead for ahead in self.done if ahead > upto}
