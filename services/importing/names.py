"""A source's name of a client -> a slug and a prefix for references, and further ones where it is taken. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from itertools import count
from string import ascii_uppercase
from unicodedata import normalize

SLUG_CHARACTERS_MAX = 39
PREFIX_CHARACTERS_MAX = 10
WORD_LETTERS = 4  # of a name that is one word: ACME for Acmeworks


def slugs(name: str) -> Iterator[str]:
    """location-143, location-143-2, location-143-3 … A name without a single Latin letter or digit gets a hash."""
    plain = "-".join(re.findall(r"[a-z0-9]+", _ascii(name).lower()))
    slug = plain[:SLUG_CHARACTERS_MAX].strip("-") or f"client-{sha256(name.encode()).hexdigest()[:8]}"
    yield slug
    for number in count(2):
        ending = f"-{number}"
        yield slug[: SLUG_CHARACTERS_MAX - len(ending)].rstrip("-") + ending


def prefixes(name: str) -> Iterator[str]:
    """L143, L143B … L143Z, L143X2, L143X3 … for Location 143; NOW for North of Wales; ACME for Acmeworks."""
    words = re.findall(r"[A-Z]+|[0-9]+", _ascii(name).upper())
    letters = [word for word in words if word.isalpha()]
    if len(letters) == 1 and len(words) == 1:
        short = words[0][:WORD_LETTERS]
    else:
        short = "".join(word[0] if word.isalpha() else word for word in words)
    if not short[:1].isalpha():
        short = f"C{short}"
    if len(short) == 1:
        short = f"{short}X"
    yield short[:PREFIX_CHARACTERS_MAX]
    for letter in ascii_uppercase[1:]:
        yield short[: PREFIX_CHARACTERS_MAX - 1] + letter
    for number in count(2):
        ending = f"X{number}"
        yield short[: PREFIX_CHARACTERS_MAX - len(ending)] + ending


def _ascii(name: str) -> str:
    return normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode()
