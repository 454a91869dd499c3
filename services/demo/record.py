"""What a home remembers of the demo that was played into it: demo.json, so that a second start goes on or does nothing.

Tokens stand in it while the month is played, because the desk knows a repeated command by token and key; then they go.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

MONTH = timedelta(days=30)
FILE = "demo.json"


class Record(BaseModel):
    """`steps` steps of the month are in the log for certain; later ones may be."""

    model_config = ConfigDict(extra="forbid")

    seed: int
    start: datetime
    end: datetime
    token: str = ""
    """The administrator's."""
    tokens: dict[str, str] = {}
    """By the address of the desk's person."""
    token_ids: list[UUID] = []
    agents: dict[str, UUID] = {}
    tickets: dict[str, UUID] = {}
    """By the name of the thread."""
    outage: str = ""
    """The reference of a ticket of the outage."""
    incident: UUID | None = None
    """What the radar made of it, once a lead has confirmed it."""
    steps: int = 0
    finished_at: datetime | None = None

    @property
    def prefix(self) -> str:
        """What the idempotency keys of this month start with."""
        return f"demo-{self.seed}-{self.start:%Y%m%dT%H%M%S}"


def begun(seed: int, now: datetime) -> Record:
    """A month that ends now."""
    end = now.replace(microsecond=0)
    return Record(seed=seed, start=end - MONTH, end=end)


def read(home: Path) -> Record | None:
    """The record of this home. Raises ValueError with the remedy where it can't be read."""
    path = home / FILE
    try:
        return Record.model_validate_json(path.read_text())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise ValueError(f"{path} can't be read: remove the data folder {home} and start again") from error


def write(home: Path, record: Record) -> None:
    """Replaces the record in one piece; only its owner may read it."""
    fresh = home / f"{FILE}.new"
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(record.model_dump_json(indent=1))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(home / FILE)
