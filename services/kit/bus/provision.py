"""Settings enter; the stream and its durables stand on the bus as this file says. I/O, in one explicit step."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.kit.settings import Settings

DURABLES = ("triage", "notification", "reporting")


async def provision_bus(settings: Settings) -> None:
    """Creates the stream DAYBOOK and the durables, or brings existing ones to these settings. Safe at any time."""
    raise NotImplementedError
