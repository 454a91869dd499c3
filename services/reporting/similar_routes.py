"""GET /tickets/{…}/similar: tickets about the same, best first, each with why. I/O; `similar` thinks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, cast
from uuid import UUID

from fastapi import FastAPI, Query, Response
from pydantic import AwareDatetime, Field

from contracts.catalogue import decode
from contracts.model import DESK
from contracts.similarity import SimilarityJudged, pair_stream
from contracts.subjects import lane_of, lane_of_client
from contracts.terms import Priority, Status
from contracts.ticket import Held
from contracts.tickets import TicketSubmitted
from services.kit.access import Caller
from services.kit.log.read import Instant
from services.kit.personal import DAMAGED, ERASED, Vault
from services.kit.postgres import queries
from services.reporting.asked import Asked, AsOfText, QueueParameters, asked_of
from services.reporting.find import Reader, as_of_given, find_ticket
from services.reporting.narrow import Narrowed
from services.reporting.opened import answer, stored
from services.reporting.search import any_of, candidates
from services.reporting.shape import Shape, Text
from services.reporting.similar import (
    ENTITY_WEIGHT,
    Candidate,
    Facts,
    Similar,
    Term,
    best,
    finders,
    matter,
    ranked,
    terms_of,
    weights_of,
    words_of,
)

if TYPE_CHECKING:
    from services.reporting.edge import Edge

SQL = queries("services/reporting/sql/similar.sql")

LIMIT, LIMIT_MAX = 5, 20
EACH_MAX = 1_000  # texts looked at for one word, the newest
READ_MAX = 100  # tickets whose words are read
WORDS_READ_MAX = 600  # of one text; a longer one is a log file
COMMON_MAX = 3  # words looked up where all are common
COMMON = frozenset(
    """
    please hello dear thanks thank regards help need want would could team desk support ticket issue problem question
    hallo bitte danke problem frage liebe grüße bonjour merci ciao grazie hola gracias since with from this that have
    been does doing gets getting again also very still just like when what where which there here today yesterday
    """.split()  # noqa: SIM905 - a list of words reads better as a text
)


class SimilarReason(Shape):
    code: str = Field(description="confirmed, names, words, category or same_day")
    words: list[str]


class SimilarTicket(Shape):
    id: UUID
    reference: str
    client: str
    client_name: str | None
    subject: Text
    status: Status
    priority: Priority | None
    category: str | None
    opened_at: AwareDatetime
    fit: float = Field(description="how much of what the words tell fits, 0 to 1")
    confirmed: bool = Field(description="an agent said that both are about the same")
    reasons: list[SimilarReason]


class SimilarShape(Shape):
    items: list[SimilarTicket]


def add_similar_routes(app: FastAPI, edge: Edge) -> None:
    @app.get("/tickets/{ticket}/similar", responses={200: {"model": SimilarShape}})
    async def similar(
        caller: Caller,
        ticket: Annotated[str, Field(max_length=80)],
        limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT,
        as_of: AsOfText | None = None,
    ) -> Response:
        """Tickets about the same, of the clients that the caller may see. What an agent denied is left out."""
        reader = edge.reading(caller)
        at = as_of_given(as_of, caller)
        held, events = await find_ticket(reader, ticket, caller, at)
        born = events[0].data
        texts = await _opened(edge.vault, born) if isinstance(born, TicketSubmitted) else ("", "")
        asked = asked_of(QueueParameters(), caller, edge.clock.now())
        if at is not None:  # tickets that came later were not there to be like this one
            asked = replace(asked, at=at.at if isinstance(at, Instant) else held.updated_at)
        found = await _similar(edge, reader, held, texts, asked, limit)
        return await answer({"items": await _shown(reader, found)}, edge.vault)


async def _opened(vault: Vault, born: TicketSubmitted) -> tuple[str, str]:
    await vault.load([born.requester])
    subject, body = (vault.shown(text) for text in (born.subject, born.body))
    gone = (ERASED, DAMAGED)
    return "" if subject in gone else subject, "" if body in gone else body


async def _similar(
    edge: Edge, reader: Reader, held: Held, texts: tuple[str, str], asked: Asked, limit: int
) -> list[Similar]:
    terms = terms_of(*texts, COMMON.__contains__)
    words = [term.prefix or term.said for term in terms]
    rows = await reader.fetch(SQL["terms"], words, [term.prefix is not None for term in terms])
    if not rows:
        return []
    kept = [terms[row["nth"]] for row in rows]
    asks = [row["query"] for row in rows]
    some = await _found(reader, asked, kept, asks, [row["texts"] for row in rows])
    weights = weights_of(kept, some)
    mine = await reader.fetch(SQL["lexemes"], matter(*texts))
    ranking = best(some, weights, words_of(mine[0]["said"]), held.id)
    chosen = [one.candidate for one in ranking]
    told = await reader.fetch(SQL["facts"], [one.lane for one in chosen], [one.ticket for one in chosen])
    judged = await _judged(edge, held.id, [one.ticket for one in chosen])
    facts = {
        row["ticket"]: Facts(row["category"], row["opened_at"], judged.get(pair_stream(held.id, row["ticket"])))
        for row in told
    }
    return ranked(ranking, facts, kept, Facts(held.category, held.opened_at, None), limit)


async def _found(
    reader: Reader, asked: Asked, terms: Sequence[Term], asks: Sequence[str], expected: Sequence[float]
) -> list[Candidate]:
    """Tickets that hold what tells most; where all words are common, the newest that hold the rarest of these."""
    chosen = finders(terms, expected)
    if not chosen:
        rarest = sorted(range(len(terms)), key=lambda nth: (expected[nth], nth))[:COMMON_MAX]
        query = any_of((asks[nth] for nth in rarest), quoted=False)
        found: Sequence[Any] = await candidates(reader, asked, asks, query, read=True)
    else:
        narrowed = isinstance(cast(object, reader), Narrowed)
        found = await reader.fetch(
            SQL["alike_of_some" if narrowed else "alike"], [asks[nth] for nth in chosen], asked.clients, asked.at,
            EACH_MAX, [expected[nth] for nth in chosen],
            [ENTITY_WEIGHT if terms[nth].entity else 1.0 for nth in chosen], READ_MAX, asks, WORDS_READ_MAX,
        )  # fmt: skip
    return [Candidate(row["lane"], row["ticket"], row["hits"], row["said"] or "") for row in found]


async def _judged(edge: Edge, ticket: UUID, others: Sequence[UUID]) -> dict[UUID, bool]:
    """What agents said, by the pair's stream. Only pairs whose tickets the caller may see are asked for."""
    streams = [pair_stream(ticket, other) for other in others]
    rows = await edge.pool.fetch(SQL["judged"], lane_of_client(DESK), streams)
    said = {row["stream"]: decode(row["type"], row["schema_version"], row["payload"]) for row in rows}
    return {stream: told.similar for stream, told in said.items() if isinstance(told, SimilarityJudged)}


async def _shown(reader: Reader, found: Sequence[Similar]) -> list[dict[str, Any]]:
    by_ticket = {one.ticket: one for one in found}
    rows = await reader.fetch(SQL["rows"], [lane_of(ticket) for ticket in by_ticket], list(by_ticket))
    shown = []
    for row in rows:
        one = by_ticket[row["ticket"]]
        reasons = [{"code": code, "words": list(words)} for code, words in one.reasons]
        line = {name: row[name] for name in ("reference", "client", "client_name", "status", "priority", "category")}
        confirmed = any(code == "confirmed" for code, _ in one.reasons)
        line |= {"id": row["ticket"], "subject": stored(row["subject"]), "opened_at": row["opened_at"]}
        shown.append(line | {"fit": one.fit, "confirmed": confirmed, "reasons": reasons})
    return shown
