"""News of clusters -> facts in the log, within the transaction that saves the radar. I/O; `telling` thinks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid5

from contracts.envelope import Origin
from contracts.incident import Incident, IncidentStatus, fold
from contracts.model import DESK, Personal, Sealed
from contracts.subjects import lane_of, lane_of_client
from contracts.tickets import TicketSubmitted
from services.kit.log.append import Append, Conflict, NewEvent, NotAppended, append_in
from services.kit.log.read import read_stream, recorded
from services.kit.personal import Vault
from services.kit.postgres import Connection, queries
from services.triage.radar.telling import Births, Fact, end_of, fact_of, new_signs, new_tickets
from services.triage.radar.watch import News, Watch

SQL = queries("services/triage/sql/radar.sql")

ACTOR = "system:triage"
TRIES_MAX = 5
SPEAKERS_MAX = 8  # tickets whose requesters are asked for a key to seal words with


class Reporter:
    """Tells of clusters, in one transaction."""

    def __init__(self, connection: Connection, vault: Vault, watch: Watch, *, log_time: bool) -> None:
        self._connection = connection
        self._vault = vault
        self._watch = watch
        self._log_time = log_time

    async def tell(self, news: Sequence[News]) -> set[int]:
        """Appends the facts. Returns the lanes that grew."""
        told = False
        for one in news:
            told = await self._tell(one) or told
        return {lane_of_client(DESK)} if told else set()

    async def _tell(self, one: News) -> bool:
        """An agent may write to the incident at the same moment: then it is read and told again."""
        for _ in range(TRIES_MAX):
            known = fold(await read_stream(self._connection, one.incident))
            fact = end_of(one.cluster, known, one.into) if one.ended else await self._fact(one, known)
            if fact is None:
                return False
            (result,) = await append_in(self._connection, [Append(DESK, [self._event(one, known, fact)])])
            if isinstance(result, Conflict):
                continue
            if isinstance(result, NotAppended):
                raise result
            return True
        raise RuntimeError(f"incident {one.incident} grew {TRIES_MAX} times while it was told of")

    async def _fact(self, one: News, known: Incident) -> Fact | None:
        new = new_tickets(one.cluster, known)
        recent = [UUID(ticket) for ticket in list(one.cluster.tickets)[-SPEAKERS_MAX:]]
        births, speakers = await self._births([*new, *recent])
        return fact_of(
            one.cluster,
            known,
            births,
            await self._sealed(one, known, [speakers[ticket] for ticket in reversed(recent) if ticket in speakers]),
            secret=self._watch.secret,
            desk_clients=len(self._watch.radar.clients),
        )

    async def _births(self, tickets: Sequence[UUID]) -> tuple[Births, dict[UUID, UUID]]:
        """Each ticket's client and instant, and its requester."""
        wanted = list(dict.fromkeys(tickets))
        rows = await self._connection.fetch(SQL["births"], [lane_of(ticket) for ticket in wanted], wanted)
        births: dict[UUID, tuple[str, datetime]] = {}
        speakers: dict[UUID, UUID] = {}
        for event in recorded(rows):
            if isinstance(event.data, TicketSubmitted):
                births[event.stream] = event.client, event.occurred_at
                speakers[event.stream] = event.data.requester
        return births, speakers

    async def _sealed(self, one: News, known: Incident, speakers: Sequence[UUID]) -> dict[str, Personal]:
        """The words of new signs, sealed to a requester of late; of who was erased nothing is quoted."""
        signs = new_signs(one.cluster, known, self._watch.secret)
        if not signs:
            return {}
        await self._vault.load(speakers)
        for speaker in speakers:
            try:
                seal = self._vault.sealer(speaker)
            except KeyError:
                continue
            return {sign.key: Sealed.model_validate(seal(sign.key[2:])) for sign in signs}
        return {}

    def _event(self, one: News, known: Incident, fact: Fact) -> NewEvent:
        cause = one.cause
        occurred_at = None
        if self._log_time:
            occurred_at = max(cause.occurred_at, known.updated_at or cause.occurred_at)
        return NewEvent(
            id=uuid5(one.incident, f"{known.version + 1}:{cause.id}"),
            stream=one.incident,
            version=known.version + 1,
            data=fact,
            actor=ACTOR,
            causation=str(cause.id),
            origin=Origin(known.origin if known.status is not IncidentStatus.ABSENT else cause.origin),
            occurred_at=occurred_at,
            trace=cause.trace,
        )
