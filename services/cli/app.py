"""The list of command groups; the command line enters, an exit code leaves.

A new command is a module with `register(app)` and one line in GROUPS.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Protocol, cast

import typer
from rich.console import Console

GROUPS: tuple[str, ...] = (
    "services.cli.up",
    "services.cli.demo",
    "services.cli.provision",
    "services.cli.health",
    "services.cli.serve",
)
"""Modules with `register(app)`, in the order of `daybook --help`."""


class Stop(Exception):
    """Ends a command with one clear sentence and exit code 1: what is wrong, and the remedy."""


class Group(Protocol):
    def register(self, app: typer.Typer) -> None: ...


def build() -> typer.Typer:
    """The application with every group registered."""
    app = typer.Typer(
        name="daybook",
        help="Daybook, an event-sourced support desk.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for name in GROUPS:
        cast(Group, import_module(name)).register(app)
    return app


def run() -> None:
    """Run one command; a Stop is printed as a sentence, not as a stack trace."""
    try:
        build()()
    except Stop as stop:
        Console(stderr=True, soft_wrap=True).print(f"daybook: {stop}", style="red", markup=False, highlight=False)
        sys.exit(1)
