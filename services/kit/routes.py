"""Routes of a client or of the desk: put into its stream, and read from it. I/O; `kit.rules.routes` decides."""

from __future__ import annotations

from contracts.model import DESK
from contracts.routes import PutRoutes, RoutesSet
from contracts.subjects import client_stream
from services.kit.clients import Author, append_to_client
from services.kit.log.append import Appended
from services.kit.log.read import read_stream
from services.kit.postgres import Connection, Pool
from services.kit.rules.routes import decide_routes, in_force, last_set
from services.kit.staff import read_staff


async def put_routes(
    connection: Connection, slug: str, command: PutRoutes, author: Author
) -> tuple[RoutesSet | None, Appended | None]:
    """Sets routes in a transaction of its own; without news nothing is written. Raises Refused, and Conflict where
    somebody put the same client at the same moment."""
    async with connection.transaction():
        history = await read_stream(connection, client_stream(slug))
        event = decide_routes(slug, command, history, await read_staff(connection) if command.routes else [])
        if event is None:
            return None, None
        return event, await append_to_client(connection, slug, len(history) + 1, event, author)


async def read_routes(reader: Connection | Pool, slug: str) -> tuple[RoutesSet | None, RoutesSet | None]:
    """What a client's own stream says last, and by what its tickets go."""
    own = last_set(await read_stream(reader, client_stream(slug)))
    desk = own if slug == DESK else last_set(await read_stream(reader, client_stream(DESK)))
    return own, in_force(own, desk)
