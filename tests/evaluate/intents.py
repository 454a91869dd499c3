"""Similar tickets on real questions: whether the nearest other question, or one of five, has the same intent.

`as the service ranks` is the code of GET /tickets/{…}/similar, with an index in memory in place of PostgreSQL's, and a
random order in place of that in which tickets came (the file is sorted by intent); the two others are plain weighted
words, to hold it against.
"""

from __future__ import annotations

import csv
import gzip
import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from math import log, sqrt
from pathlib import Path
from random import Random
from uuid import UUID

from services.reporting.similar import ENTITY_WEIGHT, WORD, Candidate, best, finders, terms_of, weights_of
from services.reporting.similar_routes import COMMON as SAYS_NOTHING
from services.reporting.similar_routes import EACH_MAX, READ_MAX
from services.triage.words import STOP, stem
from tests.evaluate.figures import interval

ASKED = 200  # questions a seed
KEPT = re.compile(r"[^\W_]+")
COMMON = 0.08  # of the questions; a gram that more of them hold is left out


def words(text: str) -> Counter[str]:
    return Counter(stem(word) for word in text.lower().split() if word not in STOP)


def grams(text: str) -> Counter[str]:
    """Words and their pieces of three and four letters."""
    found = words(text)
    for word in text.lower().split():
        padded = f"_{word}_"
        found.update(padded[at : at + size] for size in (3, 4) for at in range(len(padded) - size + 1))
    return found


class Index:
    """Texts by their weighted grams."""

    def __init__(self, texts: Sequence[str], features: Callable[[str], Counter[str]]) -> None:
        counted = [features(text) for text in texts]
        seen = Counter(name for one in counted for name in one)
        self._features = features
        self._idf = {name: log(len(texts) / count) for name, count in seen.items() if count <= COMMON * len(texts)}
        self._postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for place, one in enumerate(counted):
            for name, weight in self._weighted(one).items():
                self._postings[name].append((place, weight))

    def _weighted(self, counts: Counter[str]) -> dict[str, float]:
        found = {name: (1 + log(count)) * self._idf[name] for name, count in counts.items() if name in self._idf}
        length = sqrt(sum(weight * weight for weight in found.values())) or 1.0
        return {name: weight / length for name, weight in found.items()}

    def nearest(self, text: str, but: int, count: int) -> list[int]:
        """The places of the nearest texts, without one."""
        points: dict[int, float] = defaultdict(float)
        for name, weight in self._weighted(self._features(text)).items():
            for place, other in self._postings[name]:
                points[place] += weight * other
        points.pop(but, None)
        return sorted(points, key=lambda place: (-points[place], place))[:count]


def _kept(text: str) -> list[str]:
    """The words that search would keep."""
    return sorted({word for word in KEPT.findall(text.lower()) if word not in STOP})


class Service:
    """The same texts, looked up and ranked as the service does."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._postings: dict[str, set[int]] = defaultdict(set)
        for place, text in enumerate(texts):
            for word in WORD.findall(text.lower()):
                self._postings[word].add(place)
        self._words = sorted(self._postings)
        self._said = [" ".join(_kept(text)) for text in texts]
        self._age = Random(0).sample(range(len(texts)), len(texts))

    def nearest(self, text: str, but: int, count: int) -> list[int]:
        """The places of the nearest texts, without one."""
        terms = terms_of(text, "", SAYS_NOTHING.__contains__)
        held = [self._holding(term.prefix or term.said.lower(), prefix=term.prefix is not None) for term in terms]
        worth = [log(1 + (1 + len(self._said)) / (1 + len(places))) for places in held]
        points: dict[int, float] = defaultdict(float)
        for nth in finders(terms, [float(len(places)) for places in held]):
            for place in sorted(held[nth], key=self._age.__getitem__)[:EACH_MAX]:
                points[place] += worth[nth] * (ENTITY_WEIGHT if terms[nth].entity else 1.0)
        read = sorted(points, key=lambda place: (-points[place], self._age[place]))[:READ_MAX]
        hits = [sum((place in places) << nth for nth, places in enumerate(held)) for place in read]
        found = [Candidate(0, UUID(int=place), bits, self._said[place]) for place, bits in zip(read, hits, strict=True)]
        ranking = best(found, weights_of(terms, found), _kept(text), UUID(int=but))
        return [one.candidate.ticket.int for one in ranking[:count]]

    def _holding(self, word: str, *, prefix: bool) -> set[int]:
        if not prefix:
            return self._postings.get(word, set())
        found: set[int] = set()
        at = bisect_left(self._words, word)
        while at < len(self._words) and self._words[at].startswith(word):
            found |= self._postings[self._words[at]]
            at += 1
        return found


def evaluate(data: Path, seeds: Sequence[int]) -> Iterator[str]:
    with gzip.open(data / "texts" / "banking77_train.csv.gz", "rt", encoding="utf-8", newline="") as lines:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(lines)]
    texts = [text for text, _ in rows]
    indexes: tuple[tuple[str, Service | Index], ...] = (
        ("as the service ranks", Service(texts)),
        ("words", Index(texts, words)),
        ("words and their pieces", Index(texts, grams)),
    )
    for name, index in indexes:
        first, five = [], []
        for seed in seeds:
            chosen = Random(seed).sample(range(len(rows)), ASKED)
            found = [
                [rows[near][1] == rows[place][1] for near in index.nearest(texts[place], place, 5)] for place in chosen
            ]
            first.append(sum(one[:1] == [True] for one in found) / ASKED)
            five.append(sum(any(one) for one in found) / ASKED)
        yield f"similar tickets, BANKING77 (77 intents), {name}: nearest {interval(first)}, recall@5 {interval(five)}"
