"""(Text, tables) -> the tone that a reader would hear in it, its degree, and the words that show it. Pure.

A linear model over words, neighbouring words, words under a negation, punctuation and capitals: one sum for each of
negative, positive and angry, against neutral at zero. Confusion and urgency are said in so many words, and are looked
for as phrases where the sums stay neutral. A language without a table is “unknown”, never “neutral”.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, sqrt
from typing import Final, NamedTuple

from contracts.terms import Tone
from services.triage.gravity import Gravity
from services.triage.phrase_tables import CONFUSED
from services.triage.scan import scan
from services.triage.words import STOP, WORD_MAX, language_of, listed, plain

RULE_VERSION: Final = "tone-3"
READ_MAX: Final = 1_600  # characters; a tone is heard long before
WORDS_KEPT: Final = 5
FEATURES_MIN: Final = 9  # a text of fewer is not louder for its shortness
STRONG: Final = 0.75  # degree
ASKED_TWICE: Final = re.compile(r"\?\s*\?")
CODE: Final = re.compile(r"```.*?(?:```|\Z)|`[^`\n]{1,200}`|^[ \t]*>.*$|https?://\S{1,500}", re.DOTALL | re.MULTILINE)
TOKEN: Final = re.compile(
    r"[^\W\d_]+(?:'[^\W\d_]+)?|!+|\?+|\.\.+|[:;=]-?[)(DPp/|]|<3|[\U0001f300-\U0001faff\u2639-\u263b]"
)
NEGATION: Final = listed("not no never without nothing none cannot nor hardly")
NEGATED: Final = 3  # words after a negation
CAPITALS_MIN: Final = 3  # letters of a word that is shouted
MARKERS: Final = frozenset({"<capitals>", "<CAPITALS>"})


Feature = str | tuple[str, str]
"""A word or mark in lower case, or two neighbours; a word under a negation is a neighbour of “not”."""


@dataclass(frozen=True, slots=True)
class Table:
    """The weights of one language: feature -> negative, positive, angry, each in units of `unit`."""

    language: str
    version: str
    unit: float
    bias: tuple[float, float, float]
    angry_from: float
    weights: Mapping[Feature, tuple[int, int, int]]
    gravity: Gravity | None = None


class Heard(NamedTuple):
    """A tone, how strongly 0 to 1, what language it was read in, and the words that show it."""

    tone: Tone
    degree: float
    language: str
    words: tuple[str, ...] = ()


class Sums(NamedTuple):
    negative: float
    positive: float
    angry: float


class Words(NamedTuple):
    """The words and marks of a text: as they were written, in lower case and cut to size, and what the model sees."""

    written: Sequence[str]
    tokens: Sequence[str]
    features: Collection[Feature]


def hear(text: str, tables: Mapping[str, Table], found: Mapping[str, Sequence[str]] | None = None) -> Heard:
    """The tone of a text. `found` are its phrases of urgency and confusion, where it was scanned before."""
    return hear_words(heard_of(text), tables, found)[0]


def hear_words(
    read: str, tables: Mapping[str, Table], found: Mapping[str, Sequence[str]] | None = None
) -> tuple[Heard, Words]:
    """The same of a text that is plain, with its words for who reads on."""
    words = words_of(read)
    return _heard_in(read, words, tables, found), words


def _heard_in(read: str, words: Words, tables: Mapping[str, Table], found: Mapping[str, Sequence[str]] | None) -> Heard:
    spoken = language_of(words.tokens, ascii_only=read.isascii())
    table = tables.get(spoken)
    if table is None:
        return Heard(Tone.UNKNOWN, 0.0, spoken)
    sums = sums_of(words.features, table)
    heard = _heard(sums, table)
    if heard is not None:
        tone, column, logit = heard
        strength = degree(logit, table.angry_from if tone is Tone.ANGRY else 0.0)
        return Heard(tone, strength, spoken, _showing(words, table, column))
    return _said(read, spoken, scan("", read).phrases if found is None else found)


def heard_of(text: str) -> str:
    """The part of a raw text that has a tone: plain, without code, quotations and addresses."""
    text = plain(text)
    if "`" in text or ">" in text or "://" in text:
        text = CODE.sub(" ", text)
    return text[:READ_MAX]


def words_of(text: str) -> Words:
    """The words of a plain text, and what the model sees of them."""
    written = TOKEN.findall(text)
    tokens = [raw.lower() if raw[0] > "?" else raw[:2] if raw[0] in "!?." else raw.lower() for raw in written]
    if tokens and max(map(len, tokens)) > WORD_MAX:
        tokens = [token[:WORD_MAX] for token in tokens]
    features: set[Feature] = set(tokens)
    if "n't" in text or "N'T" in text or not NEGATION.isdisjoint(features):
        features.update(_negated(tokens))
    features.update(pairwise(tokens))
    capitals = sum(raw.isupper() and len(raw) >= CAPITALS_MIN and raw[0].isalpha() for raw in written)
    if capitals:
        features.add("<capitals>" if capitals < 4 else "<CAPITALS>")
    return Words(written, tokens, features)


def _negated(tokens: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The words behind a negation, up to the next mark."""
    left = 0
    for token in tokens:
        if not token[0].isalpha():
            left = 0
            continue
        if left:
            yield "not", token
            left -= 1
        if token in NEGATION or token.endswith("n't"):
            left = NEGATED


