"""The process `notification`: settings enter, consumer and sender run until they are told to stop. I/O."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import uvloop
from uuid_utils.compat import uuid7

from services.kit.bus import run_consumer
from services.kit.bus.late import LateBus
from services.kit.clock import clock_for
from services.kit.keyring import keyring
from services.kit.log.growth import Growth
from services.kit.metrics import Metrics
from services.kit.personal import Vault
from services.kit.postgres import connect_pool
from services.kit.ready import announce_ready
from services.kit.telemetry import setup_logging, setup_tracing
from services.notification.counts import Counts
from services.notification.drafts import Drafts, House
from services.notification.handler import Notification
from services.notification.hooks.address import networks
from services.notification.hooks.counts import HookCounts
from services.notification.hooks.desk import HookDesk
from services.notification.hooks.dispatch import Dispatcher
from services.notification.hooks.webhooks import real_now
from services.notification.letters import Letters
from services.notification.post import Post, Server
from services.notification.sender import Sender

if TYPE_CHECKING:
    from services.kit.settings import Settings

LOCAL_DOMAIN: Final = "desk.localhost"
"""Stands in letters of a desk that has no name in the DNS; .localhost leads nowhere else (RFC 6761)."""


GATHER_SECONDS: Final = 0.1
"""Of a desk that takes some hundred tickets a second: a receipt may be a tenth of a second late."""
POOL_SIZE: Final = 10  # the consumer's and the sender's, and four for all webhooks together


def main(settings: Settings) -> None:
    """Runs notification until the process is told to stop."""
    setup_logging(settings, "notification")
    setup_tracing(settings, "notification")
    uvloop.run(run(settings))


async def run(settings: Settings) -> None:
    """Runs notification until cancelled."""
    pool = await connect_pool(settings, "notification", size=POOL_SIZE)
    growth, bus = Growth(pool), LateBus()
    post = Post(Server.parse(settings.smtp_url.get_secret_value())) if settings.smtp_url else None
    metrics, clock, log_time = Metrics("notification"), clock_for(settings), settings.clock == "log"
    ring = keyring(settings, time.monotonic)
    vault = Vault(pool, ring, new_id=uuid7, random_bytes=os.urandom, monotonic=time.monotonic)
    sender = Sender(
        pool,
        Drafts(vault, Letters(), house_of(settings)),
        post,
        clock,
        holder=uuid7(),
        counts=Counts(metrics),
        log_time=log_time,
        committed=bus.committed,
    )
    handler = Notification(sender.wake)
    webhooks = HookDesk(
        pool, vault, ring, growth, networks(settings.webhook_private), uuid7(), real_now, HookCounts(metrics)
    )
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(bus.hold(settings, "notification-poke", growth.listen), name="bus")
            tasks.create_task(sender.run(), name="sender")
            tasks.create_task(growth.run(), name="growth")
            tasks.create_task(Dispatcher(webhooks).run(), name="webhooks")
            consumer = run_consumer(
                settings, handler, pool, clock, metrics=metrics, started=announce_ready, gather_seconds=GATHER_SECONDS
            )  # fmt: skip
            tasks.create_task(consumer, name="consumer")
    finally:
        if post is not None:
            await post.close()
        await pool.close()


def house_of(settings: Settings) -> House:
    """What the letters of this desk have in common. Mail comes from the domain of the desk's address."""
    host = urlsplit(settings.address).hostname or ""
    return House(settings.address, LOCAL_DOMAIN if _is_number(host) else host, settings.session_secret_bytes)


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "." not in host
    return True
