"""(session secret, ticket id) -> the key that opens one ticket to its requester without a login. Pure."""

from __future__ import annotations

import hmac
from uuid import UUID

KEY_CHARACTERS = 32  # 128 bits: the link is the whole secret of a guest


def guest_key(secret: bytes, ticket: UUID) -> str:
    """The key of a ticket's link: HMAC-SHA-256, cut to 32 hex characters; nobody else can make it."""
    return hmac.digest(secret, b"daybook guest ticket " + ticket.bytes, "sha256").hex()[:KEY_CHARACTERS]


def guest_key_fits(secret: bytes, ticket: UUID, key: str) -> bool:
    """Whether a key opens this ticket, in constant time."""
    return hmac.compare_digest(guest_key(secret, ticket).encode(), key.encode("utf-8", "replace"))


def track_url(address: str, client: str, reference: str, key: str) -> str:
    """Where a requester follows a ticket; `address` is the desk's, without a slash at its end."""
    return f"{address}/portal/{client}/tickets/{reference}?key={key}"
