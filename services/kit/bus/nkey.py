"""A seed enters; NATS' names for the key and its signatures leave. Pure.

NATS writes an Ed25519 key as base32 of a prefix, the key and a CRC-16: U… is a user's public key, SU… its seed.
"""

from __future__ import annotations

from base64 import b32encode, b64encode
from binascii import crc_hqx
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

USER = 20 << 3  # the prefix that base32 turns into U
SEED = 18 << 3  # … and S
SEED_BYTES = 32


class Nkey(NamedTuple):
    """A user's key, by its 32 secret bytes. The server knows the public half: its configuration is no secret."""

    secret: bytes

    @property
    def public(self) -> str:
        """What stands in the server's configuration."""
        return _written(bytes((USER,)) + self._key.public_key().public_bytes_raw())

    @property
    def seed(self) -> str:
        """What a client's nkeyAuthenticator takes. Secret."""
        return _written(bytes((SEED | USER >> 5, (USER & 31) << 3)) + self.secret)

    def signed(self, nonce: str) -> bytes:
        """The answer to the server's nonce."""
        return b64encode(self._key.sign(nonce.encode()))

    @property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.secret)


def _written(raw: bytes) -> str:
    return b32encode(raw + crc_hqx(raw, 0).to_bytes(2, "little")).decode().rstrip("=")
