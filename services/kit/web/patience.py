"""Work that needs PostgreSQL -> its result, waiting a bounded time for a server that restarts. I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

PATIENCE_SECONDS = 12.0  # a restart or failover is over by then; a caller's own time-out is seldom shorter
RETRY_SECONDS = 0.25

DATABASE_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    ConnectionError,
    TimeoutError,
)
"""What is raised while PostgreSQL is stopped, starting, or gone in the middle of an answer; InternalClientError is what
asyncpg says where it is gone between the parts of one."""

NEVER_SENT = (ConnectionRefusedError, asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError)
"""Those of them that come before a statement has left."""

T = TypeVar("T")


class OutcomeUnknown(Exception):
    """The connection was lost between asking for a commit and hearing of it, and nothing makes asking again safe."""


async def patiently(work: Callable[[], Awaitable[T]], seconds: float = PATIENCE_SECONDS) -> T:
    """Does the work again while the database is away. Work must be safe to repeat, or raise OutcomeUnknown itself.

    Raises what was last raised, or TimeoutError, when the time is over.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                return await work()
        except DATABASE_AWAY:
            if loop.time() + RETRY_SECONDS >= deadline:
                raise
        await asyncio.sleep(RETRY_SECONDS)
