"""What the requester chose, what the form says, what the text says -> category and service, with confidence. Pure.

A choice counts more than a form's field, and both more than words. Words name one of a few services that every desk
knows; where two are named alike, or none clearly, the answer is “unsure”: no category, and the candidates with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from services.triage.words import plain

RULE_VERSION: Final = "category-2"
READ_MAX: Final = 3_000  # characters
CHOSEN: Final = 0.95
BY_FORM: Final = 0.9
SURE_FROM: Final = 0.55
SUBJECT_WEIGHT: Final = 2.0
DOUBT: Final = 0.8  # hits that might be chance, beside those that were found
WORDS_KEPT: Final = 5

Source = Literal["choice", "form", "text", "unsure"]

WORDS: Final = {
    "access": r"""log ?in;log(?:ged)? ?(?:on|out);sign(?:ed|ing)?[ -]?(?:in|on);password\w*;passcode\w*
        locked out
        account (?:is )?(?:locked|blocked);two[- ]factor;2fa;mfa;authenticator;permission\w*;access denied
        credential\w*
        anmeld\w*;kennwort\w*;passwort\w*;zugang\w*;zugriff\w*;gesperrt;mot de passe;connexion;accesso
        contraseña""",
    "email": r"""e-?mails?;emails?;mails?;inbox\w*;outlook;mailbox\w*;smtp;imap;thunderbird;attachment\w*;spam folder
        postfach\w*
        e-mails;courriel\w*;posta elettronica;correo""",
    "network": r"""network\w*;wi-?fi;wlan;internet;router\w*;switch port;dns;dhcp;lan;ping;packet loss
        bandwidth;firewall
        netzwerk\w*;réseau;rete;red local""",
    "vpn": r"""vpn\w*;remote access;tunnel;anyconnect;wireguard;openvpn""",
    "printing": r"""print(?:er|ers|ing|s|ed)?;toner;scanner\w*;scan(?:ning)?;paper jam;drucker\w*;imprimante\w*
        stampante
        impresora\w*""",
    "billing": r"""invoice\w*;bill(?:ed|ing|s)?;charg(?:e|ed|es) (?:me|us|twice);refund\w*;payment\w*
        subscription\w*;overcharg\w*
        rechnung\w*;erstattung\w*;zahlung\w*;facture\w*;fattura;factura""",
    "hardware": r"""laptop\w*;notebook\w*;monitor\w*;keyboard\w*;mouse;docking;battery;hard (?:disk|drive);ssd
        webcam\w*;headset\w*
        bildschirm\w*;tastatur\w*;maus;akku""",
    "telephony": r"""phone (?:line|system)\w*;desk phone\w*;voicemail;voip;sip;softphone
        call (?:drops?|quality)\w*;telefon\w*""",
    "application": r"""app(?:lication)?s?;software;program;browser\w*;crash\w*;freez\w*;web ?site;page
        dashboard;button\w*;update\w*
        install\w*;version;anwendung\w*;programm\w*;stürzt ab;absturz\w*""",
    "data": r"""database\w*;report\w*;export\w*;import\w*;backup\w*;restore\w*;records?;spreadsheet\w*;sql
        datenbank\w*;bericht\w*
        sicherung\w*""",
    "security": r"""phish\w*;malware;virus\w*;ransomware;hacked;breach\w*;suspicious;compromised;trojan\w*
        schadsoftware""",
    "request": r"""request (?:for )?(?:a )?new;order (?:a|new);new (?:employee|starter|hire|joiner)\w*
        onboarding;feature request
        would like to (?:have|order|request);could we get;bestell\w*;neue[rn]? mitarbeiter\w*""",
}


WORD_START: Final = re.compile(r"\b\w")


def _index() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """First two letters -> the services that have words so beginning, and those words: most words have none."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, table in WORDS.items():
        for phrase in table.replace("\n", ";").split(";"):
            if phrase.strip():
                found.setdefault(phrase.strip()[:2], {}).setdefault(name, []).append(phrase.strip())
    return {
        start: [(name, re.compile(rf"(?:{'|'.join(phrases)})(?!\w)")) for name, phrases in services.items()]
        for start, services in found.items()
    }


INDEX: Final = _index()


class Classified(NamedTuple):
    """A category and service, how sure, from what, the words that speak for it, and what else was considered."""

    category: str | None
    service: str | None
    confidence: float
    source: Source
    words: tuple[str, ...] = ()
    candidates: tuple[tuple[str, float], ...] = ()


UNSURE: Final = Classified(None, None, 0.0, "unsure")


def classify(subject: str, body: str, category: str | None = None, service: str | None = None) -> Classified:
    """The category and service of a ticket; `category` as chosen, `service` as the form's field gives it."""
    chosen, field = (category or "").strip() or None, (service or "").strip() or None
    named = from_text(subject, body)
    if chosen is not None:
        return named._replace(category=chosen, service=field or chosen, confidence=CHOSEN, source="choice")
    if field is not None:
        return named._replace(category=field, service=field, confidence=BY_FORM, source="form")
    return named


def from_text(subject: str, body: str) -> Classified:
    """What the words alone say."""
    points: dict[str, float] = {}
    words: dict[str, list[str]] = {}
    for text, weight in ((subject, SUBJECT_WEIGHT), (body, 1.0)):
        for name, said in _named(plain(text[: READ_MAX * 2])[:READ_MAX].lower()):
            mine = words.setdefault(name, [])
            if said not in mine:  # a word said ten times says it once
                mine.append(said)
                points[name] = points.get(name, 0.0) + weight
    if not points:
        return UNSURE
    total = sum(points.values()) + DOUBT
    shares = [(name, round(count / total, 2)) for name, count in points.items()]
    ranked = sorted(shares, key=lambda one: (-one[1], one[0]))
    best, confidence = ranked[0]
    if confidence < SURE_FROM:
        return Classified(None, None, confidence, "unsure", (), tuple(ranked[:3]))
    return Classified(best, best, confidence, "text", tuple(words[best][:WORDS_KEPT]), tuple(ranked[:3]))


def _named(lower: str) -> Iterator[tuple[str, str]]:
    """Each service that a text names, with the words that name it, from left to right; none within another."""
    end = 0
    for start in WORD_START.finditer(lower):
        place = start.start()
        if place < end:
            continue
        for name, pattern in INDEX.get(lower[place : place + 2], ()):
            match = pattern.match(lower, place)
            if match is not None:
                end = match.end()
                yield name, match.group()
                break
