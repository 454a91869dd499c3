"""GET /questions: what is asked again and again, counted, with examples. I/O; `questions` thinks.

Texts are opened here, a few at a time, and nothing of them is kept: an answer is made anew from the newest tickets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

from fastapi import FastAPI, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.catalogue import decode
from contracts.envelope import microseconds
from contracts.model import DESK, ClientId, Sealed
from contracts.similarity import SimilarityJudged
from contracts.subjects import lane_of, lane_of_client
from contracts.terms import Status
from contracts.tickets import TicketSubmitted
from services.kit.access import Caller
from services.kit.personal import DAMAGED, ERASED, Vault
from services.kit.postgres import queries
from services.kit.web.problem import Problem
from services.reporting.asked import clients_seen
from services.reporting.find import Reader
from services.reporting.opened import answer, stored
from services.reporting.questions import Asked, Judged, Question, questions, terms_said
from services.reporting.shape import Shape, Text
from services.reporting.similar_routes import COMMON

if TYPE_CHECKING:
    from services.reporting.edge import Edge

SQL = queries("services/reporting/sql/questions.sql")

LIMIT, LIMIT_MAX = 20, 100
WINDOW_MAX: Final = 2_000  # tickets that are looked at, the newest
STEP: Final = 50  # texts opened before others have their turn
PAYLOAD_MAX: Final = 65_536  # bytes; of a longer text the subject alone is read
JUDGED_MAX: Final = 5_000  # newest events of the desk among which agents' words on pairs are looked for
EARLIEST, LATEST = date(2000, 1, 1), date(9999, 12, 30)


class QuestionParameters(BaseModel):
    """Days of UTC, both counted; none given: all."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    client: ClientId | None = None
    since: date | None = Field(None, alias="from", description="a day of UTC, such as 2026-03-01")
    to: date | None = Field(None, description="the last day that counts")
    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)] = LIMIT


class QuestionWeek(Shape):
    week: date = Field(description="its Monday, of UTC; weeks in which nobody asked are left out")
    tickets: int


class QuestionExample(Shape):
    id: UUID
    reference: str
    client: str
    client_name: str | None
    subject: Text
    status: Status
    opened_at: AwareDatetime


class QuestionShape(Shape):
    id: UUID = Field(description="its first ticket in the window")
    category: str | None
    tickets: int
    clients: int
    requesters: int
    first_at: AwareDatetime
    last_at: AwareDatetime
    words: list[str] = Field(description="that three requesters at least wrote; the most telling first")
    examples: list[QuestionExample] = Field(description="those that are nearest to what all of them say")
    weeks: list[QuestionWeek]


class QuestionsShape(Shape):
    items: list[QuestionShape] = Field(description="the most asked first")
    total: int = Field(description="questions that recur in the window")
    looked_at: int = Field(description="tickets of the window")
    looked_at_most: int
    is_cut: bool = Field(description="whether older tickets of the range were left out")
    oldest_at: AwareDatetime | None = Field(description="when the oldest ticket that was looked at was opened")


def add_question_routes(app: FastAPI, edge: Edge) -> None:
    turn = asyncio.Semaphore(1)  # a second of computing, at most for one caller at a time

    @app.get("/questions", responses={200: {"model": QuestionsShape}})
    async def recurring(caller: Caller, given: Annotated[QuestionParameters, Query()]) -> Response:
        """Questions that recur among the newest tickets of the clients that the caller may see."""
        since, until = _range(given)
        reader = edge.reading(caller)
        clients = clients_seen(given.client, caller)
        async with turn:
            statuses = [status.value for status in Status]
            wanted = None if clients is None else list(clients)
            rows = await reader.fetch(SQL["window"], statuses, wanted, since, until, WINDOW_MAX + 1)
            window = rows[:WINDOW_MAX]
            asked = await _asked(edge.vault, reader, window)
            judged = await _judged(edge)
            found = await asyncio.to_thread(questions, asked, judged)
        shown = await _shown(reader, found[: given.limit], {row["ticket"]: row for row in window})
        told = {"total": len(found), "looked_at": len(window), "looked_at_most": WINDOW_MAX}
        oldest = window[-1]["opened_at"] if window else None
        return await answer(
            {"items": shown, **told, "is_cut": len(rows) > len(window), "oldest_at": oldest}, edge.vault
        )


