"""(Document with lane heads, master key) -> the same, signed; and whether a signature holds. Pure.

The chain shows every change inside a lane, but not that its end was cut off: for that the heads must be known from
somewhere else. They go with exports and backups, signed by Ed25519 with a key derived from the desk's master key. It is
a signature and not an HMAC so that an auditor can check it with the public key alone: who can check an HMAC can forge
it, and would need a secret of the desk.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Collection, Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.kit.keyring import MasterKeys, derived

PURPOSE: Final = "daybook lane heads"


def _private(master_key: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(derived(master_key, PURPOSE))


def public_key(master_key: bytes) -> str:
    """What others check this desk's signatures with: base64 of 32 bytes. It changes with the master key."""
    return b64encode(_private(master_key).public_key().public_bytes_raw()).decode()


def own_keys(keys: MasterKeys) -> list[str]:
    """The public keys whose signatures are this desk's own; the current one first."""
    return [public_key(key) for key in keys if key is not None]


def signed(document: Mapping[str, Any], master_key: bytes) -> dict[str, Any]:
    """The document with `public_key` and `signature` over everything else in it."""
    private = _private(master_key)
    named = {**document, "public_key": public_key(master_key)}
    return {**named, "signature": b64encode(private.sign(_bytes(named))).decode()}


def fault(document: Mapping[str, Any], trusted: Collection[str]) -> str | None:
    """What is wrong with a signed document, in a sentence; None where a trusted key has signed exactly this."""
    if document.get("public_key") not in trusted:
        return (
            f"it is signed by {document.get('public_key')}, which is not this desk's key: give the public key of the "
            "desk that made it with --public-key, if you know it from elsewhere"
        )
    rest = {name: value for name, value in document.items() if name != "signature"}
    try:
        key = Ed25519PublicKey.from_public_bytes(b64decode(str(document["public_key"])))
        key.verify(b64decode(str(document.get("signature", ""))), _bytes(rest))
    except (InvalidSignature, ValueError):
        return "its signature does not fit: it was changed after it was signed"
    return None


def _bytes(document: Mapping[str, Any]) -> bytes:
    """One form of the same JSON, whoever writes it."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
