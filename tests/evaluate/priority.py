"""Priority from text alone, on reports whose severity engineers set, beside the commonest label and plain keywords."""

from __future__ import annotations

import csv
import gzip
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from services.triage.explain import Asked, explain
from services.triage.tone_tables import load_tables
from tests.evaluate.figures import kappa, macro_f1, resampled

JIRA = {"Blocker": 1, "Critical": 2, "Major": 3, "Minor": 4, "Trivial": 4}
HIGH = re.compile(r"\b(?:crash|outage|down|fatal|critical|urgent|data loss|security|hang|corrupt)\w*", re.IGNORECASE)
LOW = re.compile(r"\b(?:typo|cosmetic|documentation|comment|minor|rename|cleanup|nice to have)\w*", re.IGNORECASE)


def reports(data: Path) -> Iterator[tuple[str, str, str, int]]:
    """Source, subject, body and label 1 to 4."""
    with gzip.open(data / "texts" / "nasa_pits_ABC.csv.gz", "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            yield "NASA PITS", row["Subject"], row["Description"], min(4, int(row["Severity"]))
    with gzip.open(data / "texts" / "apache_jira_ambari_camel.csv.gz", "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            yield f"Jira {row['project']}", row["summary"], row["description"], JIRA[row["priority"]]


def evaluate(data: Path) -> Iterator[str]:
    tables = load_tables()
    found: dict[str, list[tuple[int, int, int]]] = {}
    for source, subject, body, label in reports(data):
        said = int(explain(Asked(subject, body), tables).prioritised.priority[1])
        text = f"{subject} {body}"
        keyword = 2 if HIGH.search(text) else 4 if LOW.search(text) else 3
        found.setdefault(source, []).append((said, keyword, label))
    for source, rows in found.items():
        commonest = Counter(label for *_, label in rows).most_common(1)[0][0]
        for name, pairs in (
            ("rules", [(said, label) for said, _, label in rows]),
            ("keywords", [(keyword, label) for _, keyword, label in rows]),
            ("commonest", [(commonest, label) for *_, label in rows]),
        ):
            yield (
                f"priority, {source} ({len(rows)}), {name}: "
                f"macro-F1 {resampled(pairs, macro_f1)}, weighted kappa {resampled(pairs, kappa)}"
            )
