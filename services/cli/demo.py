"""A fresh home enters; a running desk with a simulated month of several clients leaves."""

from __future__ import annotations

import typer

from services.cli.up import run_desk
from services.kit.settings import load


def register(app: typer.Typer) -> None:
    @app.command()
    def demo() -> None:
        """Run the whole desk and play a month of a desk with several clients into it. Ctrl-C stops it."""
        run_desk(load())
