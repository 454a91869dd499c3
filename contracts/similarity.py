"""Whether two tickets are about the same: what agents say of the pairs that the desk proposes. Pure data.

A pair has a stream of its own, of the client `_desk`: its tickets may belong to two clients, and neither is to learn of
the other's from the events of its own.
"""

from __future__ import annotations

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import StringConstraints

from contracts.model import DESK, Command, Event
from contracts.subjects import named_stream


class JudgeSimilarity(Command):
    """`similar` confirms that another ticket is about the same, or denies it. The newest word counts."""

    other: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    similar: bool


class SimilarityJudged(Event):
    type: ClassVar[str] = "similarity.judged"
    tickets: tuple[UUID, UUID]
    similar: bool


def pair_stream(one: UUID, other: UUID) -> UUID:
    """The stream of a pair, whichever is named first."""
    first, second = sorted((one, other), key=lambda ticket: ticket.int)
    return named_stream(DESK, "similarity", f"{first.hex}:{second.hex}")
