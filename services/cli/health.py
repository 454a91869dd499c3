"""A home enters; whether each part of its desk answers leaves, as lines or JSON, exit code 1 when one does not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import urlsplit

import asyncpg
import httpx
import typer

from services.kit.settings import Settings, load

PATIENCE_SECONDS = 3.0


def register(app: typer.Typer) -> None:
    @app.command()
    def health(as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False) -> None:
        """Ask every part of the running desk whether it answers."""
        answers = asyncio.run(ask_all(load()))
        if as_json:
            print(json.dumps({name: {"ok": error is None, "error": error} for name, error in answers.items()}))
        else:
            for name, error in answers.items():
                print(f"{name:<12} {'answers' if error is None else f'does not answer: {error}'}")
        raise typer.Exit(0 if all(error is None for error in answers.values()) else 1)


async def ask_all(settings: Settings) -> dict[str, str | None]:
    """Each part's name with None where it answers, else with the reason."""
    questions: dict[str, Callable[[Settings], Awaitable[None]]] = {
        "database": _ask_database,
        "bus": _ask_bus,
        "web": _ask_web,
    }
    answers = await asyncio.gather(*(_ask(question, settings) for question in questions.values()))
    return dict(zip(questions, answers, strict=True))


async def _ask(question: Callable[[Settings], Awaitable[None]], settings: Settings) -> str | None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await question(settings)
    except TimeoutError:
        return f"no answer within {PATIENCE_SECONDS:.0f} s"
    except (OSError, LookupError, asyncpg.PostgresError, httpx.HTTPError) as error:
        return str(error) or type(error).__name__
    return None


async def _ask_database(settings: Settings) -> None:
    connection = await asyncpg.connect(settings.admin_dsn())
    await connection.close()


async def _ask_bus(settings: Settings) -> None:
    where = urlsplit(settings.bus_url)
    _, writer = await asyncio.open_connection(where.hostname, where.port or 4222)
    writer.close()


async def _ask_web(settings: Settings) -> None:
    async with httpx.AsyncClient() as client:
        (await client.get(f"http://{settings.host}:{settings.port}/health")).raise_for_status()
