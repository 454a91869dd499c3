"""An ASGI scope -> whether who asks sits at this machine, so that operators need no token for what it tells of itself.
Pure."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

FORWARDED = frozenset({b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via"})
"""A proxy on this machine asks for others."""


def asks_from_this_machine(scope: Mapping[str, Any]) -> bool:
    """Whether the request came over the loopback, and by no proxy that says so."""
    if any(name in FORWARDED for name, _ in scope["headers"]):
        return False
    client = scope.get("client")
    try:
        return client is not None and ip_address(client[0]).is_loopback
    except ValueError:
        return False
