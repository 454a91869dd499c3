"""A fresh home enters; a running desk with a simulated month of several clients leaves."""

from __future__ import annotations

import typer

from services.cli.app import Stop
from services.cli.up import run_desk
from services.demo.bank import load as load_bank
from services.demo.play import DemoStopped, is_played, play
from services.demo.record import read
from services.demo.signpost import signpost
from services.kit.settings import Settings, load


def register(app: typer.Typer) -> None:
    @app.command()
    def demo() -> None:
        """Run the whole desk and play a month of a desk with several clients into it. Ctrl-C stops it."""
        settings = load()
        try:
            run_desk(settings, tell=tell_signpost, play=None if is_played(settings.home) else play_month)
        except (DemoStopped, ValueError) as reason:
            raise Stop(str(reason)) from reason


async def play_month(settings: Settings) -> None:
    """The month up to now, with a progress bar."""
    await play(settings)


async def tell_signpost(settings: Settings) -> list[str]:
    """What to look at next."""
    record = read(settings.home)
    if record is None:
        raise ValueError(f"the demo's record is missing in {settings.home}: start again")
    return ["", *signpost(settings.address, load_bank(), record)]
