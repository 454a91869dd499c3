"""Cases enter, appended events leave: whole tickets, many at a time, each in one append. I/O.

What the log already has is found by the events' ids and not written again. A run that was killed left whole tickets
behind; the next one goes on with the others.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from contracts.catalogue import decode
from contracts.envelope import Origin
from contracts.model import Seal
from contracts.subjects import LANES, lane_of_client, stamp_lane
from contracts.tickets import NoteAdded, TicketSubmitted
from services.importing import translate
from services.importing.cases import Case
from services.importing.parties import SQL, Parties, Wanted
from services.importing.refusals import RefusedRow
from services.importing.translate import Draft, Translation, ticket_stream
from services.kit.log.append import Append, Backwards, Conflict, NewEvent
from services.kit.log.read import STREAM_MAX

TICKETS_TOGETHER = 400  # looked up and translated at once, while the ones before are being written
TRIES_MAX = 5  # against somebody who writes to the same ticket


class Present(NamedTuple):
    """What the log has of a ticket: its client and requester, its last version and time, its events' ids."""

    client: str
    requester: UUID
    prefix: str
    version: int
    at: datetime
    ids: frozenset[UUID]
    adopted: bool
    """Whether it is worked here by now, so that its source tells nothing of it any more."""


@dataclass
class Done:
    """What a run has written, found there, and refused."""

    events: Counter[str] = field(default_factory=Counter)
    """Written now, by type."""
    tickets: int = 0
    tickets_known: int = 0
    events_known: int = 0
    refused: list[RefusedRow] = field(default_factory=list)
    still_open: dict[UUID, None] = field(default_factory=dict)
    """Tickets that the source has left open and that nobody has adopted, each once, in the order of the file."""


Progress = Callable[[Done, int], None]
"""Called with what is done and how many tickets are through."""


