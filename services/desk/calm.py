"""A requester's tone and its degree enter; how it is called, and what calms, leave. Pure.

The advice is for the agent alone. What an answer may begin with is formal by default, and warmer the more it is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.desk import words
from services.desk.lines import opened
from services.desk.shapes import TicketEvent

ADVICE = {
    "angry": (
        "Say first what went wrong for them, then what you do now and by when. No excuse, no “but”, and no blame.",
        "I am sorry for the trouble that this has caused you. I have your request now and stay with it.",
    ),
    "frustrated": (
        "Show that you read everything: name what they tried already, and do not ask for it again.",
        "Thank you for what you have tried already, and I am sorry that it still does not work.",
    ),
    "confused": (
        "One step at a time, in plain words. Say what they will see after each step.",
        "Thank you for asking. Let us go through it step by step.",
    ),
    "urgent": (
        "Begin with what helps at once, a way around if there is one. The cause can follow.",
        "Thank you for telling us at once. I am working on it now.",
    ),
    "satisfied": ("A short and warm answer is enough. Say how to come back.", "Thank you for your kind words."),
}
FORMAL = ("Formal and plain: what was found, and what happens next.", "Thank you for your message.")


@dataclass(frozen=True)
class Heard:
    """A tone: its name with its degree, the requester's words that show it, what to do about it, how to begin."""

    tone: str
    title: str
    words: tuple[str, ...]
    advice: str
    opener: str

    @property
    def stands_out(self) -> bool:
        return self.tone not in words.CALM_TONES


def heard(events: Sequence[TicketEvent], name: str | None = None) -> Heard:
    """The newest tone of a ticket's events; `name` is who is answered. Where none was heard, the formal way."""
    told = next((event.data for event in reversed(events) if event.type == "ticket.tone_detected"), {})
    tone = str(told.get("tone") or "unknown")
    shown = tuple(text for text in map(opened, told.get("words") or ()) if text)
    advice, sentence = ADVICE.get(tone, FORMAL)
    greeting = f"Dear {name},\n\n{sentence}\n\n" if name else f"{sentence}\n\n"
    return Heard(tone, words.tone(tone, float(told.get("degree") or 0)), shown, advice, greeting)
