"""A sign of an incident, in numbers -> a sentence for people. Pure."""

from __future__ import annotations

from typing import Final

KINDS: Final = {"c": "category", "s": "service", "e": "name", "w": "word", "p": "words"}
"""The first letter of the radar's keys, and what it stands for."""


def sign_sentence(kind: str, word: str, *, clients: int, tickets: int, expected: float, desk_clients: int) -> str:
    """“9 of 200 clients reported error 1252 in the last 64 tickets; 0.03 expected”."""
    usual = f"{expected:.2g}" if expected >= 0.01 else "less than 0.01"
    return (
        f"{clients} of {max(desk_clients, clients)} clients reported {kind} “{word}” "
        f"in the last {tickets} tickets; {usual} expected"
    )
