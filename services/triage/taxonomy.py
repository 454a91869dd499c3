"""(A model of the desk's own taxonomy, a ticket, the rules' answer) -> that answer, or a surer one. Pure.

The model is small and linear; it is learned from what people made of categories (`taxonomy_learn`). Its features are
hashed words and neighbours of the text, the client, and what the rules say. How sure it is was measured: the part that
was right of such answers in history. It speaks only where it is surer than the rules, so what nobody is sure of stays
unsure. Weights are whole numbers of one byte; the dictionary is bounded.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import pairwise
from math import exp, sqrt
from typing import Final, NamedTuple

from contracts.learning import ModelSet
from services.kit.rules.priority import SERVICES
from services.triage.category import RULE_VERSION, SURE_FROM, Classified
from services.triage.held import Comparison
from services.triage.words import STOP, WORD_MAX, plain, stem

VERSION: Final = "taxonomy-1"
BYTE: Final = 127
READ_MAX: Final = 2_000  # characters of a text
WORDS_MAX: Final = 80  # different words of a text
WORD: Final = re.compile(r"[^\W_]{2,}")
WORDS_KEPT: Final = 5
NOTHING: Final[Mapping[str, str]] = {}


class Lesson(NamedTuple):
    """What is seen of one ticket, what the rules say of it, and the category that people kept or set.

    `plainer` is what would be seen if nothing had been chosen, so that the words learn of those who choose too. Only
    what a person set is a correction: a category that was kept may be the model's own.
    """

    seen: tuple[str, ...]
    rules: Classified
    wanted: str
    plainer: tuple[str, ...] | None = None
    set_by_person: bool = True

    @property
    def overridden(self) -> bool:
        return self.set_by_person and self.rules.category != self.wanted


class Says(NamedTuple):
    """The model's best category, its share of the sums, and the features that speak most for it."""

    category: str
    share: float
    showing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """Weights by feature, (place of category, weight) each, and how sure it may be.

    `learned_from` corrections; `rule_version` names it in what it says.
    """

    categories: tuple[str, ...]
    unit: float
    weights: Mapping[str, Sequence[tuple[int, int]]]
    sure: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    learned_from: int = 0
    rule_version: str = f"{RULE_VERSION}/{VERSION}"


class Words(NamedTuple):
    """The words of a text, stemmed, and how each was written."""

    stems: tuple[str, ...]
    written: Mapping[str, str]


def words_of(subject: str, body: str) -> Words:
    """What a model sees of a raw text."""
    written: dict[str, str] = {}
    stems: list[str] = []
    for raw in WORD.findall(plain(f"{subject[:READ_MAX]}\n{body[:READ_MAX]}"[:READ_MAX])):
        word = raw.lower()[:WORD_MAX]
        if word in STOP:
            continue
        root = stem(word)
        if root not in written:
            if len(written) >= WORDS_MAX:
                break
            written[root] = raw[:WORD_MAX]
        stems.append(root)
    return Words(tuple(stems), written)


def hashed(word: str, secret: bytes) -> str:
    """A word as the log may hold it."""
    return blake2b(word.encode("utf-8", "replace"), digest_size=5, key=secret).hexdigest()


def seen_in(words: Words, client: str, rules: Classified, secret: bytes) -> tuple[str, ...]:
    """The features of a ticket: codes in clear, words hashed."""
    said = f"{rules.source} {(rules.category or 'none').lower()[:80]}"
    found = dict.fromkeys((f"client {client}", f"rules {said}", f"client {client} rules {said}"))
    found.update(dict.fromkeys(hashed(word, secret) for word in words.written))
    found.update(dict.fromkeys(hashed(f"{first} {second}", secret) for first, second in pairwise(words.stems)))
    return tuple(found)


def shares_of(sums: Sequence[float]) -> list[float]:
    most = max(sums)
    powers = [exp(one - most) for one in sums]
    total = sum(powers)
    return [one / total for one in powers]


