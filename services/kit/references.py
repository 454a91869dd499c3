"""A ticket's reference as people write it (ACME-1042, acme-1042, ACME-01042) -> its prefix and number. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple
from uuid import UUID

WRITTEN = re.compile(r"([A-Za-z][A-Za-z0-9]{1,9})-([0-9]{1,18})")


class Reference(NamedTuple):
    """The client's prefix, in upper case as it is registered, and the ticket's number within the client."""

    prefix: str
    number: int

    def __str__(self) -> str:
        return f"{self.prefix}-{self.number}"


def read_reference(text: str) -> Reference | None:
    """The reference that a text is; None where it is none."""
    match = WRITTEN.fullmatch(text)
    return None if match is None else Reference(match[1].upper(), int(match[2]))


def read_id(text: str) -> UUID | None:
    """The id that a text is; None where it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None
