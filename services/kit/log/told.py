"""An event's place -> the text that a caller is told of it, and may ask `as_of=@` for. Pure.

Whoever may see all clients is told `<lane>:<position>`. Everybody else is told the client's own sequence: a lane's
position, told twice, says how much the neighbours on the lane did in between.
"""

from __future__ import annotations

from collections.abc import Collection


def write_told(clients: Collection[str] | None, *, lane: int, position: int, sequence: int) -> str:
    """The place of an event for a caller of these clients; None: of all."""
    return f"{lane}:{position}" if clients is None else str(sequence)
