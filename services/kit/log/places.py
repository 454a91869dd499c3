"""How far a reader of events is <-> the text that it hands back to go on from there. Pure.

A reader of one client counts that client's sequence. A reader of several counts each of them, and of nobody else, so
that its place tells nothing of the neighbours. Who may see all clients counts the lanes.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Final

import orjson

from contracts.subjects import LANES
from services.kit.log.select import Source, sources_of

Positions = tuple[int, ...]
"""A position for each lane."""

POSITION_MAX: Final = (1 << 63) - 1  # what PostgreSQL can compare with
BEGINNING: Final = frozenset({"", "0", "beginning"})
NOW: Final = "now"
PLACE_CHARACTERS_MAX: Final = 8_000
SEQUENCE_DIGITS: Final = 19


def write_place(sources: Sequence[Source]) -> str:
    """The place of a reader, opaque but for a single client's."""
    if len(sources) == 1 and sources[0].client is not None:
        return str(sources[0].after)
    if all(source.client is None for source in sources):
        return write_positions(tuple(source.after for source in sources))
    return urlsafe_b64encode(orjson.dumps({source.client: source.after for source in sources})).decode().rstrip("=")


def read_place(text: str, clients: Sequence[str] | None) -> list[Source] | None:
    """Where a reader of these clients (None: all) goes on; None for a text that `write_place` did not write.

    A client that the reader was given since is read from its beginning: nothing of it is missing.
    """
    sources = sources_of(clients)
    if text in BEGINNING:
        return sources
    after = _after(text, clients) if len(text) <= PLACE_CHARACTERS_MAX else None
    if after is None or not all(0 <= place <= POSITION_MAX for place in after.values()):
        return None
    return [
        source._replace(after=after.get(source.lane if source.client is None else source.client, 0))
        for source in sources
    ]


def _after(text: str, clients: Sequence[str] | None) -> dict[int | str, int] | None:
    if clients is None:
        positions = read_positions(text)
        return None if positions is None else dict(enumerate(positions))
    if len(clients) == 1:
        shaped = len(text) <= SEQUENCE_DIGITS and text.isascii() and text.isdecimal()
        return {clients[0]: int(text)} if shaped else None
    try:
        found = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        return None
    if not isinstance(found, dict) or not all(type(place) is int for place in found.values()):
        return None
    return found


def write_positions(at: Positions) -> str:
    """Positions as text that is read by whoever may see all clients."""
    return ".".join(format(position, "x") for position in at)


def read_positions(text: str) -> Positions | None:
    """What `write_positions` wrote; None for anything else."""
    try:
        at = tuple(int(part, 16) for part in text.split("."))
    except ValueError:
        return None
    return at if len(at) == LANES and min(at) >= 0 and max(at) <= POSITION_MAX else None
