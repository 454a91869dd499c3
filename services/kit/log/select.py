"""Places of clients or lanes and what is wanted enter; the next events that fit leave, few and bounded in bytes. I/O.

Whoever may see all clients reads the lanes by position. Everybody else reads each client by its own sequence, so that
neither place nor pace tells anything of the neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from contracts.envelope import Recorded
from contracts.model import Event
from contracts.subjects import LANES, lane_of_client
from services.kit.log.read import Reader, heads, recorded
from services.kit.postgres import queries

SQL = queries("services/kit/log/sql/select.sql")

LOOK_MAX: Final = 2_000  # events of one source looked at in one go, however few of them fit


class Wanted(NamedTuple):
    """What a subscriber wants. `types` are whole types or families (ticket); None: all."""

    types: tuple[str, ...] | None = None
    categories: tuple[str, ...] | None = None
    origins: tuple[str, ...] | None = None


class Source(NamedTuple):
    """One client by its sequence, or with `client` None a whole lane by its position; begins behind `after`."""

    lane: int
    client: str | None
    after: int

    def place_of(self, event: Recorded[Event]) -> int:
        """Where a reader of this source is once it has the event."""
        return event.position if self.client is None else event.sequence


class Found(NamedTuple):
    """The next events of a source. `upto`: where to go on; `more`: there may be something behind it already."""

    events: Sequence[Recorded[Event]]
    upto: int
    more: bool


def sources_of(clients: Sequence[str] | None) -> list[Source]:
    """Every source of a reader, at its beginning; None: of one who may see all clients."""
    if clients is None:
        return [Source(lane, None, 0) for lane in range(LANES)]
    return [Source(lane_of_client(client), client, 0) for client in sorted(clients)]


async def at_head(reader: Reader, sources: Sequence[Source]) -> list[Source]:
    """The same sources behind what is there now."""
    if not sources or sources[0].client is None:
        now = await heads(reader)
        return [source._replace(after=now[source.lane]) for source in sources]
    rows = await reader.fetch(
        SQL["sequences"], [source.lane for source in sources], [source.client for source in sources]
    )
    return [source._replace(after=row["sequence"]) for source, row in zip(sources, rows, strict=True)]


async def select_events(
    reader: Reader, sources: Sequence[Source], wanted: Wanted, *, limit: int, bytes_max: int
) -> list[Found]:
    """For each source its next events that fit, at most `limit` and one more than `bytes_max` bytes of stored payload.

    Raises UnknownEvent where the log is newer than this program.
    """
    if not sources:
        return []
    few = _few(wanted, limit)
    found = await _looked(reader, sources, wanted, few, limit, bytes_max)
    # Where nothing fits, the next look is a long one: of an import of a million events a webhook wants none.
    barren = [nth for nth, each in enumerate(found) if few < LOOK_MAX and each.more and not each.events]
    if barren:
        beyond = [sources[nth]._replace(after=found[nth].upto) for nth in barren]
        for nth, each in zip(barren, await _looked(reader, beyond, wanted, LOOK_MAX, limit, bytes_max), strict=True):
            found[nth] = each
    return found


def _few(wanted: Wanted, limit: int) -> int:
    """How many events are looked at to find some: no more than are handed on where all fit, more where some do."""
    if wanted.types or wanted.categories:
        return LOOK_MAX
    return min(LOOK_MAX, limit + 1 if wanted.origins is None else 4 * limit)


async def _looked(
    reader: Reader, sources: Sequence[Source], wanted: Wanted, look: int, limit: int, bytes_max: int
) -> list[Found]:
    lanes, clients, after = zip(*sources, strict=True)
    rows = await reader.fetch(
        SQL["select"], lanes, clients, after, look, limit, bytes_max, wanted.types, wanted.origins, wanted.categories
    )
    found: list[Found] = []
    for nth, source in enumerate(sources, start=1):
        mine = [row for row in rows if row["nth"] == nth]
        events = recorded([row for row in mine if row["position"] is not None])
        cut = mine[0]["fitting"] > len(events)
        upto = source.place_of(events[-1]) if cut else mine[0]["upto"]
        found.append(Found(events, upto, cut or mine[0]["looked_at"] == look))
    return found
