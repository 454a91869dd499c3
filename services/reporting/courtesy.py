"""A text -> the same without greeting and sign-off; and which words are mere courtesy. Pure.

A greeting is a short first line that ends like one ("Buenos días:") or consists of such words alone; a sign-off is a
short line with such a word, or that ends in a comma, near the end, and what follows it. So the layout of a letter is
known in any language, and the words of ten.
"""

from __future__ import annotations

import re
from typing import Final

from services.reporting.closeness import folded

LINE_MAX: Final = 7  # words of a greeting or of a line of a sign-off
TAIL_MAX: Final = 6  # lines of a sign-off
GREETING_ENDS: Final = (",", ":", "!", "،", "，", "：", "！", "、")
NAMED_MAX: Final = 3  # words of a line that only its comma makes a sign-off, and lines from it on
SIGNOFF_ENDS: Final = (",", "،", "，", "、")
OPENING: Final = re.compile(r"[^\w\n]*((?:[^\W\d_]+[ \t]+){0,3}[^\W\d_]+)[,:!.]\s+")
WORD: Final = re.compile(r"[^\W_]+")


def folds(words: str) -> frozenset[str]:
    return frozenset(folded(word) for word in words.split())


COURTESY: Final = folds(
    """
    hello hi hey dear sir madam sirs greetings morning afternoon evening everyone folks regards kind best wishes
    sincerely faithfully truly yours cheers thank thanks thankful please cordially respectfully
    hallo guten moin servus liebe lieber liebes sehr geehrte geehrter geehrten damen herren freundlichen
    freundliche grüße grüßen gruß grüsse viele schöne herzliche danke vielen dank bitte hochachtungsvoll
    bonjour bonsoir salut madame monsieur messieurs mesdames cher chère chers cordialement merci beaucoup
    sincères salutations distinguées amicalement
    ciao salve buongiorno buonasera gentile gentili egregio spettabile cordiali saluti saluto distinti cordialmente
    grazie anticipo
    hola buenos buenas días tardes noches estimado estimada estimados estimadas saludo saludos cordial cordiales
    atentamente gracias antemano muchas señor señora señores
    olá prezado prezada prezados atenciosamente cumprimentos obrigado obrigada
    geachte goedemorgen goedemiddag goedenavond groet groeten vriendelijke bedankt alvast hoogachtend
    hej hei hallå vänliga hälsningar hälsning mvh vennlig hilsen venlig tack takk tak
    dzień dobry witam szanowni państwo pozdrawiam pozdrowienia poważaniem dziękuję dobrý den děkuji pozdravem
    merhaba iyi günler saygılarımla teşekkürler
    здравствуйте уважением спасибо привет вітаю дякую
    """
)
"""Without their accents: what is compared with them is folded too."""

SMALL: Final = folds(
    """
    a an the and to in for of you your all everyone there good best warm many day advance team support y e et und im für
    mit con com med og och de del d à l la toute tous équipe tag morgen abend beste bien bom boa dia tarde noite caro
    cara god dag kveld mille voraus avance desde já добрый день
    """
)
"""Words that may stand beside courtesy, and say something elsewhere."""


def is_courtesy(word: str) -> bool:
    return folded(word) in COURTESY


def matter_of(body: str) -> str:
    """A text without its greeting and sign-off. What is nothing else stays as it is."""
    lines = [line for line in body.split("\n") if line.strip()]
    if len(lines) > 1 and _greets(lines[0]):
        lines = lines[1:]
    lines = lines[: _signed_at(lines)]
    text = "\n".join(lines)
    if opening := OPENING.match(text):  # "Good morning, the printer …", on one line
        text = text[opening.end() :] if _polite(opening.group(1)) else text
    return text or body


def _greets(line: str) -> bool:
    words = WORD.findall(line)
    return len(words) <= LINE_MAX and (line.rstrip().endswith(GREETING_ENDS) or _polite(line))


def _polite(text: str) -> bool:
    """Whether courtesy is all that is said."""
    words = [folded(word) for word in WORD.findall(text)]
    return any(word in COURTESY for word in words) and all(word in COURTESY or word in SMALL for word in words)


def _signed_at(lines: list[str]) -> int:
    """At which line the sign-off begins: never the first."""
    for at in range(max(1, len(lines) - TAIL_MAX), len(lines)):
        tail = lines[at:]
        if (_courteous(tail[0]) or _named(tail)) and all(_is_short(line) for line in tail):
            return at
    return len(lines)


def _named(tail: list[str]) -> bool:
    """Whether a few words and a comma stand above a name, whatever the language."""
    ends = tail[0].rstrip().endswith(SIGNOFF_ENDS) and len(WORD.findall(tail[0])) <= NAMED_MAX
    return ends and 1 < len(tail) <= NAMED_MAX


def _courteous(line: str) -> bool:
    """Whether half of the words at least are courtesy: "Danke und Gruß", "Un saludo"."""
    words = [folded(word) for word in WORD.findall(line)]
    telling = [word for word in words if word not in SMALL and len(word) > 2]
    return bool(telling) and 2 * sum(word in COURTESY for word in telling) >= len(telling)


def _is_short(line: str) -> bool:
    return len(WORD.findall(line)) <= LINE_MAX and not any(letter.isdigit() for letter in line)
