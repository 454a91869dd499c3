"""A file of tickets in order of time -> the clusters that the radar finds in it: `daybook radar --file STREAM.jsonl`.

The same radar as the service's, fed line by line. What is printed was known at the instant that is printed with it:
`opened_at` is when the evidence sufficed.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from heapq import heappop, heappush
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from services.cli.app import Stop
from services.cli.ticket_lines import Bad, Line, Refused, TicketFile, Wrong, instant, shown, text
from services.kit.ranges import instant_of
from services.kit.settings import load
from services.triage.radar.clusters import Cluster
from services.triage.radar.radar import Radar, Report
from services.triage.radar.wording import sentence, strongest_first

REORDERED = 4_096  # tickets
TOLD_EVERY = 1_000  # lines between two looks at the progress bar
INSTANT_MAX = 253_402_300_799.0  # seconds; the year 9999


def register(app: typer.Typer) -> None:
    @app.command("radar")
    def radar_command(
        *,
        file: Annotated[
            Path | None, typer.Option("--file", help="JSON lines {at, client, ticket, category?, subject, body}")
        ] = None,
        replay: Annotated[bool, typer.Option("--replay", help="Hold the radar against the desk's own log.")] = False,
        from_: Annotated[str | None, typer.Option("--from", help="With --replay: 2026-07-01, or an instant.")] = None,
        to: Annotated[str | None, typer.Option("--to", help="With --replay: the end; now if left out.")] = None,
        imported: Annotated[bool, typer.Option("--imported", help="With --replay: what was imported.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and no progress.")] = False,
        suspected: Annotated[bool, typer.Option("--suspected", help="Show what was suspected only, too.")] = False,
    ) -> None:
        """Find what hits several clients at once: in a file of tickets, plain or gzip, or in the desk's own log."""
        if replay:
            if file is not None:
                raise Stop("--replay reads the desk's log: leave --file out")
            replay_log(from_, to, imported=imported, as_json=as_json, suspected=suspected)
            return
        if file is None:
            raise Stop("name a file with --file, or read the desk's own log with --replay --from 2026-07-01")
        found = watch(TicketFile(file), silent=as_json)
        if not found.tickets and found.refused.count:
            first = found.refused.first[0]
            raise Stop(f"{file} holds no ticket: line {first.line}: {first.reason}")
        if as_json:
            print(json.dumps(found.as_json(file, suspected=suspected), ensure_ascii=False))
        else:
            found.show(suspected=suspected)


def replay_log(from_: str | None, to: str | None, *, imported: bool, as_json: bool, suspected: bool) -> None:
    """The clusters that the radar would have found in the log. Raises Stop."""
    import asyncpg  # a file needs neither database nor bus, and starts without their libraries

    from services.cli.radar_replay import replay
    from services.triage.radar.leader import secret_of

    if from_ is None:
        raise Stop("say from when: --from 2026-07-01")
    try:
        start = instant_of(from_, "--from")
        end = datetime.now(UTC) if to is None else instant_of(to, "--to")
        settings = load()
        secret = secret_of(settings)
        said = asyncio.run(replay(settings, start, end, imported=imported, secret=secret, silent=as_json))
    except (ValueError, LookupError) as wrong:
        raise Stop(str(wrong)) from wrong
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.InvalidCatalogNameError) as error:
        raise Stop(f"the database can't be reached ({error}): start the desk, then run this again") from error
    found = Found()
    found.clusters, found.tickets, found.seconds = said.clusters, said.tickets, said.seconds
    if as_json:
        whole = found.as_json(Path("the log"), suspected=suspected) | said.as_json(start, end)
        print(json.dumps(whole, ensure_ascii=False))
        return
    found.show(suspected=suspected)
    print(f"{said.learned_from:,} tickets before the range taught what is usual")
    if said.erased:
        print(f"{said.erased:,} tickets of erased persons were skipped; --json names them")


