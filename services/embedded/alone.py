"""A home in which no desk runs enters; its PostgreSQL runs for a while, provisioned, without any service. I/O."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.embedded import postgres
from services.embedded.home import end_orphans, locked
from services.embedded.place import place_for
from services.embedded.ports import claim
from services.embedded.process import Child
from services.kit.migrate import create_database, migrations, provision_database
from services.kit.settings import Settings


@asynccontextmanager
async def database_alone(settings: Settings) -> AsyncIterator[Settings]:
    """Settings that lead to the home's database. Raises CannotStart where a desk runs in it, or it can't be started."""
    with locked(settings.home):
        end_orphans(settings.home)
        port, password = claim(0, "none"), settings.password_of(postgres.ADMIN)
        server = Child(postgres.program(place_for(settings), port, password), settings.home / "logs")
        server.spawn()
        try:
            await server.wait_ready()
            url = postgres.dsn(port, password, "daybook")
            reached = Settings.model_validate({**settings.model_dump(), "database_url": url})
            await create_database(url)
            await provision_database(reached, migrations())
            yield reached
        finally:
            await server.stop()
