"""POST /tickets/{…}/similar: an agent confirms or denies that another ticket is about the same. I/O."""

from __future__ import annotations

from uuid import UUID

from fastapi import FastAPI
from pydantic import Field

from contracts.model import DESK
from contracts.similarity import JudgeSimilarity, SimilarityJudged, pair_stream
from contracts.ticket import fold
from contracts.ticket_state import Absent, Held
from services.intake.answers import Answer
from services.intake.call import Call, TheKeylessCall
from services.intake.edge import Edge, new_events, stamp, write
from services.intake.route import Answered
from services.kit.clients import client_of_prefix
from services.kit.log.append import Append, Conflict
from services.kit.log.read import read_stream, ticket_by_number
from services.kit.references import read_id, read_reference
from services.kit.web.problem import Problem

TRIES_MAX = 5


class SimilarityAnswer(Answer):
    """What is now known of the pair."""

    ticket: UUID
    other: UUID
    similar: bool
    version: int = Field(description="how often the pair was judged")


def add_similarity_routes(app: FastAPI, edge: Edge) -> None:
    @app.post("/tickets/{ticket}/similar", response_model=SimilarityAnswer)
    async def judge(call: TheKeylessCall, ticket: str, command: JudgeSimilarity) -> Answered:
        """Confirms or denies that another ticket is about the same; GET /tickets/{ticket}/similar learns from it."""
        return Answered(await judge_similarity(edge, call, ticket, command), 200)


async def judge_similarity(edge: Edge, call: Call, name: str, command: JudgeSimilarity) -> SimilarityAnswer:
    """The pair as it is afterwards. What was said before is not said again."""
    one, other = await _seen(edge, call, name, None), await _seen(edge, call, command.other, "other")
    if one.id == other.id:
        raise Problem("invalid_field", "a ticket is compared with another one", field="other")
    stream = pair_stream(one.id, other.id)
    for _ in range(TRIES_MAX):
        said = await read_stream(edge.pool, stream)
        before = said[-1].data if said else None
        version = len(said)
        if not isinstance(before, SimilarityJudged) or before.similar is not command.similar:
            told = SimilarityJudged(tickets=(one.id, other.id), similar=command.similar)
            by = stamp(edge, call, None, one)
            try:
                await write(edge, Append(DESK, new_events(edge, by, stream, version, [told], None)))
            except Conflict:
                continue
            version += 1
        return SimilarityAnswer(ticket=one.id, other=other.id, similar=command.similar, version=version)
    raise Problem("busy", "others judged the pair at the same time", headers={"retry-after": "1"})


async def _seen(edge: Edge, call: Call, name: str, field: str | None) -> Held:
    """A ticket that the caller may see; another client's looks as unknown as one that is not there."""
    stream = read_id(name) or await _named(edge, name)
    ticket = None if stream is None else fold(await read_stream(edge.pool, stream))
    if ticket is None or isinstance(ticket, Absent) or not call.caller.may_see(ticket.client):
        raise Problem("not_found", f"there is no ticket {name[:80]}", field=field)
    return ticket


async def _named(edge: Edge, name: str) -> UUID | None:
    """The stream of the ticket that a reference such as ACME-1042 names."""
    written = read_reference(name)
    client = None if written is None else await client_of_prefix(edge.pool, written.prefix)
    return None if written is None or client is None else await ticket_by_number(edge.pool, client, written.number)
