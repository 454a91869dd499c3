"""A desk that runs enters; its events leave as they happen, a line each. Personal data stays sealed."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Annotated

import typer

from contracts.catalogue import encode
from contracts.envelope import Recorded, cloud_attributes
from contracts.model import Event
from contracts.subjects import LANES
from services.cli.app import Stop
from services.kit.bus import connect
from services.kit.log.follow import Pokes, follow_client, follow_lanes, last_sequence
from services.kit.log.read import heads
from services.kit.postgres import Pool, connect_pool
from services.kit.settings import Settings, load

CLIENT = re.compile(r"_desk|[a-z0-9][a-z0-9-]{0,38}")


def register(app: typer.Typer) -> None:
    @app.command()
    def tail(
        client: Annotated[str | None, typer.Option(help="Only this client's events.")] = None,
        after: Annotated[
            str, typer.Option(help="now, start, a client's sequence, or positions such as 3:1042,7:12.")
        ] = "now",
        limit: Annotated[int | None, typer.Option(help="End after so many events.")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="One CloudEvent a line, data as the log has it.")] = False,
    ) -> None:
        """Follow what happens, from now on or from a position. Ctrl-C ends it."""
        if client is not None and not CLIENT.fullmatch(client):
            raise Stop(f"{client} is not a client's name: small letters, digits and hyphens, such as acme")
        asyncio.run(follow(load(), client, after, limit, as_json))


async def follow(settings: Settings, client: str | None, after: str, limit: int | None, as_json: bool) -> None:
    """Prints events until the limit, or for ever."""
    pool = await connect_pool(settings, "reporting", size=2, program="daybook-tail")
    pokes = Pokes()
    listening = asyncio.create_task(_listen(settings, pokes))  # without a bus the log is looked at every second
    try:
        count = 0
        async for event in await _events(pool, pokes, client, after):
            print(as_cloud_event(event) if as_json else as_line(event), flush=True)
            count += 1
            if count == limit:
                break
    finally:
        listening.cancel()
        await pool.close()


async def _listen(settings: Settings, pokes: Pokes) -> None:
    client = await connect(settings, "reporting-tail")
    try:
        await pokes.listen(client)
        await asyncio.get_running_loop().create_future()
    finally:
        await client.close()


async def _events(pool: Pool, pokes: Pokes, client: str | None, after: str) -> AsyncIterator[Recorded[Event]]:
    if client is None:
        return follow_lanes(pool, pokes, await heads(pool) if after == "now" else parse_positions(after))
    if after == "now":
        return follow_client(pool, pokes, client, await last_sequence(pool, client))
    if after != "start" and not after.isdecimal():
        raise Stop("with --client, --after is now, start or a sequence such as 1042")
    return follow_client(pool, pokes, client, 0 if after == "start" else int(after))


def parse_positions(text: str) -> dict[int, int]:
    """{lane: position} out of `start` or `3:1042,7:12`; lanes that are not named are shown from their start."""
    if text == "start":
        return {}
    found: dict[int, int] = {}
    for part in text.split(","):
        lane, colon, position = part.strip().partition(":")
        if not (colon and lane.isdecimal() and position.isdecimal() and int(lane) < LANES):
            raise Stop("--after is now, start, or positions of lanes such as 3:1042,7:12")
        found[int(lane)] = int(position)
    return found


def as_line(event: Recorded[Event]) -> str:
    """One event for a person's eyes: when, where, what, whose, by whom."""
    number = "" if event.number is None else f" no. {event.number}"
    return (
        f"{event.occurred_at:%Y-%m-%d %H:%M:%S}Z {event.lane:>2}:{event.position:<8} {event.type:<26} "
        f"{event.client:<16} {event.stream} v{event.version} {event.origin} {event.actor}{number}"
    )


def as_cloud_event(event: Recorded[Event]) -> str:
    """One event as a structured CloudEvent, with its place in the log beside it."""
    place = {"lane": event.lane, "position": event.position}
    return json.dumps({**cloud_attributes(event), **place, "data": json.loads(encode(event.data))})
