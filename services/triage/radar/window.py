"""Tickets in order -> those of late, and for each key the clients that showed it, each with its newest ticket. Pure.

The window holds the last TICKETS_MAX tickets, none older than WINDOW_SECONDS. A client that fills more than half of the
last FLOOD_OF tickets is let in no further until others have written: a flood neither pushes the others out nor teaches
the radar what is usual.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

TICKETS_MAX: Final = 32_768
WINDOW_SECONDS: Final = 4 * 3600
REPEAT_WITHIN: Final = 64  # tickets; a client that says the same thing again so soon has said it once
FLOOD_OF: Final = 64
FLOOD_MAX: Final = 32  # tickets of one client among the last FLOOD_OF


@dataclass(slots=True)
class Kept:
    """One ticket in the window, its keys as numbers."""

    place: int
    at: float
    client: str
    ticket: str
    keys: tuple[int, ...]
    """The keys whose clients are counted."""
    learned: tuple[int, ...]
    """The keys to remember once it leaves: those of every day too, but not what its client had said shortly before."""


Showing = dict[str, Kept]
"""Client -> its newest ticket with a key; the oldest first."""


@dataclass(slots=True)
class Window:
    tickets: deque[Kept] = field(default_factory=deque)
    shown: dict[int, Kept | Showing] = field(default_factory=dict)
    """A key that a single client has shown is kept without a dictionary of its own: most keys are such."""
    place: int = 0
    recent: deque[str] = field(default_factory=deque)
    counts: dict[str, int] = field(default_factory=dict)

    def floods(self, client: str) -> bool:
        """Whether a client fills the stream just now."""
        return self.counts.get(client, 0) >= FLOOD_MAX

    def leaving(self, at: float) -> Iterator[Kept]:
        """Takes out and gives what is too old at this instant, or too much with one ticket more."""
        tickets, shown = self.tickets, self.shown
        oldest = at - WINDOW_SECONDS
        while tickets and (len(tickets) >= TICKETS_MAX or tickets[0].at <= oldest):
            left = tickets.popleft()
            client = left.client
            for key in left.keys:
                showing = shown.get(key)
                if showing is left:
                    del shown[key]
                elif isinstance(showing, dict) and showing.get(client) is left:
                    del showing[client]
                    if not showing:
                        del shown[key]
            yield left

    def forget(self, tickets: Collection[str]) -> set[int]:
        """Takes the keys of these tickets out, as if they had said nothing, and gives them."""
        gone: set[int] = set()
        for kept in self.tickets:
            if kept.ticket in tickets:
                for key in kept.keys:
                    self._take_out(key, kept)
                gone.update(kept.keys, kept.learned)
                kept.keys = kept.learned = ()
        return gone

    def _take_out(self, key: int, left: Kept) -> None:
        shown = self.shown.get(key)
        if shown is left:
            del self.shown[key]
        elif isinstance(shown, dict) and shown.get(left.client) is left:
            del shown[left.client]
            if not shown:
                del self.shown[key]

    def add(
        self, at: float, client: str, ticket: str, keys: tuple[int, ...], common: tuple[int, ...]
    ) -> tuple[Kept, list[tuple[int, Showing]]]:
        """Puts a ticket in, and gives the keys that further clients have shown too, each with all that did.

        `common` are the keys that so many tickets show that they tell nothing.
        """
        self.place += 1
        kept = Kept(self.place, at, client, ticket, keys, keys)
        again, several = self._show(kept)
        if again or common:
            kept.learned = (*(key for key in keys if key not in again), *common)
        self.tickets.append(kept)
        self._count(client)
        return kept, several

    def _show(self, kept: Kept) -> tuple[list[int], list[tuple[int, Showing]]]:
        """Makes a ticket its client's newest of its keys: those that the client showed shortly before, and the shared.

        The loop is the radar's innermost: a ticket has dozens of keys.
        """
        shown, client, since = self.shown, kept.client, kept.place - REPEAT_WITHIN
        again: list[int] = []
        several: list[tuple[int, Showing]] = []
        for key in kept.keys:
            showing = shown.get(key)
            if showing is None:
                shown[key] = kept
                continue
            if isinstance(showing, dict):
                before = showing.pop(client, None)
                showing[client] = kept
                several.append((key, showing))
            elif showing.client == client:
                before, shown[key] = showing, kept
            else:
                before, shown[key] = None, (both := {showing.client: showing, client: kept})
                several.append((key, both))
            if before is not None and before.place > since:
                again.append(key)
        return again, several

    def _count(self, client: str) -> None:
        self.recent.append(client)
        self.counts[client] = self.counts.get(client, 0) + 1
        if len(self.recent) > FLOOD_OF:
            gone = self.recent.popleft()
            self.counts[gone] -= 1
            if not self.counts[gone]:
                del self.counts[gone]

    def state(self) -> dict[str, Any]:
        """Everything, as JSON can hold it exactly. Keys are numbers of the memory that is saved beside it."""
        return {
            "place": self.place,
            "recent": list(self.recent),
            "tickets": [
                [kept.place, kept.at, kept.client, kept.ticket, kept.keys, kept.learned] for kept in self.tickets
            ],
        }

    @staticmethod
    def of(state: dict[str, Any]) -> Window:
        """The window that had this state."""
        window = Window(place=state["place"])
        for client in state["recent"]:
            window._count(client)
        for place, at, client, ticket, keys, learned in state["tickets"]:
            kept = Kept(place, at, client, ticket, tuple(keys), tuple(learned))
            window.tickets.append(kept)
            window._show(kept)
        return window
