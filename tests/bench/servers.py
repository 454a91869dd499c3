"""A scratch home -> Settings of real, durable servers in it, gone at the end."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from services.embedded import nats, postgres
from services.embedded.place import place_for
from services.embedded.ports import claim
from services.embedded.process import Child
from services.kit.migrate import migrations, provision_database
from services.kit.settings import Settings, load

PASSWORD = "for-benchmarks-only"


@asynccontextmanager
async def servers(database: str = "bench") -> AsyncIterator[Settings]:
    """PostgreSQL (fsync on) and NATS on free ports, one migrated database."""
    home = Path(tempfile.mkdtemp(prefix="daybook-bench-"))
    place = place_for(load(home=home, home_id=f"bench-{home.name}"))
    ports = claim(0, "no variable"), claim(0, "no variable")
    children = [
        Child(postgres.program(place, ports[0], PASSWORD), home / "logs"),
        Child(nats.program(place, ports[1]), home / "logs"),
    ]
    try:
        for child in children:
            child.spawn()
            await child.wait_ready()
        admin = await asyncpg.connect(postgres.dsn(ports[0], PASSWORD))
        await admin.execute(f"CREATE DATABASE {database}")
        await admin.close()
        settings = load(
            home=home,
            database_url=postgres.dsn(ports[0], PASSWORD, database),
            nats_url=f"nats://127.0.0.1:{ports[1]}",
        )
        await provision_database(settings, migrations())
        yield settings
    finally:
        for child in reversed(children):
            await child.stop()
        shutil.rmtree(place.data, ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)
