"""Mistakes that somebody could make in the relay or a consumer. The simulation must find each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Final
from unittest.mock import patch

from services.kit.bus import digest, publish
from services.kit.bus.digest import SQL as CONSUMER
from services.kit.bus.digest import Digest, Share
from services.kit.bus.lane import Lane
from services.kit.log.lease import Leases
from services.kit.log.relay import Relay
from tests.chaos.sim import world
from tests.chaos.sim.queries import MEANINGS

Mutation = Callable[[], AbstractContextManager[Any]]


def cursor_before_effect() -> AbstractContextManager[Any]:
    """The cursor is committed, then the effects: what dies in between is lost."""

    async def commit(self: Digest, shares: Sequence[Share]) -> None:
        async with digest.transaction(self.pool) as connection:
            await self._move(shares, connection)
        async with digest.transaction(self.pool) as connection:
            for share in shares:
                await self.handler.handle(share.lane, share.events, connection)

    return patch.object(Digest, "commit", commit)


def effect_before_cursor() -> AbstractContextManager[Any]:
    """The effects are committed, then the cursor: what dies in between is done twice."""

    async def commit(self: Digest, shares: Sequence[Share]) -> None:
        async with digest.transaction(self.pool) as connection:
            for share in shares:
                await self.handler.handle(share.lane, share.events, connection)
        async with digest.transaction(self.pool) as connection:
            await self._move(shares, connection)

    return patch.object(Digest, "commit", commit)


def no_deduplication() -> AbstractContextManager[Any]:
    """The cursor is moved from wherever it stands: two processes of one consumer digest the same."""

    async def move(db: Any, session: Any, name: str, lanes: Sequence[int], after: object, upto: Sequence[int]) -> Any:
        stands = [db.cursor(session, name, lane).position for lane in lanes]
        return await MEANINGS[CONSUMER["move"]](db, session, name, lanes, stands, upto)

    return patch.object(world, "MEANINGS", {**MEANINGS, CONSUMER["move"]: move})


def lost_tail_not_read() -> AbstractContextManager[Any]:
    """What never came over the bus is waited for."""

    def looked(self: Lane[Any], head: int, cursor: int) -> None:
        self.moved_to(cursor)
        self.head = max(self.head, head)

    return patch.object(Lane, "looked", looked)


def hole_jumped() -> AbstractContextManager[Any]:
    """What came is digested in its order, without a look at what is missing in between."""

    def next_messages(self: Lane[Any], limit: int) -> list[Any]:
        return [self.kept[position] for position in sorted(self.kept)][:limit]

    return patch.object(Lane, "next_messages", next_messages)


def moved_cursor_not_believed() -> AbstractContextManager[Any]:
    """That another process has moved the cursor is taken for a mistake of the event's own."""
    return patch.object(digest, "CursorMoved", type("Refused", (ValueError,), {}))


def stream_does_not_wait() -> AbstractContextManager[Any]:
    """Later events of a stream pass the one that could not be digested."""

    async def hold_back(self: Digest, share: Share, waits: object, connection: object) -> Any:
        return share.events

    return patch.object(Digest, "_hold_back", hold_back)


@contextmanager
def no_fence() -> Iterator[None]:
    """A frozen relay that wakes publishes what it meant to."""
    with ExitStack() as changes:
        for name in ("STREAM_ENDS_AT", "STREAM_ENDS_WITH", "LANE_ENDS_AT"):
            changes.enter_context(patch.object(publish, name, f"Not-{name}"))
        yield


def bus_not_watched() -> AbstractContextManager[Any]:
    """A relay does not look whether the bus has lost what it took."""

    async def watch(self: Relay) -> None: ...

    return patch.object(Relay, "_watch", watch)


def lanes_not_taken_over() -> AbstractContextManager[Any]:
    """A relay that has its share does not see that lanes have become free."""
    renew = Leases.renew

    async def once(self: Leases) -> Mapping[int, int]:
        return self._held or await renew(self)

    return patch.object(Leases, "renew", once)


MUTATIONS: Final[Sequence[Mutation]] = (
    cursor_before_effect, effect_before_cursor, no_deduplication, lost_tail_not_read, hole_jumped,
    moved_cursor_not_believed, stream_does_not_wait, no_fence, bus_not_watched, lanes_not_taken_over,
)  # fmt: skip
