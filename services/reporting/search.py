"""Words -> the tickets that they find, ranked: any of the words, those with most of them first. I/O, reading only.

A reference (ACME-1042) or an address is looked for as a whole. Where words are so common that thousands of texts hold
them, the newest are ranked and the answer says that there are more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

import asyncpg

from contracts.subjects import LANES, lane_of_client
from services.kit.postgres import Connection, Pool, queries
from services.kit.references import read_reference
from services.reporting.asked import Asked, Place
from services.reporting.narrow import Narrowed
from services.reporting.texts import WINDOWS, client_mark, newest_blocks

SQL = queries("services/reporting/sql/search.sql")

TERMS_MAX = 12  # words of one search; ranking looks at each of them in every text found
MARKS_MAX = 20  # clients looked for by their marks; rows of more are filtered
NARROWER = 4  # a window is worth a query of its own where it holds at most about half of the texts
TEXTS_MAX = 1_000  # texts ranked, the newest
PEOPLE_MAX = 50  # people found by a name or address
TICKETS_OF_PERSON_MAX = 100
UNFINISHED_MIN = 3  # letters from which the last word also finds the words that begin with it

RANK_UNITS = 1_000_000
RANK_MAX = 1_000 * RANK_UNITS


@dataclass(frozen=True, slots=True)
class Found:
    """The places of one page and one more, and how many tickets of each status and priority the words find."""

    places: Sequence[Place]
    cells: Mapping[tuple[str, str], float]
    is_least: bool


async def found_by_words(reader: Connection | Pool, asked: Asked) -> Found:
    """What the words find under the filters, in the order asked for."""
    terms = [row["query"] for row in await reader.fetch(SQL["terms"], *parsed(asked.words), UNFINISHED_MIN)]
    if not terms:
        return Found((), {}, is_least=False)
    found = await candidates(reader, asked, terms, any_of(terms, quoted=False))
    scores = {row["ticket"]: score(row["words"], row["rank"]) for row in found}
    matched = await reader.fetch(
        SQL["matched"], [row["lane"] for row in found], list(scores), asked.category, asked.agent, asked.unassigned,
        asked.tag, asked.at, *asked.ranges,
    )  # fmt: skip
    cells = Counter((row["status"], row["priority"]) for row in matched)
    is_least = bool(found) and found[0]["texts"] >= TEXTS_MAX
    return Found(_ordered(matched, scores, asked), cells, is_least)


async def candidates(
    reader: Connection | Pool, asked: Asked, terms: Sequence[str], query: str, *, read: bool = False
) -> Sequence[asyncpg.Record]:
    """Texts and people that a query finds, by ticket, with those of the terms that each has: among the newest blocks
    first, then wider, until there are enough or all. With `read` come the words of the texts, and no people."""
    lanes = range(LANES) if asked.clients is None else {lane_of_client(client) for client in asked.clients}
    heads = {row["lane"]: row["position"] for row in await reader.fetch(SQL["heads"], list(lanes))}
    few = asked.clients is not None and len(asked.clients) <= MARKS_MAX
    of_clients = any_of(client_mark(client) for client in asked.clients) if few and asked.clients else None
    people = 0 if read else PEOPLE_MAX
    found: Sequence[asyncpg.Record] = ()
    for bits in (*WINDOWS, None):
        if bits is not None and max(heads.values(), default=0) >> bits < NARROWER:
            continue
        window = None if bits is None else any_of(newest_blocks(heads, bits))
        if isinstance(cast(object, reader), Narrowed):
            wanted = " & ".join(f"({part})" for part in (query, of_clients, window) if part)
            found = await reader.fetch(
                SQL["candidates_of_some"], wanted, terms, TEXTS_MAX, people, TICKETS_OF_PERSON_MAX, asked.at,
                query, asked.clients, read,
            )  # fmt: skip
        else:
            found = await reader.fetch(
                SQL["candidates"], query, asked.clients, terms, TEXTS_MAX, people, TICKETS_OF_PERSON_MAX,
                of_clients, window, asked.at, read,
            )  # fmt: skip
        if found and found[0]["texts"] >= TEXTS_MAX:
            break
    return found


def any_of(terms: Iterable[str], *, quoted: bool = True) -> str:
    """A tsquery for any of these: of lexemes, or of queries that PostgreSQL has written itself."""
    return " | ".join(f"'{term}'" if quoted else f"( {term} )" for term in terms)


def parsed(text: str) -> tuple[list[str], list[str]]:
    """(words, exact ones) of what was typed. An error code (AUTH-5203) may look like a reference, and so is both."""
    tokens = text.replace("\0", " ").split()[:TERMS_MAX]
    whole = [token if "@" in token else str(read_reference(token) or "") for token in tokens]
    exact = [token.lower() for token in whole if token]
    return [token for token in tokens if "@" not in token], exact


def score(words: int, rank: float) -> int:
    """A sort key: how many of the words first, then how much they weigh."""
    return words * RANK_MAX + min(RANK_MAX - 1, int(rank * RANK_UNITS))


KEYS: Mapping[str, str | None] = {
    "relevance": None,
    "deadline": "by_deadline",
    "priority": "by_priority",
    "newest": "by_age",
    "oldest": "by_age",
}
DESCENDING = frozenset({"relevance", "newest"})


def _ordered(matched: Sequence[asyncpg.Record], scores: Mapping[UUID, int], asked: Asked) -> Sequence[Place]:
    key, descending = KEYS[asked.sort], asked.sort in DESCENDING
    places = [
        Place(row["lane"], row["ticket"], row[key] if key else scores[row["ticket"]], row["past"])
        for row in matched
        if row["status"] in asked.statuses and (asked.priorities is None or row["priority"] in asked.priorities)
    ]
    places.sort(key=lambda place: (place.key, place.ticket), reverse=descending)
    if asked.cursor is not None:
        after = asked.cursor.key, asked.cursor.ticket
        places = [place for place in places if descending != ((place.key, place.ticket) > after)]
        places = [place for place in places if (place.key, place.ticket) != after]
    return places[: asked.limit + 1]
