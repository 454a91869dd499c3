"""Labelled texts -> a table of tones: `python -m tests.evaluate.train_tone DATA LEXICON OUT` writes the shipped one.

Logistic regression by AdaGrad, one sum each for negative, positive and angry. Weights start at, and are drawn to, the
published ratings of a lexicon (VADER's, MIT), so that words which the labelled texts lack have a tone too.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from math import exp, sqrt
from pathlib import Path
from random import Random

from services.triage.tone import FEATURES_MIN, Feature, Table
from services.triage.words import listed
from tests.evaluate.tone_data import Labelled, features, read

EPOCHS = 8
RATE = 0.35
PULL = 2e-4  # towards the prior, a step
PRIOR = 1.4  # logits for each unit of a word's published rating
SEEN_MIN = 3  # texts; a feature that fewer show is left out
BYTES_MAX = 120_000
LEXICON_MIN = 1.0
ANGRY_FROM = -0.7  # logits; lower than even odds, for anger is rare in what it learns from

ANGER_PRIOR = 4.0  # logits
ANGER_WORDS = listed(
    """
    angry furious fuming livid enraged infuriating infuriated outraged outrageous appalled appalling disgrace
    disgraceful disgusted disgusting unacceptable ridiculous absurd insane pathetic shame shameful joke nonsense
    garbage rubbish trash worthless incompetent incompetence idiot idiots idiotic stupid stupidity dumb moron morons
    fool fools clown clowns lazy rude insult insulting liar liars lies lying scam scammers blame hate hated hates
    annoying annoyed sick worst terrible horrible awful damn damned goddamn bloody hell crap crappy bs bullshit
    shit shitty fuck fucks fucked fucking wtf stfu ffs ass asshole jerk suck sucks sucked screw screwed piss pissed
    """
)
"""Words of anger, contempt and abuse that the labelled texts, mostly developers', seldom hold."""

Weights = dict[Feature, list[float]]


def lexicon(path: Path | None) -> dict[str, float]:
    """Word -> mean rating, -4 to 4."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path else ():
        word, rating, *_ = line.split("\t")
        if word.isalpha() and abs(float(rating)) >= LEXICON_MIN:
            found[word.lower()] = float(rating)
    return found


def train(texts: Sequence[Labelled], ratings: dict[str, float], seed: int = 1) -> Table:
    """A table learned from these texts alone."""
    seen: Counter[Feature] = Counter()
    examples = []
    for one in texts:
        found = sorted(features(one.text), key=written_name)
        seen.update(found)
        examples.append((found, one.polarity, one.angry))
    kept = {name for name, count in seen.items() if count >= SEEN_MIN}
    prior: Weights = {name: [0.0, 0.0, 0.0] for name in kept}
    for word, rating in ratings.items():
        prior[word] = [max(0.0, -rating) * PRIOR, max(0.0, rating) * PRIOR, 0.0]
    for word in ANGER_WORDS:
        prior.setdefault(word, [ANGER_PRIOR, 0.0, 0.0])[2] = ANGER_PRIOR
    weights: Weights = {name: list(values) for name, values in prior.items()}
    bias, squares = [0.0, 0.0, 0.0], {name: [1.0, 1.0, 1.0] for name in prior}
    bias_squares, chance = [1.0, 1.0, 1.0], Random(seed)
    for _ in range(EPOCHS):
        chance.shuffle(examples)
        for found, side, angry in examples:
            _step(
                [name for name in found if name in weights],
                len(found),
                _targets(side, angry),
                weights,
                prior,
                squares,
                bias,
                bias_squares,
            )
    return _packed(weights, bias)


def _targets(side: int | None, angry: bool | None) -> tuple[float | None, float | None, float | None]:
    return (
        None if side is None else float(side < 0),
        None if side is None else float(side > 0),
        None if angry is None else float(angry),
    )


def _step(found, length, targets, weights, prior, squares, bias, bias_squares) -> None:  # type: ignore[no-untyped-def]
    scale = 1 / sqrt(max(FEATURES_MIN, length))
    for column, target in enumerate(targets):
        if target is None:
            continue
        total = bias[column] + scale * sum(weights[name][column] for name in found)
        error = 1 / (1 + exp(-max(-30.0, min(30.0, total)))) - target
        bias_squares[column] += error * error
        bias[column] -= RATE * error / sqrt(bias_squares[column])
        for name in found:
            weight, square = weights[name], squares[name]
            slope = error * scale + PULL * (weight[column] - prior[name][column])
            square[column] += slope * slope
            weight[column] -= RATE * slope / sqrt(square[column])


def _packed(weights: Weights, bias: list[float]) -> Table:
    """The weights as small whole numbers; the least telling are left out until the file is small enough."""
    largest = max(abs(value) for values in weights.values() for value in values)
    unit = largest / 127
    ranked = sorted(weights, key=lambda name: (-max(map(abs, weights[name])), written_name(name)))
    chosen: dict[Feature, tuple[int, int, int]] = {}
    size = 0
    for name in ranked:
        negative, positive, angry = (round(value / unit) for value in weights[name])
        size += len(f"{written_name(name)}\t{negative or ''}\t{positive or ''}\t{angry or ''}\n".encode())
        if size > BYTES_MAX or not (negative or positive or angry):
            break
        chosen[name] = negative, positive, angry
    return Table("en", "tone-en-2", unit, (bias[0], bias[1], bias[2]), ANGRY_FROM, chosen)


def written_name(name: Feature) -> str:
    return name if isinstance(name, str) else " ".join(name)


def written(table: Table) -> str:
    """The file of a table."""
    lines = [
        f"# version {table.version}",
        f"# unit {table.unit:.6f}",
        "# bias " + " ".join(f"{value:.4f}" for value in table.bias),
        f"# angry-from {table.angry_from:.4f}",
        "# sources labels: Senti4SD, Stack Overflow emotions, GitHub incivility; ratings: VADER (C.J. Hutto, MIT)",
    ]
    for name in sorted(table.weights, key=written_name):
        negative, positive, angry = table.weights[name]
        lines.append(f"{written_name(name)}\t{negative or ''}\t{positive or ''}\t{angry or ''}")
    return "\n".join(lines) + "\n"


def main(data: str, ratings: str, out: str) -> None:
    table = train(read(Path(data)), lexicon(Path(ratings)))
    Path(out).write_text(written(table), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