def says(model: Taxonomy, seen: Sequence[str]) -> Says | None:
    """The model's best answer; None where it knows nothing of the ticket."""
    known = [name for name in seen if name in model.weights]
    if not known or not model.categories:
        return None
    sums = [0.0] * len(model.categories)
    for name in known:
        for number, byte in model.weights[name]:
            sums[number] += byte
    shares = shares_of([total * model.unit / sqrt(len(known)) for total in sums])
    best = max(range(len(shares)), key=lambda number: (shares[number], -number))
    speaks = sorted((-byte, name) for name in known for number, byte in model.weights[name] if number == best)
    return Says(model.categories[best], shares[best], tuple(name for byte, name in speaks if byte < 0))


def against(rules: Classified) -> str:
    """What another answer has against it: a person's choice, or what was read in the text."""
    return "choice" if rules.source in ("choice", "form") else "text"


def how_sure(model: Taxonomy, share: float, rules: Classified) -> float:
    """The part that was right of other answers than the rules' with such a share; 0 for a share below all of them."""
    steps = model.sure.get(against(rules), ())
    at = bisect_right(steps, (share, 1.0))
    return steps[at - 1][1] if at else 0.0


def surer(model: Taxonomy, seen: Sequence[str], rules: Classified, written: Mapping[str, str] = NOTHING) -> Classified:
    """The rules' answer, or the model's where it is another one and surer.

    `written` are the words behind hashed features, of which those that speak for it are quoted.
    """
    said = says(model, seen)
    if said is None or said.category == rules.category:
        return rules
    confidence = how_sure(model, said.share, rules)
    if confidence < SURE_FROM or (rules.category is not None and confidence <= rules.confidence):
        return rules
    return Classified(
        category=said.category,
        service=said.category if said.category.lower() in SERVICES else rules.service,
        confidence=confidence,
        source="learned",
        words=tuple(written[name] for name in said.showing if name in written)[:WORDS_KEPT],
        rule_version=model.rule_version,
        learned_from=model.learned_from,
    )


def taught(model: Taxonomy, secret: bytes, client: str, subject: str, text: str, rules: Classified) -> Classified:
    """The same of a ticket's texts as they came."""
    words = words_of(subject, text)
    written = {hashed(word, secret): raw for word, raw in words.written.items()}
    return surer(model, seen_in(words, client, rules, secret), rules, written)


def lesson(
    client: str, subject: str, text: str, rules: Classified, by_words: Classified, wanted: str, secret: bytes
) -> Lesson:
    """What a ticket teaches of which people kept or set a category. `by_words` is what the words alone say."""
    words = words_of(subject, text)
    plainer = None if by_words == rules else seen_in(words, client, by_words, secret)
    return Lesson(seen_in(words, client, rules, secret), rules, wanted, plainer)


def written_down(model: Taxonomy, found: Comparison, secret: bytes, *, on: bool) -> ModelSet:
    """The event that switches a model on; or off, and then it holds no weights."""
    weights = {f"{place} {name}": byte for name, held in model.weights.items() for place, byte in held}
    return ModelSet(
        on=on,
        learner=learner(secret),
        unit=model.unit,
        weights=weights if on else {},
        judges="category",
        categories=model.categories if on else (),
        sure={name: tuple(steps) for name, steps in model.sure.items()} if on else {},
        **found.figures(),
    )


def taxonomy_of(model: ModelSet, version: int, secret: bytes) -> Taxonomy | None:
    """The model that the event of this version switched on. None where it is off, or its words are hashed otherwise."""
    if not model.on or model.learner != learner(secret):
        return None
    weights: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for key, byte in model.weights.items():
        place, _, name = key.partition(" ")
        weights[name].append((int(place), byte))
    rule_version = f"{RULE_VERSION}/{VERSION}.{version}"
    return Taxonomy(model.categories, model.unit, dict(weights), model.sure, model.overridden, rule_version)


def learner(secret: bytes) -> str:
    """This program, and by a few letters the secret that hides its words."""
    return f"{VERSION} {hashed('the key of', secret)}"
