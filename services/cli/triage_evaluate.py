"""The desk's history -> whether models learned from overrides beat the rules: `daybook triage evaluate`. I/O.

One model has its say in priorities, another in categories. Without --switch-on or --switch-off nothing is written; they
append one event for each model, by which triage goes from then on.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Annotated, Any, Final, NamedTuple, get_args
from uuid import UUID

import asyncpg
import typer
from rich.console import Console
from uuid_utils.compat import uuid7

from contracts.learning import CATEGORY_STREAM, MODEL_STREAM, Judges, ModelSet
from contracts.model import DESK
from services.cli.app import Stop
from services.cli.token import AsJson
from services.cli.triage_lessons import open_lessons, read_lessons
from services.kit.keyring import keyring
from services.kit.log.append import Append, NewEvent, NotAppended, append_in
from services.kit.log.read import read_stream
from services.kit.personal import Vault
from services.kit.postgres import Pool, connect_pool
from services.kit.settings import Settings, load
from services.triage import learned, taxonomy, taxonomy_learn
from services.triage.held import OVERRIDDEN_MIN, Comparison
from services.triage.lessons import Kept
from services.triage.models import secret_of

BOTH: Final[Sequence[Judges]] = get_args(Judges)
STREAMS: Final[dict[Judges, UUID]] = {"priority": MODEL_STREAM, "category": CATEGORY_STREAM}


class Tried(NamedTuple):
    """A model held against the rules, and the event that would switch it on, or off."""

    judges: Judges
    found: Comparison
    event: Callable[[bool], ModelSet]


def evaluate_command(
    *,
    model: Annotated[str, typer.Option("--model", help="priority or category; both, if left out.")] = "",
    switch_on: Annotated[bool, typer.Option("--switch-on", help="Go by each model that beats the rules.")] = False,
    switch_off: Annotated[bool, typer.Option("--switch-off", help="Go by the rules alone.")] = False,
    as_json: AsJson = False,
) -> None:
    """Hold models learned from people's overrides against the rules, on history that they have not seen."""
    if switch_on and switch_off:
        raise Stop("--switch-on and --switch-off: choose one")
    chosen = [one for one in BOTH if model in ("", one)]
    if not chosen:
        raise Stop(f"--model {model}: choose one of {', '.join(BOTH)}, or leave it out for both")
    console = Console(stderr=True, quiet=as_json or not sys.stderr.isatty())
    switch = True if switch_on else False if switch_off else None
    try:
        told = asyncio.run(evaluated(load(), console, switch=switch, models=chosen))
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.InvalidCatalogNameError) as error:
        raise Stop(f"the database can't be reached ({error}): start the desk, then run this again") from error
    print(json.dumps(told) if as_json else "\n".join(_for_people(name, one) for name, one in told.items()))
    if switch_on and not any(one["switched"] for one in told.values()):
        raise Stop("no model beats the rules here: nothing was switched")


async def evaluated(
    settings: Settings, console: Console, *, switch: bool | None, models: Sequence[Judges] = BOTH
) -> dict[str, dict[str, Any]]:
    """The figures of each model, and whether it was switched: on only where it beats the rules."""
    pool = await connect_pool(settings, "intake", size=2)
    try:
        with console.status("reading what people made of the rules' judgements"):
            priorities, categories = await read_lessons(pool)
        told: dict[str, dict[str, Any]] = {}
        for name in models:
            with console.status(f"learning of {name}"):
                tried = _priority(priorities) if name == "priority" else await _category(pool, settings, categories)
            told[name] = await _switched(pool, tried, switch)
    finally:
        await pool.close()
    return told


def _priority(lessons: Sequence[learned.Lesson]) -> Tried:
    found = learned.compared(lessons, Random(1))  # noqa: S311 - it draws samples
    return Tried("priority", found, lambda on: learned.written_down(learned.learn(lessons), found, on=on))


async def _category(pool: Pool, settings: Settings, kept: Sequence[Kept]) -> Tried:
    vault = Vault(
        pool, keyring(settings, time.monotonic), new_id=uuid7, random_bytes=os.urandom, monotonic=time.monotonic
    )
    secret = secret_of(settings)
    lessons = await open_lessons(pool, vault, kept, secret)
    found, model = taxonomy_learn.compared(lessons, Random(1))  # noqa: S311 - it orders lessons and draws samples
    return Tried("category", found, lambda on: taxonomy.written_down(model, found, secret, on=on))


async def _switched(pool: Pool, tried: Tried, switch: bool | None) -> dict[str, Any]:
    """Switches a model as it was asked, where that is due, and tells its figures."""
    before = await read_stream(pool, STREAMS[tried.judges])
    on = bool(before) and isinstance(before[-1].data, ModelSet) and before[-1].data.on
    better = tried.found.model_is_better
    switched = (switch is True and better) or (switch is False and on)
    if switched:
        await _append(pool, STREAMS[tried.judges], len(before) + 1, tried.event(bool(switch)))
    return {
        **tried.found._asdict(),
        "model_is_better": better,
        "weights": len(tried.event(True).weights),
        "switched": switched,
        "on": bool(switch) if switched else on,
    }


async def _append(pool: Pool, stream: UUID, version: int, model: ModelSet) -> None:
    news = NewEvent(id=uuid7(), stream=stream, version=version, data=model, actor="system:evaluate")
    (result,) = await append_in(pool, [Append(DESK, [news])])  # type: ignore[arg-type]
    if isinstance(result, NotAppended):
        raise Stop("somebody else switched the model at the same time: run this again")


def _for_people(name: str, told: dict[str, Any]) -> str:
    if not told["judged"]:
        return f"{name}: no ticket was judged by the rules and then kept or set by a person: nothing to learn from."
    lines = [
        f"{name}: {told['judged']:,} judgements, {told['overridden']:,} set otherwise by people",
        f"  the rules gave what people wanted in {told['rules_agree']:.1%}, the model in {told['model_agrees']:.1%}",
        f"  difference {told['low']:+.1%} to {told['high']:+.1%} (95 %), on history that the model had not seen"
        + (", a wrong category counted against" if name == "category" else ""),
    ]
    if told["switched"]:
        lines.append(f"  Switched {'on: triage goes by it' if told['on'] else 'off: triage goes by the rules alone'}.")
    elif told["model_is_better"]:
        lines.append("  The model is better" + (" and is on." if told["on"] else ": --switch-on goes by it."))
    else:
        why = "too few overrides" if told["overridden"] < OVERRIDDEN_MIN else "no difference beyond chance"
        stays = "The model that is on is not better now (--switch-off)" if told["on"] else "The rules stay"
        lines.append(f"  {stays}: {why}.")
    return "\n".join(lines)
