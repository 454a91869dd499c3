"""Settings, or secrets.json as it is now -> the desk's master keys, which wrap and open other keys. I/O: that file.

There is one current key, which wraps, and while it is being changed a second one, which only opens. Where the keys
stand in secrets.json they are read again every REREAD_SECONDS, and at once where a key does not open: so a running
service takes part in `daybook keys rotate` without a restart. Given by the environment, they are what the process was
started with.
"""

from __future__ import annotations

import hmac
import json
import os
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from services.kit.settings import Settings

REREAD_SECONDS: Final = 15.0  # a rotation waits longer than this before it takes the old key away
NONCE_BYTES: Final = 12
VARIABLE: Final = "DAYBOOK_MASTER_KEY"
SECRETS_FILE: Final = "secrets.json"


class WrongMasterKey(Exception):
    """No master key at hand opens what the desk's master key has wrapped."""


class MasterKeys(NamedTuple):
    """`current` wraps and opens; `second`, while there are two, only opens."""

    current: bytes
    second: bytes | None = None


class Keyring:
    """Wraps and opens keys. One per process."""

    def __init__(self, read: Callable[[], MasterKeys], monotonic: Callable[[], float]) -> None:
        self._read = read
        self._monotonic = monotonic
        self._keys = read()
        self._read_at = monotonic()

    @classmethod
    def of(cls, master_key: bytes) -> Keyring:
        """One key that stays."""
        return cls(lambda: MasterKeys(master_key), lambda: 0.0)

    @property
    def keys(self) -> MasterKeys:
        """The keys in force, at most REREAD_SECONDS old."""
        if self._monotonic() - self._read_at >= REREAD_SECONDS:
            self._reread()
        return self._keys

    def wrap(self, identity: bytes, key: bytes, nonce: bytes) -> bytes:
        """A key under the current master key, bound to whose it is."""
        return wrap(self.keys.current, identity, key, nonce)

    def unwrap(self, identity: bytes, wrapped: bytes) -> bytes:
        """The key again. Raises WrongMasterKey."""
        for _ in range(2):
            for master in self._keys:
                key = None if master is None else opened(master, identity, wrapped)
                if key is not None:
                    return key
            self._reread()
        raise WrongMasterKey(
            f"this desk's keys are wrapped by another master key: set {VARIABLE} to it, or bring its secrets.json back"
        )

    def _reread(self) -> None:
        self._keys, self._read_at = self._read(), self._monotonic()


def keyring(settings: Settings, monotonic: Callable[[], float]) -> Keyring:
    """The keyring of a process, whose settings have just been loaded."""
    given = MasterKeys(settings.master_key_bytes, _bytes(settings.second_master_key.get_secret_value()))
    path = settings.home / SECRETS_FILE
    kept = None if VARIABLE in os.environ else kept_keys(path)
    if kept is None or given.current not in kept:
        return Keyring(lambda: given, monotonic)
    return Keyring(lambda: kept_keys(path) or given, monotonic)


def kept_keys(path: Path) -> MasterKeys | None:
    """The master keys in a secrets.json; None where there is none."""
    try:
        kept = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    current = _bytes(kept.get("master_key", ""))
    return None if current is None else MasterKeys(current, _bytes(kept.get("second_master_key", "")))


def _bytes(text: str) -> bytes | None:
    return b64decode(text) if text else None


def wrap(master: bytes, identity: bytes, key: bytes, nonce: bytes) -> bytes:
    """nonce + AES-256-GCM of the key, which only opens for the same identity. Pure."""
    return nonce + AESGCM(master).encrypt(nonce, key, identity)


def opened(master: bytes, identity: bytes, wrapped: bytes) -> bytes | None:
    """The key inside, or None where this master key did not wrap it for this identity. Pure."""
    try:
        return AESGCM(master).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], identity)
    except (InvalidTag, ValueError):
        return None


def derived(master: bytes, purpose: str) -> bytes:
    """A key of its own for a purpose, from which the master key can't be told. Pure."""
    return hmac.digest(master, purpose.encode(), "sha256")
