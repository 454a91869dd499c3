"""The desk's models as they were last switched, read once for each switch. I/O."""

from __future__ import annotations

from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from contracts.learning import CATEGORY_STREAM, MODEL_STREAM, ModelSet
from contracts.subjects import lane_of
from services.kit.log.read import recorded
from services.kit.postgres import Connection, queries
from services.triage.reading import Taught
from services.triage.taxonomy import Taxonomy, taught, taxonomy_of

if TYPE_CHECKING:
    from services.kit.settings import Settings

SQL = queries("services/triage/sql/triage.sql")


def secret_of(settings: Settings) -> bytes:
    """What hides words in a model: of this desk, and kept when its master key is changed."""
    return sha256(settings.password_of("category:words").encode()).digest()


class Now(NamedTuple):
    """What triage goes by beside the rules."""

    priority: ModelSet | None = None
    category: Taxonomy | None = None

    def taught(self, client: str, secret: bytes) -> Taught | None:
        """What the desk's model makes of the rules' category for this client's tickets."""
        return None if self.category is None else partial(taught, self.category, secret, client)


class Models:
    """One for each reader of a log. A model is large, and is read anew only when its stream has grown."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret
        self._versions: dict[UUID, int] = {}
        self._now = Now()

    async def now(self, connection: Connection) -> Now:
        """The models as this transaction sees them."""
        lane, streams = lane_of(MODEL_STREAM), [MODEL_STREAM, CATEGORY_STREAM]
        versions = {row["stream"]: row["version"] for row in await connection.fetch(SQL["versions"], lane, streams)}
        if versions != self._versions:
            priority, _ = await _newest(connection, MODEL_STREAM)
            category, version = await _newest(connection, CATEGORY_STREAM)
            taxonomy = None if category is None else taxonomy_of(category, version, self.secret)
            self._now, self._versions = Now(priority, taxonomy), versions
        return self._now


async def _newest(connection: Connection, stream: UUID) -> tuple[ModelSet | None, int]:
    """The model and its own version: it may have been switched since the versions were read."""
    rows = recorded(await connection.fetch(SQL["newest"], lane_of(stream), stream))
    found = rows[0].data if rows else None
    return (found, rows[0].version) if isinstance(found, ModelSet) else (None, 0)