def sums_of(features: Collection[Feature], table: Table) -> Sums:
    """The three sums of a text, by the square root of its length: a long one is not louder for its length."""
    negative = positive = angry = 0
    weights = table.weights
    for feature in weights.keys() & features:
        weight = weights[feature]
        negative += weight[0]
        positive += weight[1]
        angry += weight[2]
    scale = table.unit / sqrt(max(FEATURES_MIN, len(features)))
    bias = table.bias
    return Sums(bias[0] + negative * scale, bias[1] + positive * scale, bias[2] + angry * scale)


def polarity(sums: Sums) -> int:
    """-1, 0 or 1."""
    if sums.negative > 0 and sums.negative >= sums.positive:
        return -1
    return 1 if sums.positive > 0 else 0


def _heard(sums: Sums, table: Table) -> tuple[Tone, int, float] | None:
    """The tone of the sums, the column that shows it, and its sum."""
    side = polarity(sums)
    if sums.angry > table.angry_from and side <= 0:
        return Tone.ANGRY, 2, sums.angry
    if side < 0:
        return Tone.FRUSTRATED, 0, sums.negative
    return (Tone.SATISFIED, 1, sums.positive) if side > 0 else None


def _said(text: str, spoken: str, found: Mapping[str, Sequence[str]]) -> Heard:
    """Urgency or confusion, as they are said in so many words; else neutral."""
    urgent = tuple(word for code in ("deadline", "urgent") for word in found.get(code, ()))[:WORDS_KEPT]
    if urgent:
        return Heard(Tone.URGENT, min(1.0, 0.4 + 0.2 * len(urgent)), spoken, urgent)
    confused = tuple(found.get(CONFUSED, ()))
    asked_twice = ASKED_TWICE.search(text) if text.count("?") > 1 else None
    if asked_twice is not None:
        confused = (*confused, asked_twice.group())
    if confused:
        return Heard(Tone.CONFUSED, min(1.0, 0.4 + 0.2 * len(confused)), spoken, confused)
    return Heard(Tone.NEUTRAL, 0.0, spoken)


def degree(logit: float, border: float) -> float:
    """0 at the border to neutral, towards 1 with certainty: how far the odds have come from the border's."""
    odds, least = (1 / (1 + exp(-min(x, 30.0))) for x in (logit, border))
    return round((odds - least) / (1 - least), 2)


def _showing(words: Words, table: Table, column: int) -> tuple[str, ...]:
    """The words that weigh most, the weightiest first; none twice for standing in a pair."""
    raw = dict(zip(words.tokens, words.written, strict=True))
    found = []
    for feature in table.weights.keys() & words.features:
        weight = table.weights[feature][column]
        parts = feature if isinstance(feature, tuple) else (feature,)
        if weight > 0 and not STOP.issuperset(parts) and feature not in MARKERS:
            found.append((-weight, " ".join((*parts[:-1], raw.get(parts[-1], parts[-1])))))
    kept: list[str] = []
    for _, written in sorted(found):
        if not any(written in other or other in written for other in kept):
            kept.append(written)
    return tuple(kept[:WORDS_KEPT])


def named(written: str) -> Feature:
    """A feature as a table's file writes it."""
    first, space, second = written.partition(" ")
    return (first, second) if space else first


def parse(language_code: str, lines: Iterator[str]) -> Table:
    """A table out of its file: `# name value…` lines, then a feature and its three weights a line, parted by tabs."""
    head: dict[str, list[str]] = {}
    weights: dict[Feature, tuple[int, int, int]] = {}
    for line in lines:
        if line.startswith("# "):
            name, *values = line[2:].split()
            head[name] = values
        elif "\t" in line:
            feature, negative, positive, angry = line.rstrip("\n").split("\t")
            weights[named(feature)] = int(negative or 0), int(positive or 0), int(angry or 0)
    negative_bias, positive_bias, angry_bias = map(float, head["bias"])
    return Table(
        language=language_code,
        version=head["version"][0],
        unit=float(head["unit"][0]),
        bias=(negative_bias, positive_bias, angry_bias),
        angry_from=float(head["angry-from"][0]),
        weights=weights,
    )
