"""A text -> its plain words, stems, entities and language. Pure.

Every reader of text here works on the same plain form: compatibility characters folded, invisible and direction marks
out, Cyrillic and Greek look-alikes inside a Latin word turned to Latin. So nobody words a ticket past the rules with
letters that only look right, and a text of any size or script costs a bounded time: TEXT_MAX characters are read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

TEXT_MAX: Final = 6_000  # characters; what is wrong stands above a long log
WORD_MAX: Final = 32  # characters; what is longer is no word
LANGUAGE_WORDS: Final = 200  # words that a language is guessed from
FEW_MAX: Final = 8  # words; so few without a common one (“Great job!”) are English if one is well known

INVISIBLE: Final = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
LOOKALIKES: Final = str.maketrans(
    "аеорсухіјѕԁһӏкмтвнАВЕКМНОРСТУХІЈЅοαερτυνικΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aeopcyxijsdhlkmtbhABEKMHOPCTYXIJSoaeptuvikABEZHIKMNOPTYX",
)
MIXED: Final = re.compile(r"[A-Za-z]+[\u0370-\u04ff]|[\u0370-\u04ff]+[A-Za-z]")
RUN: Final = re.compile(r"[^\W_]+")
TOKEN: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d+")
SPACED: Final = re.compile(r"(?<![^\W_])(?:[A-Za-z] ){3,}[A-Za-z](?![^\W_])")


def listed(words: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(words.split())


STOP: Final = listed(
    """
    a about after again all also am an and any are as at be because been before being but by can come could did do does
    done else even for from get getting go going got had has have having he hello her here hi him his how i if in into
    is it its itself just know let like make many may me more most much my need no not now of off on one only or other
    our out over please put s same see seem she should since so some still such t take than thank thanks that the their
    them then there these they this those though through to too try trying under up us use using very via want was way
    we well were what when where which while who why will with within would yet you your dear regards best kind team
    help anyone somebody someone everything nothing something really every been ive im its dont cant doesnt isnt
    der die das den dem des ein eine einen einem einer eines und oder aber nicht kein keine ist sind war waren wird
    werden wurde hat haben hatte habe ich du er sie es wir ihr mich mir uns ihnen ihre ihrer ihren mein meine auf aus
    bei bis für mit nach seit von vor zu zum zur über unter in im an am als auch da dann dass denn doch durch noch nur
    schon sehr so wenn wie wo bitte danke hallo guten tag sehr geehrte damen herren grüße grüßen freundlichen
    le la les un une des du de et ou mais pas ne est sont je tu il elle nous vous ils que qui dans sur pour par avec
    il lo gli i un una di che non e è per con da sono ho ha abbiamo mi ci si el los las y o pero por para con una no
    """
)
"""Words that say nothing of the matter, in the languages that the desk speaks."""

MARKS: Final = {
    "en": listed(
        """the and is are was were to of in it you that this for with not have i my we our on be can cannot but when
        please from has would been it's don't can't an what how your me there do does if at after"""
    ),
    "de": listed(
        """der die das und ist nicht ich wir sie ein eine mit auf für den dem von zu es bei seit kein keine haben habe
        wird werden auch nach aber wenn bitte sich im zum zur unser unsere"""
    ),
    "fr": listed(
        """le la les et est pas je nous vous une des du dans sur pour avec que qui ne au aux ce cette mon notre
        depuis mais"""
    ),
    "it": listed(
        """il lo gli di che non è per con una sono ho del della nel alla da abbiamo mi ma questo quando dal
        più anche"""
    ),
    "es": listed(
        """el los las y no es por para con una que en del se lo está hemos tengo mi pero cuando desde muy
        más al nuestro"""
    ),
    "pt": listed("o os as e não é por para com uma que em do da no na está temos meu mas quando"),
    "nl": listed("de het een en is niet ik wij van op voor met dat te zijn heb hebben maar aan deze"),
}
"""The commonest words of a language: what guesses it."""
MARKED: Final = {
    word: tuple(code for code, marks in MARKS.items() if word in marks) for word in frozenset().union(*MARKS.values())
}
"""The same by word."""


def plain(text: str) -> str:
    """The text as people read it: folded, without invisible marks, look-alikes turned where they stand among Latin."""
    text = text[: TEXT_MAX * 2]
    if text.isascii():
        return INVISIBLE.sub("", text)[:TEXT_MAX]
    text = INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    if MIXED.search(text):
        text = RUN.sub(_latin, text)
    return text[:TEXT_MAX].replace("’", "'")


def _latin(run: re.Match[str]) -> str:
    word = run.group()
    return word.translate(LOOKALIKES) if MIXED.search(word) else word


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """A lower-case word without its commonest English or German endings: a shared start is enough to compare."""
    if len(word) <= 3 or not word.isalpha():
        return word
    for ending, instead in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)] + instead
            break
    if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]
    return word[:-1] if len(word) > 4 and word[-1] in "ey" else word


ENDINGS: Final = (
    *(("ations", "at"), ("ation", "at"), ("ments", "ment"), ("ingly", ""), ("edly", ""), ("nesses", "")),
    *(("iness", "y"), ("ness", ""), ("ings", ""), ("ies", "y"), ("ied", "y"), ("ungen", "ung"), ("ing", "")),
    *(("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("ed", ""), ("ly", ""), ("ss", "ss")),
    *(("us", "us"), ("is", "is"), ("'s", ""), ("s", "")),
)


def language(text: str) -> str:
    """The language of a plain text by its commonest words, or “unknown” where too little, or another script, stands."""
    return language_of([token.lower() for token in TOKEN.findall(text)], ascii_only=text.isascii())


def language_of(tokens: Sequence[str], *, ascii_only: bool) -> str:
    """The same of words and marks in lower case."""
    letters = [token for token in tokens[:LANGUAGE_WORDS] if token[0].isalpha()]
    if not letters:
        return "unknown"
    if not ascii_only and sum(token[0] > "\u024f" for token in letters) * 2 > len(letters):
        return "unknown"
    score = dict.fromkeys(MARKS, 0)
    for token in letters:
        if token in MARKED:
            for code in MARKED[token]:
                score[code] += 1
    best = max(score, key=lambda code: (score[code], code == "en"))
    if score[best] == 0:
        return "en" if ascii_only and len(letters) <= FEW_MAX and not FEW.isdisjoint(letters) else "unknown"
    others = max(score[code] for code in score if code != best)
    return best if score[best] > others or (best == "en" and score[best] == others) else "unknown"


FEW: Final = listed(
    """great good nice awesome perfect thanks thank excellent cool wow works worked love bad awful terrible horrible
    hate stupid ugly wrong broken damn crap fail failed error help hello yes no sorry ok okay done fixed urgent password
    reset login printer down slow crash crashed server network email mail"""
)