@dataclass
class Importer:
    """One run: a map made ready, and who is who."""

    translation: Translation
    parties: Parties
    progress: Progress = lambda done, through: None
    done: Done = field(default_factory=Done)

    async def write(self, cases: Sequence[Case]) -> Done:
        """Writes every case. While one batch is on its way, the next is looked up and translated."""
        through = 0
        under_way: asyncio.Task[None] | None = None
        rest = iter(cases)
        try:
            while batch := list(islice(rest, TICKETS_TOGETHER)):
                appends = await self._prepare(batch)
                if under_way is not None:
                    await under_way
                through += len(batch)
                under_way = asyncio.create_task(self._append(appends, through), name="import")
            if under_way is not None:
                await under_way
        finally:
            if under_way is not None and not under_way.done():
                under_way.cancel()
        self.done.events.update(self.parties.counts)
        return self.done

    async def _append(self, appends: Sequence[tuple[Case, Append]], through: int) -> None:
        await asyncio.gather(*(self._append_one(case, append) for case, append in appends))
        self.progress(self.done, through)

    async def _append_one(self, case: Case, append: Append) -> None:
        for _ in range(TRIES_MAX):
            try:
                await self.parties.appender.append(append)
            except (Backwards, Conflict):  # somebody has written to it since it was looked up
                again = await self._prepare([case])
                if not again:
                    return
                append = again[0][1]
                continue
            self.done.events.update(event.data.type for event in append.events)
            self.done.tickets += isinstance(append.events[0].data, TicketSubmitted)
            return
        reason = "its ticket was being written to without pause: import again when it is quiet"
        self._refuse((line.row for line in case.lines), reason)

    async def _prepare(self, cases: Sequence[Case]) -> list[tuple[Case, Append]]:
        """The appends that these cases still need."""
        agents = await self.parties.agents(self._agents(cases))
        present = await self._present(cases)
        new = [case for case in cases if case.name not in present]
        clients = {case.name: await self._client(case) for case in new}
        requesters = await self._requesters(new, clients)
        known = {case.name: present[case.name] for case in cases if case.name in present}
        await self.parties.vault.load({*requesters.values(), *(found.requester for found in known.values())})
        appends = []
        for case in cases:
            found = known.get(case.name)
            if found is None:
                slug, prefix = clients[case.name]
                who = translate.Parties(prefix, requesters[case.name], agents)
            else:
                slug = found.client
                who = translate.Parties(found.prefix, found.requester, agents)
            stream = ticket_stream(self.translation.source.system, case.name, lane_of_client(slug))
            drafts = self.translation.events(case, stream, who)
            if not translate.ends(drafts) and not (found and found.adopted):
                self.done.still_open[stream] = None
            events = self._new_events(drafts, stream, who.requester, found)
            if events:
                appends.append((case, Append(slug, events)))
        return appends

    def _new_events(self, drafts: list[Draft], stream: UUID, requester: UUID, found: Present | None) -> list[NewEvent]:
        """The drafts that the log does not have, with their versions; what it would refuse is refused by row."""
        if found is not None:
            count = len(drafts)
            drafts = [draft for draft in drafts if draft.id not in found.ids]
            self.done.tickets_known += 1
            self.done.events_known += count - len(drafts)
            drafts = self._not_adopted(drafts) if found.adopted else self._not_backwards(drafts, found.at)
        seal = self._seal(requester)
        if seal is None:
            drafts = self._without_text(drafts)
        base = found.version if found else 0
        return [
            NewEvent(
                id=draft.id, stream=stream, version=base + nth, data=draft.data, actor=draft.actor, seal=seal,
                origin=Origin.IMPORT, occurred_at=draft.at,
            )
            for nth, draft in enumerate(drafts, 1)
        ]  # fmt: skip

    def _not_adopted(self, drafts: list[Draft]) -> list[Draft]:
        self._refuse((draft.row for draft in drafts), "its ticket was adopted and is worked here since")
        return []

    def _not_backwards(self, drafts: list[Draft], at: datetime) -> list[Draft]:
        reason = f"it happened before {at:%Y-%m-%dT%H:%M:%SZ}, up to when the log already tells this ticket's story"
        self._refuse((draft.row for draft in drafts if draft.at < at), reason)
        return [draft for draft in drafts if draft.at >= at]

    def _without_text(self, drafts: list[Draft]) -> list[Draft]:
        rows = (draft.row for draft in drafts if isinstance(draft.data, NoteAdded | TicketSubmitted))
        self._refuse(rows, "its text is about a person who was erased")
        return [draft for draft in drafts if not isinstance(draft.data, NoteAdded | TicketSubmitted)]

    def _refuse(self, rows: Iterable[int], reason: str) -> None:
        self.done.refused.extend(RefusedRow(row, reason) for row in sorted(set(rows)))

    def _seal(self, requester: UUID) -> Seal | None:
        try:
            return self.parties.vault.sealer(requester)
        except KeyError:
            return None

    def _agents(self, cases: Iterable[Case]) -> list[Wanted]:
        first: dict[str, datetime] = {}
        for case in cases:
            for name, at in self.translation.agents(case):
                if name not in first or at < first[name]:
                    first[name] = at
        return [Wanted(name, None, at) for name, at in first.items()]

    async def _client(self, case: Case) -> tuple[str, str]:
        client = await self.parties.client(self.translation.client(case), self.translation.born_at(case))
        return client.slug, client.prefix

    async def _requesters(self, cases: Sequence[Case], clients: dict[str, tuple[str, str]]) -> dict[str, UUID]:
        """The requester of each case, by the case's name."""
        system = self.translation.source.system
        wanted: dict[str, dict[str, Wanted]] = {}
        handles: dict[str, str] = {}
        for case in cases:
            name, address = self.translation.requester(case)
            one = Wanted(name, address, self.translation.born_at(case))
            handles[case.name] = one.handle(system)
            wanted.setdefault(clients[case.name][0], {}).setdefault(one.handle(system), one)
        found = {slug: await self.parties.requesters(slug, list(people.values())) for slug, people in wanted.items()}
        return {case.name: found[clients[case.name][0]][handles[case.name]] for case in cases}

    async def _present(self, cases: Sequence[Case]) -> dict[str, Present]:
        """What the log has of these cases, by name."""
        system = self.translation.source.system
        base = {ticket_stream(system, case.name, 0): case.name for case in cases}
        lanes = [lane for _ in base for lane in range(LANES)]
        streams = [stamp_lane(stream, lane) for stream in base for lane in range(LANES)]
        rows = await self.parties.pool.fetch(SQL["present"], lanes, streams, STREAM_MAX)
        events: dict[str, list[tuple[UUID, int, datetime]]] = {}
        births: dict[str, tuple[str, TicketSubmitted]] = {}
        adopted = {base[stamp_lane(row["stream"], 0)] for row in rows if row["adopted"]}
        for row in rows:
            name = base[stamp_lane(row["stream"], 0)]
            events.setdefault(name, []).append((row["id"], row["version"], row["occurred_at"]))
            if row["birth"] is not None:
                birth = decode(TicketSubmitted.type, TicketSubmitted.schema_version, row["birth"])
                assert isinstance(birth, TicketSubmitted)  # noqa: S101
                births[name] = (row["client"], birth)
        return {
            name: Present(
                client, birth.requester, birth.prefix, max(version for _, version, _ in events[name]),
                max(at for _, _, at in events[name]), frozenset(identifier for identifier, _, _ in events[name]),
                name in adopted,
            )
            for name, (client, birth) in births.items()
        }  # fmt: skip
