"""The desk's history -> whether a model learned from overrides beats the rules: `daybook triage evaluate`. I/O.

Without --switch-on or --switch-off it writes nothing; they append one event, by which triage goes from then on.
"""

from __future__ import annotations

import asyncio
import json
import sys
from random import Random
from typing import Annotated, Any

import asyncpg
import typer
from rich.console import Console
from uuid_utils.compat import uuid7

from contracts.learning import MODEL_STREAM, ModelSet
from contracts.model import DESK
from contracts.subjects import LANES
from services.cli.app import Stop
from services.cli.token import AsJson
from services.kit.log.append import Append, NewEvent, NotAppended, append_in
from services.kit.log.read import read_stream, recorded
from services.kit.postgres import Pool, connect_pool, queries
from services.kit.settings import Settings, load
from services.triage.learned import OVERRIDDEN_MIN, UNIT, VERSION, Comparison, Lesson, compared, learn
from services.triage.lessons import TEACHING, Lessons

SQL = queries("services/triage/sql/triage.sql")

READ_MAX = 5_000  # events a read


def evaluate_command(
    *,
    switch_on: Annotated[bool, typer.Option("--switch-on", help="Go by the model, if it beats the rules.")] = False,
    switch_off: Annotated[bool, typer.Option("--switch-off", help="Go by the rules alone.")] = False,
    as_json: AsJson = False,
) -> None:
    """Hold a model learned from people's overrides against the rules, on history that it has not seen."""
    if switch_on and switch_off:
        raise Stop("--switch-on and --switch-off: choose one")
    console = Console(stderr=True, quiet=as_json or not sys.stderr.isatty())
    try:
        told = asyncio.run(evaluated(load(), console, switch=True if switch_on else False if switch_off else None))
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.InvalidCatalogNameError) as error:
        raise Stop(f"the database can't be reached ({error}): start the desk, then run this again") from error
    print(json.dumps(told) if as_json else _for_people(told))
    if switch_on and not told["switched"]:
        raise Stop("the model does not beat the rules here: nothing was switched")


async def evaluated(settings: Settings, console: Console, *, switch: bool | None) -> dict[str, Any]:
    """The figures, and whether something was switched: on only where the model beats the rules."""
    pool = await connect_pool(settings, "intake", size=2)
    try:
        with console.status("reading what people made of the rules' judgements"):
            lessons = await _read(pool)
        with console.status(f"learning from {len(lessons):,} judgements"):
            found = compared(lessons, Random(1))  # noqa: S311 - it draws samples
            weights = learn(lessons)
        switched = False
        if switch is False or (switch and found.model_is_better):
            await _append(pool, _model(found, weights if switch else {}, on=switch))
            switched = True
    finally:
        await pool.close()
    return {**found._asdict(), "model_is_better": found.model_is_better, "weights": len(weights), "switched": switched}


async def _read(pool: Pool) -> list[Lesson]:
    lessons = Lessons()
    for lane in range(LANES):
        after = 0
        while rows := await pool.fetch(SQL["of_types"], lane, after, list(TEACHING), READ_MAX):
            for event in recorded(rows):
                lessons.read(event)
            after = rows[-1]["position"]
    return lessons.in_order()


def _model(found: Comparison, weights: dict[str, int], *, on: bool) -> ModelSet:
    return ModelSet(
        on=on,
        learner=VERSION,
        unit=UNIT,
        weights=weights,
        judged=found.judged,
        overridden=found.overridden,
        rules_agree=round(found.rules_agree, 4),
        model_agrees=round(found.model_agrees, 4),
        difference_low=round(found.low, 4),
        difference_high=round(found.high, 4),
    )


async def _append(pool: Pool, model: ModelSet) -> None:
    version = len(await read_stream(pool, MODEL_STREAM)) + 1
    news = NewEvent(id=uuid7(), stream=MODEL_STREAM, version=version, data=model, actor="system:evaluate")
    (result,) = await append_in(pool, [Append(DESK, [news])])  # type: ignore[arg-type]
    if isinstance(result, NotAppended):
        raise Stop("somebody else switched the model at the same time: run this again")


def _for_people(told: dict[str, Any]) -> str:
    if not told["judged"]:
        return "No ticket was judged by the rules and then kept or set by a person: there is nothing to learn from."
    lines = [
        f"{told['judged']:,} judgements, {told['overridden']:,} set otherwise by people",
        f"the rules gave what people wanted in {told['rules_agree']:.1%}, the model in {told['model_agrees']:.1%}",
        f"difference {told['low']:+.1%} to {told['high']:+.1%} (95 %), on history that the model had not seen",
    ]
    if told["model_is_better"]:
        lines.append("The model is better." if told["switched"] else "The model is better: --switch-on goes by it.")
    else:
        why = "too few overrides" if told["overridden"] < OVERRIDDEN_MIN else "no difference beyond chance"
        lines.append(f"The rules stay: {why}.")
    return "\n".join(lines)
