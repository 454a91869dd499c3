"""A module's database with reporting's views on it: histories are written through the log, fed in any batches. I/O."""

from __future__ import annotations

import os
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import httpx
from fastapi import FastAPI
from uuid_utils.compat import uuid7

from contracts.clients import ClientRegistered
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.people import Role
from contracts.subjects import LANES
from services.kit.access.tokens import NewToken, make_token
from services.kit.clients import SQL as CLIENTS
from services.kit.clock import LogClock
from services.kit.log.append import Appender
from services.kit.log.ownership import write_ownership
from services.kit.log.read import read_lane
from services.kit.personal import Vault
from services.kit.postgres import Pool, connect_pool
from services.kit.settings import Settings
from services.reporting.app import SCHEMAS, open_app
from services.reporting.consumer import Views
from services.reporting.directory_view import DirectoryView
from services.reporting.incidents_view import IncidentsView
from services.reporting.keys import reading_vault
from services.reporting.queue_view import QueueView
from services.reporting.rebuild import view_checksum
from services.reporting.search_view import SearchView
from services.reporting.sla.tales import Tales
from services.reporting.sla.view import SlaView
from tests.integration import reporting_history as past
from tests.integration.reporting_history import Desk, Writer

EVERYTHING = 100_000  # events of a lane, more than any test writes


@dataclass
class ReportingDesk:
    """Writes histories as intake and triage do, and feeds reporting from the log."""

    settings: Settings
    intake: Pool
    reporting: Pool
    owner: Pool
    writer: Writer
    desk: Desk
    fed: dict[int, int] = field(default_factory=dict)

    @property
    def chance(self) -> random.Random:
        return self.desk.chance

    def views(self) -> Views:
        """A consumer that has just started: it remembers nothing."""
        tales, search = Tales(), SearchView(reading_vault(self.reporting, self.settings))
        return Views([DirectoryView(), QueueView(tales), SlaView(tales), search, IncidentsView()])

    async def open(self, requesters: int = 4, agents: int = 3) -> None:
        """Clients, requesters and agents come first, with keys of their own."""
        for client, stream, person, event in past.opening(self.desk, requesters, agents):
            if person is not None:
                await make_key(self.owner, self.writer.vault, client, person)
            if isinstance(event, ClientRegistered):
                await self.intake.execute(CLIENTS["claim_prefix"], event.prefix, client)
            await self.writer.write(client, stream, [(past.START - timedelta(days=1), event, person)])

    async def tell(self, lives: int, *, most: int = 12, hours: int = 400) -> list[UUID]:
        """So many tickets' lives, written in the order of their events' times, streams interleaved."""
        lines: list[tuple[datetime, int, str, UUID, Event, UUID | None]] = []
        for number in range(lives):
            client = self.chance.choice(self.desk.clients)
            stream = self.desk.new_id(client)
            born = past.START + timedelta(hours=self.chance.randrange(hours), seconds=number)
            person: UUID | None = None
            for at, event in past.life(self.desk, client, born, most=most):
                author = past.requester_of(event, person)
                person = person or author
                lines.append((at, len(lines), client, stream, event, author))
        for at, _, client, stream, event, author in sorted(lines):
            await self.writer.write(client, stream, [(at, event, author)])
        return list({line[3] for line in lines})

    async def feed(self, views: Views | None = None, *, batch: int = EVERYTHING) -> None:
        """Hands everything new to reporting, in transactions of at most `batch` events of a lane."""
        views = views or self.views()
        for lane in range(LANES):
            while events := await read_lane(self.reporting, lane, self.fed.get(lane, 0), batch):
                await self.hand(views, lane, events)
                self.fed[lane] = events[-1].position

    async def hand(self, views: Views, lane: int, events: Sequence[Recorded[Event]]) -> None:
        async with self.reporting.acquire() as connection, connection.transaction():
            after = await views.handle(lane, events, connection)
        if after is not None:
            after()

    async def log(self) -> list[Recorded[Event]]:
        """Every event, lane by lane."""
        return [event for lane in range(LANES) for event in await read_lane(self.reporting, lane, 0, EVERYTHING)]

    async def checksum(self, view: str) -> str:
        async with self.owner.acquire() as connection:
            return await view_checksum(connection, view)

    async def token(self, role: Role = Role.ADMINISTRATOR, *clients: str, scopes: tuple[str, ...] = ()) -> str:
        new = NewToken(id=uuid7(), name="test", role=role, clients=clients or None, scopes=scopes)
        return await make_token(self.intake, new)


@asynccontextmanager
async def reporting_desk(settings: Settings, seed: int, clients: Sequence[str]) -> AsyncIterator[ReportingDesk]:
    """A desk with a past of its own, for as long as the context lasts."""
    intake = await connect_pool(settings, "intake", size=4)
    triage = await connect_pool(settings, "triage", size=2)
    owner = await connect_pool(settings, "owner", size=4)
    reporting = await connect_pool(settings, "reporting", size=6, server_settings={"search_path": SCHEMAS})
    try:
        async with owner.acquire() as connection:
            await write_ownership(connection)
        vault = Vault(
            intake, settings.master_key_bytes, new_id=uuid7, random_bytes=os.urandom, monotonic=time.monotonic
        )
        writer = Writer({"intake": Appender(intake), "triage": Appender(triage)}, vault)
        desk = ReportingDesk(settings, intake, reporting, owner, writer, Desk(random.Random(seed), clients))
        await desk.open()
        yield desk
    finally:
        for pool in (reporting, owner, triage, intake):
            await pool.close()


async def make_key(owner: Pool, vault: Vault, client: str, person: UUID) -> None:
    """A key for a person whose id the test has chosen; the vault would choose one by itself."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from contracts.subjects import lane_of

    wrapped = vault._wrap(person, AESGCM.generate_key(256))
    await owner.execute(
        "INSERT INTO personal.people (lane, person, client, handle, wrapped) VALUES ($1, $2, $3, $4, $5)",
        lane_of(person), person, client, vault.handle(client, str(person)), wrapped,
    )  # fmt: skip
    await vault.load([person])


@asynccontextmanager
async def reporting_api(
    desk: ReportingDesk, token: str, now: datetime | None = None
) -> AsyncIterator[tuple[httpx.AsyncClient, FastAPI]]:
    """The API of a desk in the name of a token, at an instant of the desk's clock."""
    clock = LogClock(now or past.START + timedelta(days=60))
    async with open_app(desk.settings, clock=clock) as app:
        transport = httpx.ASGITransport(app)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://desk.example", headers=headers) as http:
            yield http, app
