"""The list of command groups; the command line enters, an exit code leaves.

A new command is a module with `register(app)` and one line in COMMANDS.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Protocol, cast, get_args

import typer
from pydantic import SecretStr, ValidationError
from rich.console import Console

from services.kit.settings import Settings

COMMANDS: dict[str, str] = {
    "up": "services.cli.up",
    "demo": "services.cli.demo",
    "provision": "services.cli.provision",
    "health": "services.cli.health",
    "serve": "services.cli.serve",
    "token": "services.cli.token",
    "clients": "services.cli.clients",
    "quarantine": "services.cli.quarantine",
    "sla": "services.cli.sla",
    "whatif": "services.cli.whatif",
    "radar": "services.cli.radar",
    "triage": "services.cli.triage",
    "contracts": "services.cli.contracts",
    "import": "services.cli.importing",
    "rebuild": "services.cli.rebuild",
    "verify": "services.cli.verify",
    "export": "services.cli.export",
    "erase": "services.cli.erase",
    "keys": "services.cli.keys",
    "tail": "services.cli.tail",
    "dead-letters": "services.cli.dead_letters",
}
"""The first word of each command and the module that registers it, in the order of `daybook --help`."""


SECRET_SETTINGS = frozenset(
    name
    for name, field in Settings.model_fields.items()
    if SecretStr in (field.annotation, *get_args(field.annotation))
)
"""What is never printed, not even to say that it is wrong."""


class Stop(Exception):
    """Ends a command with one clear sentence and exit code 1: what is wrong, and the remedy."""


class Group(Protocol):
    def register(self, app: typer.Typer) -> None: ...


def build(command: str | None = None) -> typer.Typer:
    """The application: with one command alone where it is known, so that it starts without the others' libraries."""
    app = typer.Typer(
        name="daybook",
        help="Daybook, an event-sourced support desk.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_no_options)  # without it a lone command would lose its name
    for module in [COMMANDS[command]] if command in COMMANDS else dict.fromkeys(COMMANDS.values()):
        cast(Group, import_module(module)).register(app)
    return app


def _no_options() -> None:
    """Daybook, an event-sourced support desk."""


def run() -> None:
    """Run one command; what a person can mend is printed as a sentence, not as a stack trace."""
    try:
        build(sys.argv[1] if len(sys.argv) > 1 else None)()
    except (Stop, PermissionError, ValidationError) as stop:
        Console(stderr=True, soft_wrap=True).print(
            f"daybook: {_sentence(stop)}", style="red", markup=False, highlight=False
        )
        sys.exit(1)


def _sentence(stop: Exception) -> str:
    match stop:
        case PermissionError():
            remedy = "start as that user, or choose another folder with DAYBOOK_HOME"
            return f"{stop.filename} belongs to another user: {remedy}"
        case ValidationError() if stop.title == "Settings":
            first = stop.errors()[0]
            name = str(first["loc"][0])
            given = "" if name in SECRET_SETTINGS else f" (it is {first['input']!r})"
            return f"DAYBOOK_{name.upper()}: {first['msg']}{given}"
        case ValidationError():
            raise stop  # a fault of ours: its stack trace tells where
    return str(stop)
