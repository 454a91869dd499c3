"""An incident that people declared -> what its tickets have in common, by which it takes in later ones. Pure.

The radar found no sign of it, so its tickets and its title say what to look for: what two of them share, and names that
the title gives, where hardly any usual ticket would show it. Only handles are kept: a title may name anybody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from services.triage.radar.clusters import ALIVE_MIN
from services.triage.radar.evidence import parameters
from services.triage.radar.keys import Handles, keys_of
from services.triage.radar.memory import Memory
from services.triage.radar.reports import Report

AMONG: Final = 64  # tickets; of so many usual ones hardly any may show a key
HELD_MAX: Final = 40  # keys of one incident
NAMES: Final = "es"


def held_by(
    tickets: Sequence[Report], title: Report | None, memory: Memory | None, at: float, handles: Handles
) -> list[tuple[int, float]]:
    """The handles of what declared tickets have in common, each with the share of usual tickets among those it finds.

    The clearest come first, at most HELD_MAX.
    """
    clients: dict[str, set[str]] = defaultdict(set)
    for report in (*tickets, *((title,) if title is not None else ())):
        for key in keys_of(report.category, report.service, report.subject, report.body):
            clients[key].add(report.client)
    named = set() if title is None else set(keys_of(None, title.service, title.subject, ""))
    found = []
    for key, showed in clients.items():
        if len(showed) < 2 and not (key in named and key[0] in NAMES):
            continue
        (handle,) = handles.of((key,))
        doubt = AMONG * _share(key, handle, memory, at) / max(2, len(showed))
        if doubt <= 1.0 - ALIVE_MIN:
            found.append((round(doubt, 6), key, handle))
    return [(handle, doubt) for doubt, _, handle in sorted(found)[:HELD_MAX]]


def _share(key: str, handle: int, memory: Memory | None, at: float) -> float:
    """The share of usual tickets that show a key. A new desk knows no words, but a name stands for itself."""
    if memory is None:
        return 0.0 if key[0] in NAMES else 1.0
    weight = memory.long.weight(at)
    number, total = memory.numbers.get(handle), memory.long.total / weight
    seen = 0.0 if number is None else memory.long.counts[number] / weight
    if key[0] in NAMES:
        return seen / max(total, 1.0)
    alpha, beta = parameters(seen, total)
    return alpha / (alpha + beta)
