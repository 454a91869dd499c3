"""A ticket's category, service and text -> the keys under which the radar counts it. Pure.

A key is a kind, a colon and words: `c:` category, `s:` service, `e:` entity (error code, host, product with a number or
inner capitals), `w:` stemmed word, `p:` pair of neighbouring stemmed words. Each key stands once, the telling ones
first; at most KEYS_MAX are kept, so a ticket of any length costs the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from services.triage.words import STOP, TEXT_MAX, WORD_MAX, listed, plain, stem

KINDS: Final = "csewp"
"""Category, service, entity, word, pair: the first letter of a key, and by its place the last bits of a handle."""

PAIR: Final = KINDS.index("p")
PRIME: Final = 2**61 - 1  # the numbers below it, three bits further, fill a handle
HANDLES_KEPT: Final = 65_536  # known at once, to be hashed once

KEYS_MAX: Final = 56  # keys of one ticket
BODY_MAX: Final = 2_400  # characters; what the matter is stands first
ENTITIES_MAX: Final = 12

ENTITY: Final = re.compile(
    r"""
      \b(?i:error|err|code|fehler|fehlercode|erreur|errore|status|event[ ]id|exception)[ ]?
        (?i:code|nr\.?|no\.?|number|nummer|id)?[ ]?[:\#=]?[ ]?
        (?P<code>[A-Za-z]{0,5}[-_]?\d{2,8}|0x[0-9A-Fa-f]{2,10})(?![\w-]|\.\w)
    | (?P<host>\b(?=[A-Za-z0-9.-]{0,60}[A-Za-z])[A-Za-z0-9][A-Za-z0-9-]{0,30}(?:\.[A-Za-z0-9][A-Za-z0-9-]{0,30}){1,4}\b)
    | (?P<mixed>\b0x[0-9A-Fa-f]{2,10}\b|\b(?=[A-Za-z0-9_-]{0,24}\d)(?=[A-Za-z0-9_-]{0,24}[A-Za-z])
        [A-Za-z0-9]{1,16}(?:[-_][A-Za-z0-9]{1,16}){0,3}\b)
    | (?P<camel>\b[A-Z]?[a-z]+[A-Z][A-Za-z]{1,20}\b|\b[A-Z]{2,8}(?:[-_/][A-Z]{2,8}){0,2}\b)
    """,
    re.VERBOSE,
)
CUE: Final = re.compile(r"\d|[A-Za-z0-9]\.[A-Za-z0-9]|[a-z][A-Z]|[A-Z][A-Z]")
"""What every entity has somewhere."""
LEAD: Final = 5  # spaces before a cue, and an entity has begun: “event id no : 12”
ERROR: Final = re.compile(r"(?:error|err)?[-_]?(\d+)", re.IGNORECASE)
"""A code's number, however its cue was joined to it: “error 1252”, “ERR-1252” and “Error code: err1252” are one."""
HOST: Final = re.compile(
    r"[\d-]|\..*\.|\.(?:com|net|org|io|de|at|ch|fr|it|es|nl|eu|uk|app|dev|cloud|local|lan|internal|corp|exe|dll|php|js|py)$",
    re.IGNORECASE,
)
"""What looks like a host, and not like a sentence's end without a space."""
TOKEN: Final = re.compile(r"[^\W_]+(?:'[^\W\d_]+)?")
UNIQUE: Final = re.compile(
    r"(?<!0x)(?<!\d)\d{7,}|[0-9a-f]{12,}|^\d+(?:st|nd|rd|th|am|pm|h|min|mb|gb|kb|px|x|uhr)$", re.IGNORECASE
)
SHOUTED: Final = listed("OK RE FW FWD AW WG ASAP FYI PS NB THE AND NOT TO PM AM EU US UK IT ID PC TV")


class Handles:
    """What stands for keys where words must not: 61 bits of a keyed hash with the desk's secret, and three of the kind.

    Equal for equal keys, and unreadable. Which number it is changes nothing of what the radar finds. A pair's is mixed
    from its words': most pairs come once, and hashing each anew took a seventh of the radar's time.
    """

    def __init__(self, secret: bytes = b"") -> None:
        self._secret = secret
        mixed = blake2b(b"pairs", digest_size=16, key=secret).digest()
        self._first, self._second = (int.from_bytes(half) >> 3 | 1 for half in (mixed[:8], mixed[8:]))
        self._known: dict[str, int] = {}

    def of(self, keys: Iterable[str]) -> list[int]:
        """The handles of these keys."""
        known, found = self._known, []
        for key in keys:
            if key[0] == "p":
                found.append(self._pair(key))
            else:
                found.append(known.get(key) or self._hashed(key))
        return found

    def _hashed(self, key: str) -> int:
        known = self._known
        if len(known) >= HANDLES_KEPT:
            known.clear()
        digest = blake2b(key.encode("utf-8", "replace"), digest_size=8, key=self._secret).digest()
        known[key] = handle = int.from_bytes(digest) & ~7 | KINDS.index(key[0])
        return handle

    def _pair(self, key: str) -> int:
        first, _, second = key[2:].partition(" ")
        first, second = "w:" + first, "w:" + second
        before = self._known.get(first) or self._hashed(first)
        word = self._known.get(second) or self._hashed(second)
        return ((before >> 3) * self._first + (word >> 3) * self._second) % PRIME << 3 | PAIR


def handle_of(key: str, secret: bytes = b"") -> int:
    """What stands for one key (`Handles`)."""
    return Handles(secret).of((key,))[0]


def keys_of(category: str | None, service: str | None, subject: str, body: str) -> tuple[str, ...]:
    """The keys of one ticket, without a repetition, in a fixed order."""
    found: dict[str, None] = {}
    if category and (name := _name(category)):
        found["c:" + name] = None
    if service and (name := _name(service)):
        found["s:" + name] = None
    subject, body = plain(subject[:TEXT_MAX]), plain(body[:BODY_MAX])
    named, (subject, body) = entities(subject, body)
    for entity in named:
        found["e:" + entity] = None
    words: dict[str, None] = {}
    pairs: dict[str, None] = {}
    for text in (subject, body):
        _words(text, words, pairs)
    for word in words:
        found["w:" + word] = None
        if len(found) >= KEYS_MAX * 3 // 4:
            break
    for pair in pairs:
        if len(found) >= KEYS_MAX:
            break
        found["p:" + pair] = None
    return tuple(found)


def entities(*texts: str) -> tuple[list[str], list[str]]:
    """Error codes, hosts, and names with digits or inner capitals, lower-cased, in order; and the texts without them.

    Names in capitals stay in the text too: elsewhere they are written small.
    """
    found: dict[str, None] = {}
    capitals = sum(map(str.isupper, texts[0])) * 2 > len(texts[0])

    def take(match: re.Match[str]) -> str:
        kind = match.lastgroup or ""
        name = match.group(kind)
        if UNIQUE.search(name) or len(found) >= ENTITIES_MAX or (kind == "host" and not HOST.search(name)):
            return match.group()
        if kind != "camel":
            code = ERROR.fullmatch(name)
            found[f"error {code.group(1)}" if code else name.lower()] = None
            return " "
        if name not in SHOUTED and not (capitals and name.isupper()):
            found[name.lower()] = None
        return match.group()

    rest = [_around_cues(text, take) for text in texts]
    return list(found), rest


def _around_cues(text: str, take: Callable[[re.Match[str]], str]) -> str:
    """The text after `take` had each entity: looked for only where one may be, which most of a text is not."""
    spans: list[tuple[int, int]] = []
    upto = 0
    for cue in CUE.finditer(text):
        if cue.end() <= upto:
            continue
        start = cue.start()
        for _ in range(LEAD):
            start = text.rfind(" ", 0, start)
            if start < 0:
                break
        end = text.find(" ", cue.end())
        end = len(text) if end < 0 else end
        start = max(start, 0)
        if spans and start <= upto:
            start = spans.pop()[0]
        spans.append((start, end))
        upto = end
    if not spans:
        return text
    parts, done = [], 0
    for start, end in spans:
        parts += [text[done:start], ENTITY.sub(take, text[start:end])]
        done = end
    return "".join((*parts, text[done:]))


def _words(text: str, words: dict[str, None], pairs: dict[str, None]) -> None:
    """Adds the stems and neighbouring pairs of a text; a stop word between two does not part them."""
    before = ""
    for raw in TOKEN.findall(text.lower()):
        word = _word(raw)
        if not word:
            continue
        words[word] = None
        if before and before != word:
            pairs[f"{before} {word}"] = None
        before = word


@lru_cache(maxsize=32_768)
def _word(raw: str) -> str:
    """The stem of a word of a text; empty for one that says nothing."""
    if raw in STOP or len(raw) > WORD_MAX or (len(raw) < 2 and raw.isascii()):
        return ""
    if raw[0].isdigit() and (len(raw) < 3 or UNIQUE.search(raw)):
        return ""
    return stem(raw)


def _name(text: str) -> str:
    return " ".join(plain(text[:200]).lower().split())[:60]