def _range(given: QuestionParameters) -> tuple[int, int]:
    """[since, until) as sort keys. Raises Problem where it is none."""
    first, last = given.since or EARLIEST, given.to or LATEST
    if first > last:
        raise Problem("invalid_field", f"from: {first} comes after {last}: give a day up to `to`", field="from")
    since, until = (_midnight(day) for day in (first, min(last, LATEST) + timedelta(days=1)))
    return microseconds(since), microseconds(until)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


async def _asked(vault: Vault, reader: Reader, window: Sequence[Any]) -> list[Asked]:
    """The tickets with their words, opened in steps: others are served in between."""
    found: list[Asked] = []
    for begin in range(0, len(window), STEP):
        rows = window[begin : begin + STEP]
        tickets = [row["ticket"] for row in rows]
        births = await reader.fetch(SQL["births"], [lane_of(one) for one in tickets], tickets, PAYLOAD_MAX)
        born = {row["stream"]: decode(row["type"], row["schema_version"], row["payload"]) for row in births}
        await vault.load({row["requester"] for row in rows})
        for row in rows:
            event = born.get(row["ticket"])
            body = event.body if isinstance(event, TicketSubmitted) else ""
            terms = terms_said(_open(vault, _text(row["subject"])), _open(vault, body), COMMON.__contains__)
            found.append(
                Asked(row["ticket"], row["client"], row["requester"], row["category"], row["opened_at"], terms)
            )
        await asyncio.sleep(0)
    return found


def _text(subject: str) -> str | Sealed:
    value = stored(subject)
    return Sealed.model_validate(value) if isinstance(value, dict) else str(value or "")


def _open(vault: Vault, text: str | Sealed) -> str:
    """The text; nothing where it was erased, or does not open."""
    shown = vault.shown(text)
    return "" if shown in (ERASED, DAMAGED) else shown


async def _judged(edge: Edge) -> Judged:
    """What agents said of pairs, lately: of each pair the newest word. Tickets outside the window change nothing."""
    rows = await edge.pool.fetch(
        SQL["judgements"], lane_of_client(DESK), DESK, JUDGED_MAX, SimilarityJudged.type
    )  # fmt: skip
    said: dict[UUID, SimilarityJudged] = {}
    for row in rows:
        told = decode(row["type"], row["schema_version"], row["payload"])
        if isinstance(told, SimilarityJudged):
            said.setdefault(row["stream"], told)
    confirmed = [told.tickets for told in said.values() if told.similar]
    return Judged(confirmed, [told.tickets for told in said.values() if not told.similar])


async def _shown(reader: Reader, found: Iterable[Question], rows: dict[UUID, Any]) -> list[dict[str, Any]]:
    clients = sorted({row["client"] for row in rows.values()})
    names = {row["client"]: row["name"] for row in await reader.fetch(SQL["names"], clients)}
    return [_line(question, rows, names) for question in found]


def _line(question: Question, rows: dict[UUID, Any], names: dict[str, str]) -> dict[str, Any]:
    tickets = question.tickets
    return {
        "id": tickets[0].ticket,
        "category": question.category,
        "tickets": len(tickets),
        "clients": len({one.client for one in tickets}),
        "requesters": len({one.requester for one in tickets}),
        "first_at": tickets[0].at,
        "last_at": tickets[-1].at,
        "words": list(question.words),
        "examples": [_example(rows[ticket], names) for ticket in question.examples],
        "weeks": [{"week": week, "tickets": count} for week, count in question.weeks],
    }


def _example(row: Any, names: dict[str, str]) -> dict[str, Any]:
    line = {name: row[name] for name in ("reference", "client", "status", "opened_at")}
    return line | {
        "id": row["ticket"],
        "client_name": names.get(row["client"]),
        "subject": stored(row["subject"]),
    }
