"""A running desk, a restored backup or an export enters; what is wrong with it leaves, exit code 1 if anything is."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import asyncpg
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from services.cli.app import Stop
from services.cli.token import AsJson
from services.exporting.format import BadExport
from services.exporting.read import faults_of, open_export
from services.kit.keyring import MasterKeys, keyring
from services.kit.log.walk import NO_LANE, Fault
from services.kit.postgres import Pool, connect_pool
from services.kit.settings import Settings, load
from services.proving import heads
from services.proving.prove import Proof, Step, Told, held, prove

SHOWN_MAX: Final = 50  # faults on the screen; --json has more
STATEMENT_SECONDS: Final = 3_600.0  # a checksum over a whole view
HEADS_FORMAT: Final = "daybook-heads"
PHASES: Final = {
    "log": "reading the log",
    "doors": "looking behind the doors",
    "queue": "folding the queue anew",
    "search": "folding the search anew",
    "directory": "folding the directory anew",
    "sla": "judging clocks anew",
    "incidents": "folding incidents anew",
}


def register(app: typer.Typer) -> None:
    @app.command()
    def verify(
        export: Annotated[Path | None, typer.Option(help="Verify an export instead of a database.")] = None,
        database_url: Annotated[
            str | None, typer.Option(help="Another database: a restored backup, say, by its administrator's URL.")
        ] = None,
        signed: Annotated[Path | None, typer.Option(help="Signed heads that the log must still hold.")] = None,
        sign: Annotated[Path | None, typer.Option(help="Write the verified heads, signed, to keep elsewhere.")] = None,
        public_key: Annotated[
            list[str] | None, typer.Option(help="Another desk's key that may have signed; again for more.")
        ] = None,
        views: Annotated[bool, typer.Option(help="Compare the views with a fresh fold of the log.")] = True,
        as_json: AsJson = False,
    ) -> None:
        """Prove that nothing was lost or changed: chain, counts, keys, doors, views. Works while the desk runs."""
        settings = load() if database_url is None else load(database_url=database_url)
        keys, started = keyring(settings, time.monotonic).keys, time.monotonic()
        trusted = [*heads.own_keys(keys), *(public_key or ())]
        try:
            if export is not None:
                proof = _export(export, trusted, keys, silent=as_json)
            else:
                given = None if signed is None else _heads(signed, trusted)
                proof = asyncio.run(_database(settings, database_url, keys, given, views=views, silent=as_json))
        except (BadExport, LookupError) as reason:
            raise Stop(str(reason)) from reason
        if sign is not None and proof.sound:
            _sign(sign, proof, keys)
        _show(proof, time.monotonic() - started, as_json=as_json)
        raise typer.Exit(0 if proof.sound else 1)


def _export(folder: Path, trusted: list[str], keys: MasterKeys, *, silent: bool) -> Proof:
    found, proof = open_export(folder), Proof()
    own = found.manifest.get("public_key") in heads.own_keys(keys)
    if not own:
        proof.notes.append("the keys of persons were not opened: the master key at hand is another desk's")
    with _progress(silent=silent) as told:

        def read(events: int) -> None:
            proof.events += events
            told(Step("log", proof.events, found.events))

        for fault in faults_of(found, trusted, keys if own else None, read):
            proof.add(fault)
    if found.whole:
        proof.heads = {
            head["lane"]: (head["position"], bytes.fromhex(head["hash"])) for head in found.manifest["heads"]
        }
    return proof


async def _database(
    settings: Settings, url: str | None, keys: MasterKeys, signed: dict[str, Any] | None, *, views: bool, silent: bool
) -> Proof:
    try:
        pool = await _pool(settings, url)
        try:
            with _progress(silent=silent) as told:
                proof = await prove(pool, settings, keys, told, views=views)
            for fault in [] if signed is None else await held(pool, signed):
                proof.add(fault)
            return proof
        finally:
            await pool.close()
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.UndefinedColumnError) as error:
        raise Stop(
            f"this is no desk's database, or one of an older version ({error}): run daybook provision"
        ) from error
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.InvalidCatalogNameError) as error:
        raise Stop(f"the database can't be reached ({error}): see that its server runs, then run this again") from error


async def _pool(settings: Settings, url: str | None) -> Pool:
    """As the database's owner; a restored backup, whose roles have passwords of their own, as its URL says."""
    if url is None:
        return await connect_pool(
            settings, "owner", size=3, program="daybook-verify", statement_seconds=STATEMENT_SECONDS
        )
    return await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=3,
        server_settings={"application_name": "daybook-verify", "timezone": "UTC", "jit": "off"},
    )


