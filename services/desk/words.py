"""Codes of the contracts enter, the words that people read leave. Pure."""

from __future__ import annotations

import re

STATUSES = {
    "new": "New",
    "open": "Open",
    "waiting_for_customer": "Waiting for customer",
    "waiting_for_supplier": "Waiting for supplier",
    "resolved": "Resolved",
    "closed": "Closed",
}
UNRESOLVED = ("new", "open", "waiting_for_customer", "waiting_for_supplier")
ENDED = ("resolved", "closed")
ERASERS = ("administrator", "manager")
"""Who may erase a person's data; the API says so too."""
PRIORITIES = {"P1": "P1 – critical", "P2": "P2 – high", "P3": "P3 – normal", "P4": "P4 – low"}
CAUSES = {
    "unknown": "Not known",
    "user_error": "A mistake in use",
    "device_setting": "A browser or device setting",
    "upstream_provider": "An outside provider",
    "customer_network": "The customer's network",
    "bad_data": "Bad data",
    "our_fault": "Our fault",
}
FINDINGS = {
    "customer_can_fix": "The customer can fix it",
    "we_must_fix": "We must fix it",
    "unknown_escalated": "Unknown, and escalated",
}
STEP_RESULTS = {"did_not_help": "Did not help", "helped": "Helped", "done": "Done", "skipped": "Skipped"}
CALM_TONES = {"neutral": "Calm", "unknown": "Not known", "satisfied": "Satisfied"}
"""Tones that a page does not point at."""
TONE_STRONG, TONE_CLEAR = 0.75, 0.4  # degree, of 1
CHANNELS = {"web": "web form", "mail": "mail", "phone": "phone", "api": "API", "chat": "chat"}
SORTS = {
    "deadline": "Next deadline",
    "relevance": "Best match",
    "priority": "Priority",
    "newest": "Newest first",
    "oldest": "Oldest first",
}
CLOSE_REASONS = {
    "done": "Done",
    "duplicate": "A duplicate",
    "no_answer": "No answer from the requester",
    "withdrawn": "Withdrawn by the requester",
    "spam": "Spam",
}
WATCHERS = ("administrator", "manager", "lead", "auditor")
"""Roles that may see who follows the log."""
READERS = (*WATCHERS, "agent")
"""Roles that may see what is asked again and again; the API says so too."""
CHECKPOINTS = {
    "": "As the policy says",
    "1h": "In 1 hour",
    "4h": "In 4 hours",
    "tomorrow": "Tomorrow 09:00",
    "2d": "In 2 days, 09:00",
    "7d": "In a week, 09:00",
    "pick": "Pick a time…",
}


def plain(code: str | None) -> str:
    """A code without words of its own, made readable: `waiting_for_vendor` becomes `Waiting for vendor`."""
    text = (code or "").replace("_", " ").replace("-", " ").strip()
    return text[:1].upper() + text[1:]


def tone(name: str, degree: float) -> str:
    """`Very angry`, `Angry`, `Slightly angry`; a calm tone has no degree that anybody needs."""
    if name in CALM_TONES:
        return CALM_TONES[name]
    return (
        f"Very {name}" if degree >= TONE_STRONG else name.capitalize() if degree >= TONE_CLEAR else f"Slightly {name}"
    )


def status(code: str | None) -> str:
    return STATUSES.get(code or "", "") or plain(code)


def initials(name: str | None) -> str:
    """At most two letters that stand for a name."""
    parts = [part for part in (name or "").replace("-", " ").split() if part[:1].isalnum()]
    if not parts:
        return "?"
    return (parts[0][0] + (parts[-1][0] if len(parts) > 1 else "")).upper()


def hue(name: str | None) -> int:
    """One of five colours, always the same one for a name."""
    return sum(ord(letter) * (place + 1) for place, letter in enumerate(name or "")) % 5


def count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def paragraphs(text: str) -> list[str]:
    """A text at its empty lines."""
    return [part.strip("\n") for part in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").strip()) if part.strip()]
