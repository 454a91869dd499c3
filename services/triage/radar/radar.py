"""(Tickets in the desk's order, one at a time) -> changes of clusters. Pure: the same tickets give the same changes.

In one go, in parts with `state` between, or replayed: the radar reads no clock and throws no dice. Order across lanes
is (recorded_at, lane, position), and is the caller's to keep; a ticket that comes with an earlier instant than the one
before counts as of that one's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Sequence
from functools import partial
from typing import Any, Final

from services.triage.radar.asking import Asking, Moment
from services.triage.radar.bulk import is_bulk
from services.triage.radar.clusters import Change, Cluster, Clusters, Showed
from services.triage.radar.declared import held_by
from services.triage.radar.keys import Handles, handle_of, keys_of
from services.triage.radar.memory import Memory
from services.triage.radar.pairs import Pairs
from services.triage.radar.reports import Report
from services.triage.radar.window import Window

__all__ = ["Radar", "Report"]

STATE_VERSION: Final = "radar-4"
COMMON: Final = 0.05  # share of the tickets; a word that so many hold says nothing
COMMON_FROM: Final = 200.0  # remembered tickets; before that nobody knows what is common
ROOM_EVERY: Final = 2_048  # tickets
CLIENTS_REMEMBERED: Final = 100_000
REJECTED_RAISES: Final = 2.0  # units of evidence
REJECTED_MAX: Final = 5_000  # keys
FEW: Final = 3.0  # tickets; a word that fewer showed may be one person's own


class Radar:
    """One desk's radar. `secret` hides words in what it remembers (keys.handle_of)."""

    def __init__(self, closed: Callable[[Cluster], None] | None = None, secret: bytes = b"") -> None:
        self.clusters = Clusters()
        self.window = Window()
        self.pairs = Pairs()
        self.memory: Memory | None = None
        self.at = float("-inf")
        self.clients: dict[str, None] = {}
        """Clients that have written, the latest last."""
        self.raised: dict[int, float] = {}
        """By how much people's rejections have raised the bar for a key."""
        self.tickets = 0
        self._closed = closed
        self._secret = secret
        self._handles = Handles(secret)

    def feed(self, report: Report) -> list[Change]:
        """What one ticket more changes."""
        at = self.at = max(self.at, report.at)
        memory = self.memory = self.memory or Memory(at)
        self.tickets += 1
        for left in self.window.leaving(at):
            memory.learn(left.learned, at)
            if self.pairs.found:
                self.pairs.left(left)
        changes = self._quieten(at)
        self.clients.pop(report.client, None)
        self.clients[report.client] = None
        if len(self.clients) > CLIENTS_REMEMBERED:
            del self.clients[next(iter(self.clients))]
        keys = keys_of(report.category, report.service, report.subject, report.body)
        if not self.window.floods(report.client) and not is_bulk(report.subject, report.body):
            changes += self._count(memory, report, keys)
        if self.clusters.listening:
            changes += self._join(keys, Showed(report.ticket, report.client, at))
        return changes

    def declare(self, tickets: Sequence[Report], title: Report | None, known: Container[int]) -> int:
        """People know of an incident with these tickets: a cluster that takes in what is like them. Gives its number.

        A cluster that has these tickets already is taken, unless it is one of the `known`, which have incidents.
        """
        showed = [Showed(report.ticket, report.client, report.at) for report in tickets]
        held = held_by(tickets, title, self.memory, self.at, self._handles)
        return self.clusters.declare(showed, held, self.at, self.window.place, known)

    def learn_more(self, cluster: int, tickets: Sequence[Report], title: Report | None) -> None:
        """People say more of an incident that they declared: it is held by what all these have in common."""
        if cluster in self.clusters.open:
            one = self.clusters.open[cluster]
            for report in tickets:
                one.take_in(report.ticket, report.client, 1.0)
            self.clusters.hold_by(one, held_by(tickets, title, self.memory, self.at, self._handles))

    def reject(self, cluster: int) -> None:
        """People say that this was no incident: its keys need more evidence from now on."""
        if cluster in self.clusters.open:
            self.raise_bar(self.clusters.open[cluster].signs)

    def hold(self, cluster: int, *, confirmed: bool) -> None:
        """People confirmed it: it stays open until they say that it is over, and then closes when it is quiet."""
        if cluster in self.clusters.open:
            self.clusters.open[cluster].confirmed = confirmed
            self.clusters.due = float("-inf")

    def raise_bar(self, keys: Iterable[str]) -> None:
        """The same for keys of a cluster that may be gone."""
        for key in keys:
            handle = handle_of(key, self._secret)
            self.raised[handle] = self.raised.pop(handle, 0.0) + REJECTED_RAISES
            if len(self.raised) > REJECTED_MAX:
                del self.raised[next(iter(self.raised))]

    def forget(self, tickets: Collection[str]) -> None:
        """Their requester was erased: what they said leaves the window; what hardly anybody else said, the memory."""
        memory = self.memory
        if memory is None:
            return
        self.pairs.forget(tickets)
        seldom = FEW * memory.long.weight(self.at)
        in_use = {
            number
            for kept in self.window.tickets
            if kept.ticket not in tickets
            for number in (*kept.keys, *kept.learned)
        }
        for number in sorted(self.window.forget(tickets) - in_use - self.window.shown.keys()):
            if memory.long.counts[number] < seldom:
                memory.forget(memory.handles[number])

    def finish(self) -> None:
        """Gives the clusters that are still open to `closed`, at the end of a file."""
        for cluster in self.clusters.open.values():
            if self._closed is not None:
                self._closed(cluster)

    def _quieten(self, at: float) -> list[Change]:
        changes = []
        for change, cluster in self.clusters.quieten(at) if self.clusters.open else ():
            changes.append(change)
            if self._closed is not None:
                self._closed(cluster)
        return changes

    def _join(self, keys: tuple[str, ...], showed: Showed) -> list[Change]:
        changes: list[Change] = []
        place = self.window.place
        if self.clusters.by_key:
            changes += self.clusters.join(keys, showed, place)
        if self.clusters.by_handle:
            changes += self.clusters.join_held(self._handles.of(keys), showed, place)
        return changes

    def _count(self, memory: Memory, report: Report, keys: tuple[str, ...]) -> list[Change]:
        """Counts a ticket's keys, and asks each of them for its evidence."""
        if not self.tickets % ROOM_EVERY:
            memory.make_room(self.at, self.window.shown.__contains__)
        names = memory.named(self._handles.of(keys), keys)
        weight = memory.long.weight(self.at)
        often = memory.long.total * COMMON
        asked, common = tuple(names), []
        if often > COMMON_FROM * COMMON * weight:
            counts = memory.long.counts
            common = [number for number, key in names.items() if counts[number] > often and key[0] not in "cs"]
            if common:
                asked = tuple(number for number in asked if number not in common)
        kept, several = self.window.add(self.at, report.client, report.ticket, asked, tuple(common))
        if not several:
            return []
        asking = Asking(memory, self.pairs, self.raised, Moment(memory, self.at, weight), kept, names)
        changes: list[Change] = []
        for number, sign in asking.signs(several):
            shown_by = partial(self._showed, number, sign.tickets)
            changes += self.clusters.meet(sign, shown_by, report.ticket, kept.place)
        return changes

    def _showed(self, number: int, tickets: int) -> list[Showed]:
        """The tickets that show a key among the last so many, the oldest first."""
        since = self.window.place - tickets
        found = []
        for kept in reversed(self.window.tickets):
            if kept.place <= since:
                break
            if number in kept.keys:
                found.append(Showed(kept.ticket, kept.client, kept.at))
        return found[::-1]

    def state(self) -> dict[str, Any]:
        """Everything the radar knows, as JSON holds it exactly: a radar of it goes on as this one would."""
        memory = self.memory
        order = {} if memory is None else {number: place for place, number in enumerate(memory.numbers.values())}
        window = self.window.state()
        for kept in window["tickets"]:
            kept[4:] = [[order[number] for number in numbers] for numbers in kept[4:]]
        return {
            "version": STATE_VERSION,
            "at": None if memory is None else self.at,
            "tickets": self.tickets,
            "clients": list(self.clients),
            "raised": list(self.raised.items()),
            "clusters": self.clusters.state(),
            "window": window,
            "pairs": [[order[entity], *rest] for entity, *rest in self.pairs.state()],
            "memory": None if memory is None else memory.state(),
        }

    @staticmethod
    def of(state: dict[str, Any], closed: Callable[[Cluster], None] | None = None, secret: bytes = b"") -> Radar:
        """The radar that had this state. Raises ValueError for a state of another version."""
        if state.get("version") != STATE_VERSION:
            raise ValueError(f"the state is of {state.get('version')}, this radar is {STATE_VERSION}: replay the log")
        radar = Radar(closed, secret)
        if state["memory"] is not None:
            radar.at, radar.memory = state["at"], Memory.of(state["memory"])
        radar.tickets, radar.raised = state["tickets"], dict(state["raised"])
        radar.clients = dict.fromkeys(state["clients"])
        radar.clusters, radar.window = Clusters.of(state["clusters"]), Window.of(state["window"])
        radar.pairs = Pairs.of(state["pairs"], radar.window.tickets)
        return radar
