"""A ticket's text -> the phrases in it that speak of urgency, by kind, with points. Pure.

A small table in five languages. Text is weak evidence beside context, so all phrases together bring few points
(`priority.WORDS_MAX`), and a kind counts once, however often it is said.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from services.kit.rules.priority import Evidence

TEXT_MAX = 20_000  # characters that are read; what is urgent stands above a long log
WORDS_KEPT = 3  # quoted for each kind

TIME = r"\d{1,2}(?:[:.]\d\d)? ?(?:am|pm|uhr|h|o'clock)?"
DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
TAG = r"(?:montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag)"

# One alternation each, a language a paragraph.
OUTAGE: Final = rf"""
(?:nobody|no one|none of us) can|(?:all|none) of us|everyone (?:is|has|gets)|outage|(?:is|are|went|completely) down
(?:whole|entire) (?:office|company|site|team|floor)|stand(?:s|ing)? still|(?:can't|cannot|can hardly) work
production (?:is|has) stopped|(?:since|seit) (?:{DAY}|{TAG})
niemand kann|alle (?:kollegen|mitarbeiter)|(?:ganze|gesamte)[rns]? (?:firma|büro|abteilung|standort)|ausfall
(?:steht|stehen) still|nichts geht mehr
personne ne peut|toute l'équipe|en panne|plus rien ne (?:marche|fonctionne)
nessuno (?:può|riesce)|tutto (?:è )?(?:fermo|bloccato)|tutti i colleghi
nadie puede|todo (?:está )?(?:parado|bloqueado)|toda la oficina
"""
SECURITY: Final = r"""
phish\w*|hacked|(?:security|data) breach|breached|malware|ransomware|virus|compromised|stolen|signed in as me
unauthori[sz]ed (?:access|login|sign-in)
gehackt|datenleck|sicherheitsvorfall|gestohlen|schadsoftware
piraté\w*|hameçonnage|volé\w*
hackerat\w+|rubat\w+|violazione dei dati
hackead\w+|robad\w+|suplantación
"""
DATA_LOSS: Final = r"""
data loss|(?:lost|losing|lose) (?:all |my |our |the )*(?:data|files|work|entries|records)|overwritten|corrupt(?:ed)?
(?:files|data|records) (?:are|is) gone|deleted by (?:mistake|accident)
datenverlust|daten (?:sind )?(?:weg|verloren)|versehentlich gelöscht|überschrieben
pertes? de données|données perdues|effacé\w* par erreur
perdita di dati|dati persi|cancellat\w+ per errore
pérdida de datos|datos perdidos|borrad\w+ por error
"""
DEADLINE: Final = rf"""
deadline|(?:by|before|until) (?:{TIME}|noon|tonight|tomorrow|{DAY}|the end of (?:the )?(?:day|week|month))
due (?:today|tomorrow|on {DAY})|customers? (?:are|is) waiting|board meet\w*
bis (?:{TIME}|heute|morgen|{TAG})|frist|stichtag
avant (?:{TIME}|midi|demain|ce soir)|échéance
entro (?:le \d+|domani|oggi|stasera)|scadenza
antes de (?:las \d+|mañana|hoy)|fecha límite|el corte es
"""
URGENT: Final = r"""
urgent\w*|asap|as soon as possible|immediately|right away|emergency|with priority
dringend\w*|sofort|umgehend|eilig
urgence|immédiatement|au plus vite
urgen(?:te|za|cia)|subito|al più presto
cuanto antes|inmediatamente
"""

NOT: Final = frozenset(
    {"not", "no", "never", "without", "isn't", "aren't", "nicht", "kein", "keine", "keinen", "ohne"}
    | {"pas", "sans", "non", "senza", "sin", "nunca", "n'est"}
)


class Kind(NamedTuple):
    code: str
    points: int
    pattern: re.Pattern[str]


def _kind(code: str, points: int, phrases: str) -> Kind:
    return Kind(code, points, re.compile(rf"\b(?:{'|'.join(phrases.strip().splitlines())})(?!\w)"))


KINDS: Final = (
    _kind("outage", 15, OUTAGE),
    _kind("security", 15, SECURITY),
    _kind("data_loss", 15, DATA_LOSS),
    _kind("deadline", 10, DEADLINE),
    _kind("urgent", 5, URGENT),
)
"""In the order in which their points are given, up to the most that words may bring."""


def evidence_in(subject: str, body: str) -> tuple[Evidence, ...]:
    """The kinds of phrase that a subject and body hold, each with the first few as they were written."""
    text = f"{subject}\n{body}"[:TEXT_MAX]
    lower = text.lower().replace("’", "'")
    if len(lower) != len(text):  # a few letters change their length when lowered; then quote the lowered text
        text = lower
    found = []
    for kind in KINDS:
        words = _found(kind, lower, text)
        if words:
            found.append(Evidence(kind.code, kind.points, words))
    return tuple(found)


def _found(kind: Kind, lower: str, text: str) -> tuple[str, ...]:
    kept: list[str] = []
    for match in kind.pattern.finditer(lower):
        words = text[match.start() : match.end()]
        if words not in kept and not _denied(lower, match.start()):
            kept.append(words)
            if len(kept) == WORDS_KEPT:
                break
    return tuple(kept)


def _denied(lower: str, start: int) -> bool:
    """Whether one of the two words before says no: “not urgent”, “kein akuter Ausfall”."""
    before = lower[max(0, start - 40) : start].split()[-2:]
    return any(word in NOT for word in before)
