"""What those affected are told of an incident when nobody has said anything yet, in their language. Pure.

No client, no number of others, no cause: only that it is known, and that they will hear.
"""

from __future__ import annotations

from typing import Final

KNOWN: Final = {
    "en": "This is part of a wider problem that we know of and are working on. You need not do anything; "
    "we will write to you again as soon as there is news.",
    "de": "Dies gehört zu einer größeren Störung, die wir kennen und an der wir arbeiten. Sie müssen nichts tun; "
    "wir schreiben Ihnen wieder, sobald es Neues gibt.",
    "fr": "Ceci fait partie d'un problème plus large que nous connaissons et sur lequel nous travaillons. Vous n'avez "
    "rien à faire ; nous vous écrirons dès qu'il y aura du nouveau.",
    "es": "Esto forma parte de un problema más amplio que conocemos y en el que trabajamos. No tiene que hacer nada; "
    "le escribiremos en cuanto haya novedades.",
    "it": "Questo fa parte di un problema più ampio che conosciamo e su cui stiamo lavorando. Non deve fare nulla; "
    "le scriveremo appena ci saranno novità.",
}


def known_words(language: str | None) -> str:
    """The words for a reader of this language, else in English."""
    return KNOWN.get((language or "en").lower().replace("_", "-").partition("-")[0], KNOWN["en"])
