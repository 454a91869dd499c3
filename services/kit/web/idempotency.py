"""An Idempotency-Key and a request -> the key as it is kept, and what tells two requests under one key apart. Pure."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

from services.kit.web.problem import Problem

KEY = re.compile(rb"[\x20-\x7e]{1,200}")
REPLAYED: Final = {"idempotency-replayed": "true"}
"""Stands on an answer that was given before."""


def read_key(value: bytes) -> str:
    """The key in a header. Raises Problem."""
    if KEY.fullmatch(value) is None:
        raise Problem("bad_header", "Idempotency-Key is 1 to 200 ASCII characters", field="Idempotency-Key")
    return value.decode("ascii")


def fingerprint(method: str, path: str, body: bytes) -> bytes:
    """What a key stands for: the same bytes to the same place."""
    return sha256(f"{method} {path}\n".encode() + body).digest()


def reused() -> Problem:
    return Problem("idempotency_key_reused", "this key was sent with another body before", field="Idempotency-Key")
