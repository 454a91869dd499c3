"""(Secret, id, timestamp, body) -> a Standard Webhooks signature; a secret <-> its text. Pure."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Final

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32


def write_secret(secret: bytes) -> str:
    """How a receiver is given its secret, once."""
    return PREFIX + b64encode(secret).decode()


def read_secret(text: str) -> bytes:
    """What `write_secret` wrote."""
    return b64decode(text.removeprefix(PREFIX), validate=True)


def signature(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """v1 and the base64 of HMAC-SHA-256 over `<id>.<seconds since 1970>.<body>`."""
    signed = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    return "v1," + b64encode(hmac.digest(secret, signed, "sha256")).decode()


def headers(secrets: Iterable[bytes], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers. While a secret is being rotated both sign, and the receiver may know either."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(secret, message_id, timestamp, body) for secret in secrets),
    }