@dataclass
class Found:
    """What became of a file."""

    radar: Radar = field(init=False)
    clusters: list[tuple[Cluster, int]] = field(default_factory=list)
    """Each with the number of clients that the desk had when it closed."""
    refused: Refused = field(default_factory=lambda: Refused(0, []))
    lines: int = 0
    tickets: int = 0
    out_of_order: int = 0
    first_out_of_order: int | None = None
    seconds: float = 0.0
    latest: float = float("-inf")
    waiting: list[tuple[float, int, Report]] = field(default_factory=list)
    """The latest tickets, in order of time and then of lines: a file may be a little out of order."""

    def __post_init__(self) -> None:
        self.radar = Radar(lambda cluster: self.clusters.append((cluster, len(self.radar.clients))))

    def take(self, line: Line | Bad) -> None:
        """Feeds one line. What cannot be fed is counted with its reason."""
        self.lines += 1
        if isinstance(line, Bad):
            self.refused.add(line)
            return
        try:
            report = report_of(line.said)
        except Wrong as wrong:
            self.refused.add(Bad(line.number, str(wrong)))
            return
        if report.at < self.latest:
            self.out_of_order += 1
            self.first_out_of_order = self.first_out_of_order or line.number
        self.latest = max(self.latest, report.at)
        self.tickets += 1
        heappush(self.waiting, (report.at, line.number, report))
        if len(self.waiting) > REORDERED:
            self.radar.feed(heappop(self.waiting)[2])

    def finish(self) -> None:
        """Feeds what still waits for an older line, and closes what is open."""
        while self.waiting:
            self.radar.feed(heappop(self.waiting)[2])
        self.radar.finish()

    def shown(self, *, suspected: bool) -> list[tuple[Cluster, int]]:
        """The clusters to show, in order of their opening."""
        chosen = [one for one in self.clusters if suspected or one[0].declared_at is not None]
        return sorted(chosen, key=lambda one: (one[0].declared_at or one[0].suspected_at, one[0].id))

    def as_json(self, file: Path, *, suspected: bool) -> dict[str, Any]:
        return {
            "file": str(file),
            "lines": self.lines,
            "tickets": self.tickets,
            "refused": self.refused.as_json(),
            "out_of_order": {"count": self.out_of_order, "first_line": self.first_out_of_order},
            "clusters": [as_json(cluster, clients) for cluster, clients in self.shown(suspected=suspected)],
            "suspected_only": sum(cluster.declared_at is None for cluster, _ in self.clusters),
            "seconds": round(self.seconds, 3),
            "tickets_per_second": round(self.tickets / self.seconds) if self.seconds else None,
            "peak_memory_mb": peak_memory_mb(),
        }

    def show(self, *, suspected: bool) -> None:
        console = Console(soft_wrap=True, highlight=False, markup=False)
        for cluster, clients in self.shown(suspected=suspected):
            said = as_json(cluster, clients)
            console.print(
                f"{said['opened_at']}  {said['state']}: {len(said['clients'])} clients, {said['ticket_count']} tickets,"
                f" closed {said['closed_at'] or 'not yet'}",
                style="bold",
            )
            for line in said["evidence"][:5]:
                console.print(f"  {line['sentence']}")
            console.print(f"  tickets {', '.join(said['tickets'][:12])}{' …' if len(said['tickets']) > 12 else ''}")
        console.print(
            f"{len(self.shown(suspected=suspected))} clusters in {self.tickets} tickets; "
            f"{self.tickets / max(self.seconds, 1e-9):.0f} tickets/s, peak memory {peak_memory_mb()} MB"
        )
        for bad in self.refused.first[:10]:
            console.print(f"refused line {bad.line}: {bad.reason}", style="yellow")
        if self.refused.count > 10:
            console.print(f"… {self.refused.count} lines were refused in all; --json names more", style="yellow")
        if self.out_of_order:
            said_at = f"the first is line {self.first_out_of_order}"
            console.print(f"{self.out_of_order} lines were older than one before ({said_at})", style="yellow")
        sys.stdout.flush()


def watch(file: TicketFile, *, silent: bool) -> Found:
    """Feeds a whole file to a new radar."""
    found, console = Found(), Console(stderr=True, quiet=silent)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[tickets]} tickets"), console=console) as bar:
        task = bar.add_task("watching", total=file.size, tickets=0)
        started = time.monotonic()
        for line in file.lines():
            found.take(line)
            if found.lines % TOLD_EVERY == 0:
                bar.update(task, completed=file.read, tickets=found.tickets)
        found.finish()
        found.seconds = time.monotonic() - started
        bar.update(task, completed=file.size, tickets=found.tickets)
    return found


def report_of(said: dict[str, Any]) -> Report:
    """The report that a line holds. Raises Wrong where it lacks what it has to say."""
    at = instant(said, "at")
    if not 0 <= at <= INSTANT_MAX:
        raise Wrong(f"“at” is out of range: {at}")
    return Report(
        at=at,
        client=text(said, "client", needed=True),
        ticket=text(said, "ticket", needed=True),
        subject=text(said, "subject"),
        body=text(said, "body"),
        category=text(said, "category") or None,
        service=text(said, "service") or None,
    )


def as_json(cluster: Cluster, clients: int) -> dict[str, Any]:
    """A cluster for programs."""
    signs = strongest_first(cluster)
    opened = cluster.declared_at if cluster.declared_at is not None else cluster.suspected_at
    return {
        "id": cluster.id,
        "state": "suspected" if cluster.declared_at is None else "declared",
        "opened_at": shown(opened),
        "suspected_at": shown(cluster.suspected_at),
        "declared_at": shown(cluster.declared_at),
        "first_ticket_at": shown(cluster.first_at),
        "last_ticket_at": shown(cluster.last_at),
        "closed_at": shown(cluster.closed_at),
        "keys": [sign.key for sign in signs],
        "clients": list(cluster.clients),
        "tickets": list(cluster.tickets),
        "ticket_count": len(cluster.tickets) + cluster.more_tickets,
        "strength": {ticket: round(strength, 3) for ticket, strength in cluster.tickets.items()},
        "evidence": [
            {
                "key": sign.key,
                "clients": sign.clients,
                "tickets": sign.tickets,
                "expected": round(sign.expected, 4),
                "evidence": round(sign.evidence, 2),
                "above_threshold": round(sign.margin, 2),
                "sentence": sentence(sign, clients),
            }
            for sign in signs
        ],
    }


def peak_memory_mb() -> int:
    """The most memory that this process held, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024))
