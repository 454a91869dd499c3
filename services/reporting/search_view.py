"""Events of some lanes -> words for full-text search, opened; an erased person's words are deleted. I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from contracts.envelope import Recorded
from contracts.model import Event, Sealed
from contracts.people import PersonErased, PersonRegistered
from contracts.subjects import lane_of
from services.kit.personal import DAMAGED, ERASED, Vault
from services.kit.postgres import Connection, queries
from services.reporting.line import array
from services.reporting.texts import Texts, marks, shown_prefix, texts_of

SQL = queries("services/reporting/sql/search_write.sql")


class SearchView:
    """Keeps the words. It opens text with the vault's keys; where a key is gone there is nothing to find."""

    name = "search"

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def apply(self, batch: Mapping[int, Sequence[Recorded[Event]]], connection: Connection) -> None:
        """Digests events of some lanes, each in order. What was digested before changes nothing."""
        events = [event for of_lane in batch.values() for event in of_lane]
        found = [(event, texts) for event in events if (texts := texts_of(event)) is not None]
        registered = [event for event in events if isinstance(event.data, PersonRegistered)]
        persons = {person for _, texts in found for person in texts.persons()}
        await self._vault.load(persons | {event.stream for event in registered})
        rows = [row for event, texts in found if (row := self._row(event, texts)) is not None]
        if rows:
            await connection.execute(SQL["put_words"], *zip(*rows, strict=True))
        named = {event.stream: row for event in registered if (row := self._name(event)) is not None}
        if named:
            await connection.execute(SQL["put_names"], *zip(*named.values(), strict=True))
        erased = [event.data.person for event in events if isinstance(event.data, PersonErased)]
        if erased:
            await connection.execute(SQL["forget_words"], erased)
            await connection.execute(SQL["forget_names"], [lane_of(person) for person in erased], erased)

    def _row(self, event: Recorded[Event], texts: Texts) -> tuple[object, ...] | None:
        title, body = self._opened(texts.title), self._opened(texts.body)
        if not (title or body or texts.exact):
            return None
        person: UUID | None = next(texts.persons(), None)
        exact, marked = array(texts.exact), array(marks(event.lane, event.position, event.client))
        at = event.occurred_at
        return event.lane, event.position, event.stream, event.client, person, at, title, body, exact, marked

    def _opened(self, values: Sequence[str | Sealed]) -> str:
        opened = (self._vault.shown(value) for value in values)
        texts = (text for text in opened if text not in (ERASED, DAMAGED))
        return "\n".join(shown_prefix(text).replace("\0", " ") for text in texts)

    def _name(self, event: Recorded[Event]) -> tuple[object, ...] | None:
        data = event.data
        if not isinstance(data, PersonRegistered):
            return None
        address = self._opened((data.address,)).lower() if data.address else ""
        exact = [part for part in {address, address.rpartition("@")[2]} if part]
        name = self._opened((data.name,))
        if not (name or exact):
            return None
        return event.lane, event.stream, event.client, event.version, name, array(exact)
