"""A slug or prefix -> the client's configuration, remembered for a moment. I/O."""

from __future__ import annotations

from collections.abc import Callable

from services.kit.clients import Client, client_of_prefix, find_client
from services.kit.postgres import Pool

CLIENT_SECONDS = 5.0  # a change made in another process is felt here after so long
CLIENTS_MAX = 20_000  # remembered by one process


class Clients:
    """One per process. What is not there is not remembered: it may be registered the next moment."""

    def __init__(self, pool: Pool, monotonic: Callable[[], float]) -> None:
        self._pool = pool
        self._monotonic = monotonic
        self._known: dict[str, tuple[Client, float]] = {}
        self._slugs: dict[str, str] = {}

    async def find(self, slug: str) -> Client | None:
        """The client of a slug, at most CLIENT_SECONDS old."""
        held = self._known.get(slug)
        if held is not None and held[1] > self._monotonic():
            return held[0]
        client = await find_client(self._pool, slug)
        if client is not None:
            self.remember(client)
        return client

    async def of_prefix(self, prefix: str) -> str | None:
        """Whose references start so. A prefix that bears tickets never changes hands."""
        slug = self._slugs.get(prefix)
        if slug is None:
            slug = await client_of_prefix(self._pool, prefix)
            if slug is not None:
                self._slugs[prefix] = slug
        return slug

    def remember(self, client: Client) -> None:
        """What has just been read or put."""
        if len(self._known) >= CLIENTS_MAX:
            self._known.clear()
            self._slugs.clear()
        self._known[client.id] = (client, self._monotonic() + CLIENT_SECONDS)
