"""`python -m tests.bench.triage`: G12, all that triage makes of a ticket, one process: text, judgement, radar."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from statistics import median
from uuid import UUID

from contracts import tickets as tell
from contracts.envelope import Recorded
from contracts.terms import Channel, Urgency
from services.triage.judgements import Given, answers
from services.triage.radar.radar import Radar, Report
from services.triage.reading import read_ticket
from services.triage.tone_tables import load_tables
from tests.bench.table import Row
from tests.radar.desk import Desk, Plan
from tests.radar.texts import Made

RUNS = 3
TICKETS = 6_000
GOAL = 1_500  # tickets a second
START = datetime(2026, 3, 2, tzinfo=UTC)
SAID = (
    "Hello, since this morning the {} fails whenever we try to save. Could you please have a look? We need it by 5 pm.",
    "Nobody can work with the {} any more, this is the third time this week and I am getting angry!",
    "How do I change the settings of the {}? Thanks in advance.",
)


def written(count: int) -> list[tuple[Report, tell.TicketSubmitted]]:
    """Tickets of 200 clients in the radar's made-up language, with sentences that say how people feel."""
    chance = random.Random(12)
    found = []
    for report in Desk(Plan(12, days=4, incidents=3), Made(12)).reports():
        body = f"{chance.choice(SAID).format(report.subject)} {report.body}"
        data = tell.TicketSubmitted(
            prefix="A", requester=UUID(int=1), subject=report.subject, body=body, channel=Channel.WEB,
            category=report.category if chance.random() < 0.3 else None, urgency=chance.choice([None, *Urgency]),
        )  # fmt: skip
        found.append((report._replace(body=body), data))
        if len(found) == count:
            break
    return found


def answered(tickets: list[tuple[Report, tell.TicketSubmitted]]) -> tuple[float, float]:
    """Tickets a second, and a second of CPU: read, classified, heard, judged, and shown to the radar."""
    tables, radar = load_tables(), Radar()
    started, used = time.perf_counter(), time.process_time()
    for number, (report, data) in enumerate(tickets, start=1):
        at = START + timedelta(seconds=number)
        ticket = UUID(int=number << 8)
        event = Recorded(
            0, number, "acme", number, number, ticket, 1, ticket, data.type, 1, "token:1", None, "live", at, at, None,
            data,
        )  # fmt: skip
        reading = read_ticket(str(data.subject), str(data.body), tables, chosen=data.category)
        answers([event], {1}, Given({event.id: reading}, tables))
        radar.feed(report)
    return len(tickets) / (time.perf_counter() - started), len(tickets) / (time.process_time() - used)


def row() -> Row:
    tickets = written(TICKETS)
    runs = [answered(tickets) for _ in range(RUNS)]
    rate, by_cpu = median(rate for rate, _ in runs), median(rate for _, rate in runs)
    return Row(
        figure="G12",
        what="triage of a ticket, one process: category, tone, priority, radar",
        measured=f"{rate:,.0f} tickets/s, {by_cpu:,.0f} a second of CPU",
        goal=">= 1,500/s",
        reached=rate >= GOAL,
        values={"per_second": rate, "per_cpu_second": by_cpu},
    )


if __name__ == "__main__":
    print(row().measured)
