"""An address on the net -> whether a webhook may lead there. Pure.

Whoever may make a webhook can make this desk send requests. They must not reach what only the desk can reach: its own
machine, its neighbours, the metadata service of a cloud.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

URL_CHARACTERS_MAX: Final = 2_000
ALL: Final = "all"
NAT64: Final = ip_network("64:ff9b::/96")
# What is not public although Python 3.11 calls it global: IANA's private block whole (a cloud's metadata service lies
# in it), the relays of 6to4, another cloud's own server, and site-local addresses.
NOT_PUBLIC: Final = tuple(
    ip_network(text) for text in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "100.64.0.0/10", "fec0::/10")
)
EVERY: Final[Sequence[Network]] = (ip_network("0.0.0.0/0"), ip_network("::/0"))


PRIVATE: Final = "the target lies in a private network that the desk's owner has not allowed (DAYBOOK_WEBHOOK_PRIVATE)"


class BadTarget(ValueError):
    """A URL to which no webhook may lead. The sentence says why."""


def networks(text: str) -> Sequence[Network]:
    """The private networks of a setting: `10.20.0.0/16, fd00::/8`, or `all`. Raises ValueError."""
    if text.strip() == ALL:
        return EVERY
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def may_reach(address: Address, allowed: Sequence[Network], *, public: bool = True) -> bool:
    """Whether an address is public (where `public` will do), or lies in a network that the desk's owner allows. What an
    IPv6 address wraps is what counts."""
    inner = _inner(address)
    if inner is not None:
        return may_reach(inner, allowed, public=public)
    if (
        public
        and address.is_global
        and not (address.is_multicast or address.is_reserved or _within(address, NOT_PUBLIC))
    ):
        return True
    return _within(address, allowed)


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _inner(address: Address) -> IPv4Address | None:
    """The IPv4 address that a translating or tunnelling IPv6 address leads to."""
    if isinstance(address, IPv4Address):
        return None
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def check_url(url: str, allowed: Sequence[Network]) -> None:
    """Raises BadTarget. What a name leads to is judged when it is connected to; plain HTTP leads into allowed networks
    only."""
    if len(url) > URL_CHARACTERS_MAX or not url.isascii() or any(character <= " " for character in url):
        raise BadTarget(f"a URL is at most {URL_CHARACTERS_MAX} ASCII characters, without blanks")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise BadTarget("the URL has no host or port that can be read") from None
    if parts.scheme not in ("https", "http") or not host or port == 0:
        raise BadTarget("the URL must begin with https:// and name a host")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise BadTarget("the URL must hold no password and no fragment: the signature says who sends")
    if parts.scheme == "http" and not allowed:
        raise BadTarget("the URL must begin with https://")
    try:
        literal = ip_address(host)
    except ValueError:
        return
    if not may_reach(literal, allowed, public=parts.scheme == "https"):
        raise BadTarget(PRIVATE)
