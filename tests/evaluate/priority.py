"""Priority from text alone, on reports whose severity engineers set, beside the commonest label and plain keywords.

What triage learned from such reports is learned anew without the project that is scored.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from services.triage.explain import Asked, explain
from services.triage.tone import Table
from services.triage.tone_tables import load_tables
from tests.evaluate.figures import kappa, macro_f1, resampled
from tests.evaluate.reports import Labelled, read
from tests.evaluate.train_gravity import seen, train

HIGH = re.compile(r"\b(?:crash|outage|down|fatal|critical|urgent|data loss|security|hang|corrupt)\w*", re.IGNORECASE)
LOW = re.compile(r"\b(?:typo|cosmetic|documentation|comment|minor|rename|cleanup|nice to have)\w*", re.IGNORECASE)

Rows = list[tuple[int, int]]
"""What was said, and what is true."""


def evaluate(data: Path, told: Callable[[str], None], only: int | None = None) -> Iterator[str]:
    """The figures of each project; of the first few only, where a short answer is wanted."""
    reports, tables = read(data), load_tables()
    looked_at = seen(reports)
    for project in list(dict.fromkeys(one.project for one in reports))[:only]:
        told(f"priority: without {project}")
        learned = train([one for one in looked_at if one.project != project])
        mine = [one for one in reports if one.project == project]
        unseen = {"en": replace(tables["en"], gravity=learned)}
        phrases = {"en": replace(tables["en"], gravity=None)}
        commonest = Counter(one.label for one in mine).most_common(1)[0][0]
        for name, rows in (
            ("rules with gravity learned elsewhere", _judged(mine, unseen)),
            ("rules without gravity", _judged(mine, phrases)),
            ("keywords", [(_keyword(one), one.label) for one in mine]),
            ("commonest", [(commonest, one.label) for one in mine]),
        ):
            yield (
                f"priority, {project} ({len(rows)}), {name}: "
                f"macro-F1 {resampled(rows, macro_f1)}, weighted kappa {resampled(rows, kappa)}"
            )


def _judged(reports: Sequence[Labelled], tables: Mapping[str, Table]) -> Rows:
    return [(int(explain(Asked(one.subject, one.body), tables).prioritised.priority[1]), one.label) for one in reports]


def _keyword(one: Labelled) -> int:
    text = f"{one.subject} {one.body}"
    return 2 if HIGH.search(text) else 4 if LOW.search(text) else 3
