"""Tone on the labelled files: trained on nine parts of the threads, scored on the tenth; and across files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from services.triage.tone import Table, polarity, sums_of
from tests.evaluate.tone_data import PARTS, Labelled, features, read
from tests.evaluate.train_tone import train


def f1(said: Sequence[object], true: Sequence[object], label: object) -> float:
    """The harmonic mean of precision and recall for one label; 0 where it was neither said nor true."""
    hits = sum(one == other == label for one, other in zip(said, true, strict=True))
    return 2 * hits / max(1, sum(one == label for one in said) + sum(one == label for one in true))


def macro_f1(said: Sequence[object], true: Sequence[object]) -> float:
    labels = sorted(set(true), key=str)
    return sum(f1(said, true, label) for label in labels) / len(labels)


def judged(text: str, table: Table) -> tuple[int, bool]:
    """Polarity with anger as negative, and anger."""
    sums = sums_of(features(text), table)
    side = polarity(sums)
    angry = sums.angry > table.angry_from and side <= 0
    return (-1 if angry else side), angry


def scores(texts: Sequence[Labelled], table: Table) -> dict[str, float]:
    """Macro-F1 of polarity and F1 of anger, for each file that judges it."""
    found: dict[str, float] = {}
    for file in sorted({one.file for one in texts}):
        mine = [(one, judged(one.text, table)) for one in texts if one.file == file]
        sides = [(said[0], one.polarity) for one, said in mine if one.polarity is not None]
        if sides:
            found[f"polarity macro-F1, {file}"] = macro_f1([said for said, _ in sides], [true for _, true in sides])
        anger = [(said[1], one.angry) for one, said in mine if one.angry is not None]
        if anger:
            found[f"anger F1, {file}"] = f1([said for said, _ in anger], [true for _, true in anger], True)
    return found


def evaluate(
    data: Path, ratings: dict[str, float], seeds: Sequence[int], told: Callable[[str], None]
) -> dict[str, list[float]]:
    """Each figure, once for each seed: of its split by thread, and of each file that was left out of the training."""
    texts, found = read(data), {}  # type: ignore[var-annotated]
    for seed in seeds:
        told(f"tone: split {seed}")
        table = train([one for one in texts if one.part(seed) != 0], ratings, seed)
        for name, value in scores([one for one in texts if one.part(seed) == 0], table).items():
            found.setdefault(f"{name}, threads kept apart", []).append(value)
    for file in ("senti4sd", "emotions"):
        for seed in seeds:
            told(f"tone: without {file}, seed {seed}")
            table = train([one for one in texts if one.file != file], ratings, seed)
            for name, value in scores([one for one in texts if one.file == file], table).items():
                found.setdefault(f"{name}, file kept apart", []).append(value)
    return found


__all__ = ["PARTS", "evaluate"]
