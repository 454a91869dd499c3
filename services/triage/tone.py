"""(Text, tables) -> the tone that a reader would hear in it, its degree, and the words that show it. Pure.

A linear model over words, neighbouring words, words under a negation, punctuation and capitals: one sum for each of
negative, positive and angry, against neutral at zero. Confusion and urgency are said in so many words, and are looked
for as phrases where the sums stay neutral. A language without a table is “unknown”, never “neutral”.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import exp, sqrt
from typing import Final, NamedTuple

from contracts.terms import Tone
from services.triage.phrases import evidence_in
from services.triage.words import STOP, WORD_MAX, language, listed, plain

RULE_VERSION: Final = "tone-2"
READ_MAX: Final = 1_600  # characters; a tone is heard long before
WORDS_KEPT: Final = 5
FEATURES_MIN: Final = 9  # a text of fewer is not louder for its shortness
STRONG: Final = 0.75  # degree
CONFUSED: Final = re.compile(
    r"""\b(?:confus(?:ed|ing)|unclear|(?:do\ not|don't|didn't|can't|cannot)\ (?:really\ )?(?:understand|see\ how)
      |no\ idea|what\ (?:does|do|did)\ .{1,40}?\ mean|makes?\ no\ sense|doesn't\ make\ sense|puzzled|lost\ here
      |not\ sure\ (?:how|what|why|if)|how\ (?:on\ earth|am\ i\ supposed)|which\ (?:one|of\ them)\ (?:should|do))\b
      |\?\s*\?""",
    re.VERBOSE | re.IGNORECASE,
)
CODE: Final = re.compile(r"```.*?(?:```|\Z)|`[^`\n]{1,200}`|^[ \t]*>.*$|https?://\S{1,500}", re.DOTALL | re.MULTILINE)
TOKEN: Final = re.compile(
    r"[^\W\d_]+(?:'[^\W\d_]+)?|!+|\?+|\.\.+|[:;=]-?[)(DPp/|]|<3|[\U0001f300-\U0001faff\u2639-\u263b]"
)
NEGATION: Final = listed("not no never without nothing none cannot nor hardly")
NEGATED: Final = 3  # words after a negation


@dataclass(frozen=True, slots=True)
class Table:
    """The weights of one language: feature -> negative, positive, angry, each in units of `unit`."""

    language: str
    version: str
    unit: float
    bias: tuple[float, float, float]
    angry_from: float
    weights: Mapping[str, tuple[int, int, int]]


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


def hear(text: str, tables: Mapping[str, Table]) -> Heard:
    """The tone of a text."""
    text = CODE.sub(" ", plain(text))[:READ_MAX]
    spoken = language(text)
    table = tables.get(spoken)
    if table is None:
        return Heard(Tone.UNKNOWN, 0.0, spoken)
    features = features_of(text)
    sums = sums_of(features, table)
    heard = _heard(sums, table)
    if heard is not None:
        tone, column, logit = heard
        return Heard(
            tone,
            degree(logit, table.angry_from if tone is Tone.ANGRY else 0.0),
            spoken,
            _words(features, table, column),
        )
    return _said(text, spoken)


def features_of(text: str) -> dict[str, str]:
    """What the model sees of a plain text, each with the words as they were written."""
    found: dict[str, str] = {}
    before, negated, capitals = "", 0, 0
    for raw in TOKEN.findall(text):
        word = raw.lower()[:WORD_MAX]
        if not word[0].isalpha():
            word = word[:2] if word[0] in "!?." else word
            found[word] = raw[:8]
            negated = 0
            before = word
            continue
        if len(raw) >= 3 and raw.isupper():
            capitals += 1
        found[word] = raw
        if before:
            found[f"{before} {word}"] = f"{before} {raw}"
        if negated:
            found[f"not {word}"] = f"not {raw}"
            negated -= 1
        if word in NEGATION or word.endswith("n't"):
            negated = NEGATED
        before = word
    if capitals:
        found["<capitals>" if capitals < 4 else "<CAPITALS>"] = ""
    return found


def sums_of(features: Mapping[str, str], table: Table) -> Sums:
    """The three sums of a text, by the square root of its length: a long one is not louder for its length."""
    negative = positive = angry = 0
    weights = table.weights
    for feature in features:
        weight = weights.get(feature)
        if weight is not None:
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


def _said(text: str, spoken: str) -> Heard:
    """Urgency or confusion, as they are said in so many words; else neutral."""
    urgent = [evidence for evidence in evidence_in("", text) if evidence.code in {"urgent", "deadline"}]
    if urgent:
        words = tuple(str(word) for evidence in urgent for word in evidence.words)[:WORDS_KEPT]
        return Heard(Tone.URGENT, min(1.0, 0.4 + 0.2 * len(words)), spoken, words)
    confused = tuple(dict.fromkeys(match.group() for match in CONFUSED.finditer(text)))[:WORDS_KEPT]
    if confused:
        return Heard(Tone.CONFUSED, min(1.0, 0.4 + 0.2 * len(confused)), spoken, confused)
    return Heard(Tone.NEUTRAL, 0.0, spoken)


def degree(logit: float, border: float) -> float:
    """0 at the border to neutral, towards 1 with certainty: how far the odds have come from the border's."""
    odds, least = (1 / (1 + exp(-min(x, 30.0))) for x in (logit, border))
    return round((odds - least) / (1 - least), 2)


def _words(features: Mapping[str, str], table: Table, column: int) -> tuple[str, ...]:
    """The words that weigh most, the weightiest first; none twice for standing in a pair."""
    found = []
    for feature, written in features.items():
        weight = table.weights.get(feature)
        if weight is not None and weight[column] > 0 and not STOP.issuperset(written.lower().split()):
            found.append((-weight[column], written))
    kept: list[str] = []
    for _, written in sorted(found):
        if not any(written in other or other in written for other in kept):
            kept.append(written)
    return tuple(kept[:WORDS_KEPT])


def parse(language_code: str, lines: Iterator[str]) -> Table:
    """A table out of its file: `# name value…` lines, then a feature and its three weights a line, parted by tabs."""
    head: dict[str, list[str]] = {}
    weights: dict[str, tuple[int, int, int]] = {}
    for line in lines:
        if line.startswith("# "):
            name, *values = line[2:].split()
            head[name] = values
        elif "\t" in line:
            feature, negative, positive, angry = line.rstrip("\n").split("\t")
            weights[feature] = int(negative or 0), int(positive or 0), int(angry or 0)
    negative_bias, positive_bias, angry_bias = map(float, head["bias"])
    return Table(
        language=language_code,
        version=head["version"][0],
        unit=float(head["unit"][0]),
        bias=(negative_bias, positive_bias, angry_bias),
        angry_from=float(head["angry-from"][0]),
        weights=weights,
    )
