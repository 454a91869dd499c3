"""Settings of a bench's servers and the names of services enter; these run as processes of their own, until they are
told to stop. I/O."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.embedded.forks import Forks
from services.embedded.process import Child, Program
from services.kit.settings import Settings


@asynccontextmanager
async def serving(settings: Settings, *names: str) -> AsyncIterator[dict[str, Child]]:
    """Each service is ready when this returns; started as `daybook up` starts them."""
    environment = {
        "DAYBOOK_HOME": str(settings.home),
        "DAYBOOK_DATABASE_URL": settings.admin_dsn(),
        "DAYBOOK_NATS_URL": settings.bus_url,
        "DAYBOOK_LOG_LEVEL": "warning",
    }
    logs = settings.home / "logs"
    forks = Forks(logs, names)
    children = {
        name: Child(
            Program(name, (sys.executable, "-m", "services", "serve", name), environment=environment, service=name),
            logs,
            forks,
        )
        for name in names
    }
    try:
        forks.start()
        await forks.until_ready()
        for child in children.values():
            child.spawn()
        await asyncio.gather(*(child.wait_ready() for child in children.values()))
        yield children
    finally:
        await asyncio.gather(*(child.stop() for child in children.values()))
        forks.close()


def proportional_mb(pid: int) -> float:
    """Memory of a process, shared pages by their share."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0
