"""An error enters; whether a server is merely away leaves: then one waits and tries again, and blames nobody."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Final

import asyncpg
import nats.errors
import nats.js.errors

from services.kit.telemetry import describe, log_message

LOG = logging.getLogger("daybook.consumer")


class TryLater(Exception):
    """Raised by a handler that needs something which is away (another service, a mail server): it counts no attempt."""


AWAY: Final[tuple[type[BaseException], ...]] = (
    TryLater,
    ConnectionError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.LockNotAvailableError,
    asyncpg.InternalClientError,  # what asyncpg says of a server that is gone between the parts of an answer
    asyncpg.ReadOnlySQLTransactionError,
    nats.errors.Error,
    nats.js.errors.Error,
)
"""A server that is down, restarting, full, failing over or in a deadlock that another won."""


def is_away(error: BaseException) -> bool:
    """Whether the same work can be expected to succeed later, unchanged.

    A statement that ran into its time limit is the work's own fault. A bare OSError is what several failed addresses
    of one host come as. A closed connection is InterfaceError in asyncpg, and so are mistakes in a call: whoever holds
    the connection asks it whether it is closed.
    """
    if isinstance(error, asyncpg.QueryCanceledError):
        return False
    return isinstance(error, AWAY) or type(error) is OSError


async def tried(work: Awaitable[None], pause: float, consumer: str) -> bool:
    """Whether a consumer's work was done. False, after a pause, while a server is away."""
    try:
        await work
    except Exception as error:
        if not is_away(error):
            raise
        log_message(LOG, "server_away", logging.WARNING, consumer=consumer, error=describe(error))
        await asyncio.sleep(pause)
        return False
    return True
