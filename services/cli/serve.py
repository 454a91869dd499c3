"""The name of a service enters, its process runs until it is told to stop. One image, many commands."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Annotated

import typer

from services.cli.app import Stop
from services.kit.settings import load

SERVICES: dict[str, str] = {
    "web": "services.web:main",
    "relay": "services.kit.log.relay:main",
    "triage": "services.triage.app:main",
    "notification": "services.notification.app:main",
    "reporting": "services.reporting.app:main",
    "door": "services.intake.door:main",
}
"""Each process's entry, `main(settings)`, in the order in which `daybook up` starts them."""


def present() -> list[str]:
    """The services of this build."""
    return [name for name, entry in SERVICES.items() if _exists(entry.partition(":")[0])]


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def register(app: typer.Typer) -> None:
    @app.command()
    def serve(name: Annotated[str, typer.Argument(help=f"One of: {', '.join(SERVICES)}")]) -> None:
        """Run one service in the foreground, against the servers named by the environment."""
        if name not in SERVICES:
            raise Stop(f"there is no service {name}: choose one of {', '.join(SERVICES)}")
        module, _, function = SERVICES[name].partition(":")
        getattr(import_module(module), function)(load())