def _heads(file: Path, trusted: list[str]) -> dict[str, Any]:
    """Signed heads out of a file: `verify --sign` wrote it, or it is an export's manifest."""
    try:
        document: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise Stop(f"{file} can't be read ({error}): name a file that daybook verify --sign wrote") from error
    wrong = heads.fault(document, trusted)
    if wrong is not None:
        raise Stop(f"{file}: {wrong}")
    if document.get("clients") is not None:
        raise Stop(f"{file} is of some clients only: name signed heads of the whole desk")
    return document


def _sign(file: Path, proof: Proof, keys: MasterKeys) -> None:
    lanes = [{"lane": lane, "position": at, "hash": hash_.hex()} for lane, (at, hash_) in sorted(proof.heads.items())]
    document = {"format": HEADS_FORMAT, "made_at": datetime.now(UTC).isoformat(), "heads": lanes}
    file.write_text(json.dumps(heads.signed(document, keys.current), indent=1) + "\n")


@contextmanager
def _progress(*, silent: bool) -> Iterator[Told]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True, quiet=silent)) as bar:
        tasks: dict[str, Any] = {}
        began: dict[str, float] = {}

        def told(step: Step) -> None:
            if step.phase not in tasks:
                tasks[step.phase] = bar.add_task(PHASES[step.phase], total=step.total, rate="")
                began[step.phase] = time.monotonic()
            seconds = time.monotonic() - began[step.phase]
            rate = f"{step.done / seconds:,.0f}/s" if seconds > 1 else ""
            bar.update(tasks[step.phase], completed=step.done, total=step.total, rate=rate)

        yield told


def _show(proof: Proof, seconds: float, *, as_json: bool) -> None:
    count = len(proof.faults) + proof.more_faults
    if as_json:
        print(json.dumps(_plain(proof, seconds)))
        return
    rate = proof.events / seconds if seconds else 0.0
    print(f"{proof.events:,} events in {seconds:.1f} s, {rate:,.0f}/s")
    if not proof.doors.faults:
        mails = ", ".join(f"{number:,} {kind}" for kind, number in proof.doors.mails.items())
        print(f"{proof.doors.commands:,} commands and every mail ({mails}) have what was made of them")
    for view in proof.views:
        if view.skipped is None and view.same:
            print(f"the view {view.view} is a fresh fold's: {view.live}")
    for note in proof.notes:
        print(f"note: {note}")
    for fault in proof.faults[:SHOWN_MAX]:
        print(sentence(fault))
    if count > SHOWN_MAX:
        print(f"… and {count - SHOWN_MAX:,} more")
    print("sound: nothing is missing and nothing was changed" if proof.sound else f"{count:,} faults")


def sentence(fault: Fault) -> str:
    """Where and what."""
    if fault.lane == NO_LANE:
        return f"fault: {fault.what}"
    return f"fault in lane {fault.lane} at position {fault.position}: {fault.what}"


def _plain(proof: Proof, seconds: float) -> dict[str, Any]:
    return {
        "sound": proof.sound,
        "events": proof.events,
        "seconds": round(seconds, 3),
        "events_per_second": round(proof.events / seconds) if seconds else 0,
        "heads": {lane: {"position": at, "hash": hash_.hex()} for lane, (at, hash_) in sorted(proof.heads.items())},
        "commands": proof.doors.commands,
        "mails": proof.doors.mails,
        "views": [{**asdict(view), "same": view.same} for view in proof.views],
        "notes": proof.notes,
        "faults": [{"lane": f.lane, "position": f.position, "what": f.what} for f in proof.faults],
        "more_faults": proof.more_faults,
    }
