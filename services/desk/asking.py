"""What is known of a case enters, the questions whose answers are missing leave. Pure.

Asking for what somebody has told already says that nobody read it. So a question stands only where the requester's
words, files and fields do not answer it, and where no colleague has asked it before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from services.desk.lines import opened
from services.desk.shapes import TicketEvent

QUESTIONS_MAX: Final = 5  # more at once is a form, and gets half an answer
READ_MAX: Final = 20_000  # characters of the requester's words

PICTURE: Final = re.compile(r"\.(png|jpe?g|gif|webp|heic|bmp|mp4|mov|webm)$", re.IGNORECASE)
LOG: Final = re.compile(r"\.(log|txt|har|evtx|zip|gz)$", re.IGNORECASE)


@dataclass(frozen=True)
class Question:
    """What is missing, in two words for the button and as a sentence for the letter."""

    code: str
    label: str
    text: str


def _known(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.MULTILINE)


KINDS: Final[dict[str, tuple[Question, re.Pattern[str]]]] = {
    code: (Question(code, label, text), _known(known))
    for code, label, text, known in (
        ("goal", "what they want to do", "What are you trying to do?", r"\b(trying|want|wanted|need|attempt\w*) to\b"),
        (
            "message", "the message on screen", "Which message do you see, word for word?",
            r"“[^”]{4,}”|\"[^\"]{4,}\"|\berror[ :]*(code )?[\w.-]*\d|\b(says|reads|message is)\b|\b[45]\d\d[ -]\d\.\d",
        ),
        (
            "steps", "the steps", "What do you do just before it happens, step by step?",
            r"\b(when(ever)?|after|as soon as|each time|every time) (i|we|you|they)\b|"
            r"^\s*(1[.)]|- )|\bi (click|press|open)",
        ),
        (
            "since", "since when", "Since when does it happen, and did anything change then?",
            r"\b(since|yesterday|this (morning|afternoon|week)|last (night|week|month)|today|\d{1,2}[:.]\d\d|"
            r"(mon|tues|wednes|thurs|fri|satur|sun)day|after the (update|move|change))\b",
        ),
        (
            "who", "who else", "Does it happen to colleagues too, or to you alone?",
            r"\b(all of us|every(one|body)|colleagues?|only me|just me|nobody|no one|the whole|"
            r"our (team|office|floor))\b",
        ),
        ("screenshot", "a screenshot", "Could you send a picture of the screen when it happens?", r"\bscreenshot\b"),
        (
            "logs", "the log file", "Could you attach the log file of that day?",
            r"\blog ?files?\b|\blogs? (is|are) attached",
        ),
        (
            "version", "the version", "Which version of the program, and of the browser or system, do you use?",
            r"\bv(ersion)? ?\.?\d|\bwindows (1[01]|7|8)|\bmac ?os\b|\bios ?\d|\bandroid ?\d|\bbuild \d|"
            r"\b(chrome|firefox|safari|edge)\b",
        ),
        (
            "place", "where they connect", "Where are you when it happens, and do you connect by cable or Wi-Fi?",
            r"\b(office|home|wi-?fi|wlan|cable|hotel|train|branch|floor)\b",
        ),
        (
            "address", "the addresses and time", "From which address to which one was it sent, and when?",
            r"[\w.+-]+@[\w-]+\.\w+",
        ),
        (
            "device", "the device", "Which device is it? Its name or number stands on the label.",
            r"\b[A-Z]{2,}[- ]?\d{2,}|\bserial\b|\b(copier|printer|scanner|laptop|phone) (on|in|at|of) ",
        ),
        (
            "account", "the account", "Which account name do you use? Please never send us a password.",
            r"[\w.+-]+@[\w-]+\.\w+|\b(account|user ?name|login) (is|name)\b",
        ),
        ("number", "the number", "Which invoice or order is it, by its number?", r"\b\d{4,}\b"),
        (
            "record", "the record", "Which record or file is it, and what should stand there instead?",
            r"\b(record|file|row|report|entry) (named|called|number|no\.?|\d|“|\")|\.(xlsx?|csv|pdf|docx?)\b",
        ),
    )
}  # fmt: skip

GENERAL: Final = ("goal", "steps", "message")
FITTING: Final[dict[str, tuple[str, ...]]] = {
    "network": ("message", "since", "who", "place", "logs"),
    "vpn": ("message", "since", "place", "version", "logs"),
    "email": ("message", "address", "since", "who", "screenshot"),
    "printing": ("device", "message", "since", "who", "screenshot"),
    "access": ("account", "message", "steps", "since", "screenshot"),
    "billing": ("number", "record", "screenshot"),
    "hardware": ("device", "since", "steps", "screenshot"),
    "telephony": ("device", "since", "who", "place"),
    "application": ("steps", "message", "version", "screenshot", "logs"),
    "data": ("record", "steps", "since", "screenshot"),
    "security": ("since", "account", "message", "screenshot"),
    "request": ("goal", "since"),
}
"""By what a case is about, in the order in which the answers help."""
CALLED: Final = {
    "mail": "email", "e-mail": "email", "print": "printing", "printer": "printing", "login": "access",
    "account": "access", "invoice": "billing", "wifi": "network", "internet": "network", "remote": "vpn",
    "software": "application", "website": "application", "web": "application", "phone": "telephony",
    "report": "data", "database": "data", "device": "hardware",
}  # fmt: skip


def about(events: Sequence[TicketEvent], category: str | None) -> str | None:
    """What a case is about, as far as there are questions that fit it: by category, then by what triage says."""
    found = next((event.data for event in reversed(events) if event.type == "ticket.classified"), {})
    candidates = (category, found.get("service"), found.get("category"))
    for word in (word for name in candidates for word in re.split(r"[^a-z-]+", str(name or "").lower())):
        if CALLED.get(word, word) in FITTING:
            return CALLED.get(word, word)
    return None


def questions(events: Sequence[TicketEvent], category: str | None) -> tuple[Question, ...]:
    """What is still to be asked, the most helpful first."""
    said, files = _said(events), _files(events)
    asked = " ".join(_texts(event for event in events if event.type == "ticket.reply_sent"))
    wanted = FITTING.get(about(events, category) or "", GENERAL)
    missing = (KINDS[code] for code in wanted)
    return tuple(
        question
        for question, known in missing
        if question.text not in asked and not known.search(said) and not _attached(question.code, files)
    )[:QUESTIONS_MAX]


def letter(asked: Sequence[Question]) -> str:
    """All of them as one paragraph."""
    if not asked:
        return ""
    lines = "\n".join(f"– {question.text}" for question in asked)
    return f"So that we can help you quickly, please tell us:\n{lines}\n"


def _said(events: Sequence[TicketEvent]) -> str:
    """The requester's words, with the form's answers."""
    born = next((event.data for event in events if event.type == "ticket.submitted"), {})
    answers = born.get("answers") or {}
    told = [
        opened(born.get("subject")),
        *(f"{name} is {opened(text)}" for name, text in answers.items() if opened(text)),
    ]
    heard = _texts(event for event in events if event.type in ("ticket.submitted", "ticket.message_received"))
    return "\n".join([*(text for text in told if text), *heard])[:READ_MAX]


def _texts(events: Iterable[TicketEvent]) -> list[str]:
    return [text for event in events if (text := opened(event.data.get("body")))]


def _files(events: Sequence[TicketEvent]) -> list[str]:
    return [
        name
        for event in events
        for file in event.data.get("attachments") or ()
        if isinstance(file, dict) and (name := opened(file.get("name")))
    ]


def _attached(code: str, files: Sequence[str]) -> bool:
    pattern = {"screenshot": PICTURE, "logs": LOG}.get(code)
    return pattern is not None and any(pattern.search(name) for name in files)
