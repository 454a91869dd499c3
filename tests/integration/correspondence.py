"""What the tests of letters share: a sender on a desk without bus, tickets that ask for letters, what came of them."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from contracts.deliveries import DeliveryFailed, DeliverySent
from contracts.envelope import Origin
from contracts.model import Event
from contracts.subjects import lane_of
from services.kit.clock import SystemClock
from services.kit.log.read import read_lane
from services.kit.metrics import Metrics
from services.kit.postgres import Pool
from services.kit.settings import Settings
from services.notification.counts import Counts
from services.notification.drafts import Drafts, House
from services.notification.handler import Notification
from services.notification.letters import Letters
from services.notification.post import Post, Server
from services.notification.sender import Sender, Times
from tests.integration.mail_server import MailServer
from tests.integration.small_desk import SmallDesk, vault_on

NAMES = count(1)
AT_ONCE = Times(retry_first=timedelta(), claim=timedelta(seconds=30), attempt=timedelta(milliseconds=1))
"""A claim runs out before anybody can look, so what a dead sender held is due at once."""


def post_to(server: MailServer) -> Post:
    return Post(Server("127.0.0.1", server.port, tls=False, username=None, password=None))


def sender_on(pool: Pool, database: Settings, post: Post | None = None, times: Times = AT_ONCE) -> Sender:
    house = House("https://desk.example", "desk.example", database.session_secret_bytes)
    drafts = Drafts(vault_on(pool, database), Letters(), house)
    counts = Counts(Metrics("notification"))
    return Sender(pool, drafts, post, SystemClock(), holder=uuid7(), counts=counts, log_time=False, times=times)


async def a_ticket(desk: SmallDesk, pool: Pool, *, origin: Origin = Origin.LIVE, language: str | None = None) -> UUID:
    """A ticket of a client and person of its own, and its events handed to notification."""
    slug = f"acme-{next(NAMES)}"
    await desk.client(slug)
    person = await desk.person(slug, f"ada@{slug}.example")
    ticket = await desk.submit(slug, person, origin=origin, language=language)
    await desk.feed(Notification(lambda: None), pool, lane_of(ticket), limit=10_000)
    return ticket


async def deliveries(pool: Pool, ticket: UUID) -> list[Event]:
    """What the log says of a ticket's letters."""
    events = await read_lane(pool, lane_of(ticket), 0, 100_000)
    return [
        event.data
        for event in events
        if isinstance(event.data, DeliverySent | DeliveryFailed) and event.data.ticket == ticket
    ]


async def state_of(pool: Pool, ticket: UUID) -> asyncpg.Record:
    row = await pool.fetchrow("SELECT state, attempts, doubts, code FROM notification.outbox WHERE ticket = $1", ticket)
    assert row is not None
    return row


async def until_quiet(sender: Sender) -> None:
    while await sender.round():
        pass
