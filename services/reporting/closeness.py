"""The words of a text and those of others -> how close each is, 0 to 1, by words and their pieces. Pure.

Pieces of words find what endings, compounds and slips of the pen keep apart, in any language. A piece tells more, the
fewer of the texts hold it; long texts have no advantage. The cost is bounded by the words that are looked at.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from math import log, sqrt
from typing import Final

PIECES: Final = (3, 4)  # letters
WORD_MAX: Final = 40  # characters; what is longer is cut
WORDS_MAX: Final = 120  # of one text
REMEMBERED_MAX: Final = 20_000  # words whose pieces are kept


def folded(word: str) -> str:
    """A word in small letters without its accents."""
    plain = unicodedata.normalize("NFKD", word.lower())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


@lru_cache(maxsize=REMEMBERED_MAX)
def pieces(word: str) -> tuple[str, ...]:
    """A word and its pieces. A code or a number has none: E1252 is not nearly E1253."""
    word = folded(word)[:WORD_MAX]
    if any(letter.isdigit() for letter in word):
        return (word,)
    padded = f"_{word}_"
    found = dict.fromkeys([word] if len(word) >= min(PIECES) else [])
    found |= dict.fromkeys(padded[at : at + size] for size in PIECES for at in range(len(padded) - size + 1))
    return tuple(found)


def closeness(asked: Iterable[str], texts: Sequence[Iterable[str]]) -> list[float]:
    """How close each text is to what is asked, by the cosine of their weighted pieces."""
    counted = [_counted(words) for words in texts]
    holders = Counter(piece for counts in counted for piece in counts)
    worth = {piece: log(2 + len(texts)) - log(1 + count) for piece, count in holders.items()}
    unheld = log(2 + len(texts))
    mine = {piece: (1 + log(count)) * worth.get(piece, unheld) for piece, count in _counted(asked).items()}
    return [_cosine(mine, counts, worth) for counts in counted]


def _counted(words: Iterable[str]) -> Counter[str]:
    kept = sorted(set(words), key=lambda word: (-len(word), word))[:WORDS_MAX]  # longer words tell more
    return Counter(piece for word in kept for piece in pieces(word))


def _cosine(mine: Mapping[str, float], counts: Mapping[str, int], worth: Mapping[str, float]) -> float:
    theirs = {piece: (1 + log(count)) * worth[piece] for piece, count in counts.items()}
    lengths = sum(one * one for one in mine.values()) * sum(one * one for one in theirs.values())
    both = sum(one * theirs[piece] for piece, one in mine.items() if piece in theirs)
    return both / sqrt(lengths) if lengths else 0.0
