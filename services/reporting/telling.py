"""How far a receiver of signals is <-> the id of a server-sent event. Pure.

Positions tell how much every lane has grown, so the neighbours' volume: only who sees all clients reads them. For
everybody else they are sealed, always to the same length, and only what was sealed here is read back.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from struct import Struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from contracts.subjects import LANES
from services.kit.log.places import Positions, read_positions, write_positions

TEXT_MAX = 400  # characters: sixteen positions of sixteen digits, or the same sealed
PACKED = Struct(f">{LANES}Q")


class Ids:
    """Ids of one desk. Sealing is deterministic (AES-SIV), so it needs no randomness and equal places look equal."""

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESSIV(hmac.digest(secret, b"daybook stream ids", "sha256"))

    def write(self, at: Positions, clients: frozenset[str] | None) -> str:
        """The id for a receiver of these clients; None: of all."""
        if clients is None:
            return write_positions(at)
        sealed = self._cipher.encrypt(PACKED.pack(*at), None)
        return urlsafe_b64encode(sealed).decode()

    def read(self, text: str, clients: frozenset[str] | None) -> Positions | None:
        """What `write` wrote; None for anything else: then the stream begins now."""
        if len(text) > TEXT_MAX:
            return None
        if clients is None:
            return read_positions(text)
        try:
            return PACKED.unpack(self._cipher.decrypt(urlsafe_b64decode(text), None))
        except (ValueError, InvalidTag):
            return None
