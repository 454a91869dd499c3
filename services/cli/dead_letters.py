"""The commands `daybook dead-letters list|show|replay`: events that a consumer could not digest. Data stays sealed."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeVar

import typer

from contracts.subjects import LANES
from services.cli.app import Stop
from services.kit.bus.dead_letters import Asked, DeadLetter, ask_replay, list_letters, show_letter
from services.kit.postgres import Pool, connect_pool
from services.kit.settings import load

T = TypeVar("T")
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
Consumer = Annotated[str, typer.Argument(help="triage, notification, reporting …")]
Place = Annotated[str, typer.Argument(help="<lane>:<position>, such as 3:1042")]
POLL_SECONDS = 0.2


def register(app: typer.Typer) -> None:
    group = typer.Typer(name="dead-letters", help="Events that a consumer could not digest.", no_args_is_help=True)
    app.add_typer(group)
    group.command("list")(list_all)
    group.command("show")(show)
    group.command("replay")(replay)


def list_all(
    consumer: Annotated[str | None, typer.Option(help="Only this consumer's.")] = None,
    replayed: Annotated[bool, typer.Option("--replayed", help="Also those that were digested later.")] = False,
    as_json: AsJson = False,
) -> None:
    """List them in the order in which they failed."""
    letters = _on_database(lambda pool: list_letters(pool, consumer, replayed=replayed))
    if as_json:
        print(json.dumps([_plain(letter) for letter in letters]))
        return
    for letter in letters:
        print(_line(letter))
    if not letters:
        print("No dead letters: every event was digested.")


def show(consumer: Consumer, place: Place, as_json: AsJson = False) -> None:
    """Show one with its event as the log has it."""
    lane, position = _place(place)
    letter = _on_database(lambda pool: show_letter(pool, consumer, lane, position))
    if letter is None:
        raise Stop(f"{consumer} has no dead letter at {place}: daybook dead-letters list shows those there are")
    plain = _plain(letter)
    if as_json:
        print(json.dumps(plain))
        return
    for name, value in plain.items():
        print(f"{name:<20} {json.dumps(value, indent=2) if isinstance(value, dict) else value}")


def replay(
    consumer: Annotated[str | None, typer.Argument(help="Without one, all letters of all consumers.")] = None,
    place: Annotated[str | None, typer.Argument(help="<lane>:<position>; its whole stream is replayed.")] = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for the outcome.", min=0)] = 10.0,
    as_json: AsJson = False,
) -> None:
    """Have them digested again, each stream in order. The consumer must be running; it starts within a second."""
    asked, left = _on_database(lambda pool: _replay(pool, consumer, _place(place) if place else None, wait))
    failed = [letter for letter in left if not letter.waits]
    open_streams = {(letter.consumer, letter.lane, letter.stream) for letter in left}
    counts = {"streams": len(asked), "replayed": len(asked) - len(open_streams), "left": len(left)}
    if as_json:
        print(json.dumps({**counts, "letters": [_plain(letter) for letter in left]}))
    elif not asked:
        print("Nothing waits there.")
    else:
        print(f"{counts['replayed']} of {counts['streams']} streams replayed")
        for letter in failed or left:
            print(_line(letter))
    if left:
        raise typer.Exit(1)


async def _replay(
    pool: Pool, consumer: str | None, place: tuple[int, int] | None, seconds: float
) -> tuple[Sequence[Asked], Sequence[DeadLetter]]:
    asked = await ask_replay(pool, consumer, place)
    streams = {(one.consumer, one.lane, one.stream) for one in asked}
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        letters = await list_letters(pool, consumer)
        left = [letter for letter in letters if (letter.consumer, letter.lane, letter.stream) in streams]
        if not _under_way(left) or loop.time() >= end:
            return asked, left
        await asyncio.sleep(POLL_SECONDS)


def _under_way(left: Sequence[DeadLetter]) -> bool:
    """Whether the outcome of a stream is still open: its first letter is asked for, or has not been tried yet."""
    first = {
        (letter.consumer, letter.lane, letter.stream): letter for letter in sorted(left, key=_position, reverse=True)
    }
    return any(letter.waits or letter.replay_requested_at is not None for letter in first.values())


def _position(letter: DeadLetter) -> int:
    return letter.position


def _place(text: str) -> tuple[int, int]:
    lane, colon, position = text.partition(":")
    if not (colon and lane.isdecimal() and position.isdecimal() and int(lane) < LANES):
        raise Stop(f"{text} is not <lane>:<position>, such as 3:1042")
    return int(lane), int(position)


def _line(letter: DeadLetter) -> str:
    asked = " (replay asked for)" if letter.replay_requested_at else ""
    done = f" (replayed {letter.replayed_at:%Y-%m-%d %H:%M:%S}Z)" if letter.replayed_at else ""
    return (
        f"{letter.failed_at:%Y-%m-%d %H:%M:%S}Z  {letter.consumer:<14} {letter.lane:>2}:{letter.position:<8} "
        f"{letter.type:<26} {letter.stream}  {letter.error}{asked}{done}"
    )


def _plain(letter: DeadLetter) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(letter), default=str))
    return found


def _on_database(work: Callable[[Pool], Awaitable[T]]) -> T:
    async def connected() -> T:
        pool = await connect_pool(load(), "reporting", size=2, program="daybook-dead-letters")
        try:
            return await work(pool)
        finally:
            await pool.close()

    try:
        return asyncio.run(connected())
    except (LookupError, OSError) as reason:
        raise Stop(str(reason) or "the database does not answer: start a desk with make up") from reason
