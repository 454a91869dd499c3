"""The labelled files of ../shared/data/tone -> texts with polarity and anger, each with its file and thread."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Collection, Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from services.triage.tone import Feature, heard_of, words_of

PARTS = 10


class Labelled(NamedTuple):
    """One text; None where its file does not judge."""

    file: str
    thread: str
    text: str
    polarity: int | None
    angry: bool | None

    def part(self, seed: int) -> int:
        """A number under PARTS, the same for all of a thread."""
        return sha256(f"{seed} {self.file} {self.thread}".encode()).digest()[0] % PARTS


def rows(folder: Path, name: str) -> Iterator[dict[str, str]]:
    with gzip.open(folder / "tone" / name, "rt", encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def read(folder: Path) -> list[Labelled]:
    """Every labelled text of the three files."""
    found = []
    sides = {"negative": -1, "neutral": 0, "positive": 1}
    for row in rows(folder, "senti4sd_train.csv.gz"):
        found.append(Labelled("senti4sd", row["id"], row["text"], sides[row["polarity"]], None))
    for row in rows(folder, "stackoverflow_emotions_even_rows.csv.gz"):
        felt = {name for name in ("love", "joy", "anger", "sadness", "fear") if row[name] in {"1", "1.0", "x"}}
        side = -1 if felt & {"anger", "sadness", "fear"} else 1 if felt else 0
        thread = sha256(row["Text"].encode()).hexdigest()[:12]
        found.append(Labelled("emotions", thread, row["Text"], side, "anger" in felt))
    for row in rows(folder, "github_incivility_even_issues.csv.gz"):
        found.append(Labelled("incivility", row["issue_id"], row["comment_body"], None, bool(row["tbdf"])))
    return found


def features(text: str) -> Collection[Feature]:
    """What the model sees of a raw text."""
    return words_of(heard_of(text)).features
