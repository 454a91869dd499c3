"""The reports of ../shared/data/texts whose severity or priority engineers set -> text and label 1 to 4."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

JIRA = {"Blocker": 1, "Critical": 2, "Major": 3, "Minor": 4, "Trivial": 4}


class Labelled(NamedTuple):
    project: str
    subject: str
    body: str
    label: int


def read(data: Path) -> list[Labelled]:
    return list(_read(data))


def _read(data: Path) -> Iterator[Labelled]:
    for row in _rows(data / "texts" / "nasa_pits_ABC.csv.gz"):
        yield Labelled(f"NASA {row['project']}", row["Subject"], row["Description"], min(4, int(row["Severity"])))
    for row in _rows(data / "texts" / "apache_jira_ambari_camel.csv.gz"):
        yield Labelled(f"Jira {row['project']}", row["summary"], row["description"], JIRA[row["priority"]])


def _rows(file: Path) -> Iterator[dict[str, str]]:
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)
