"""The command `daybook serve`; the process itself is in processes.py."""

from __future__ import annotations

from typing import Annotated

import typer

from services.cli import processes
from services.cli.app import Stop
from services.kit.bus.connect import BusTooSmall


def register(app: typer.Typer) -> None:
    @app.command()
    def serve(name: Annotated[str, typer.Argument(help=f"One of: {', '.join(processes.SERVICES)}")]) -> None:
        """Run one service in the foreground, against the servers named by the environment."""
        if name not in processes.SERVICES:
            raise Stop(f"there is no service {name}: choose one of {', '.join(processes.SERVICES)}")
        try:
            processes.serve(name)
        except BusTooSmall as reason:
            raise Stop(str(reason)) from reason
