"""Commands and events of a client (an organisation that the desk serves). Pure data."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from contracts.model import ClientId, Command, Event, Word

Prefix = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]{1,9}$")]
"""What stands before the number in a ticket's reference: the ACME of ACME-1042."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class Tier(StrEnum):
    """How much service a client has bought, least first."""

    BASIC = "basic"
    STANDARD = "standard"
    PREMIUM = "premium"


class PutClient(Command):
    """Registers a client or changes it. A prefix can't be changed once a ticket bears it."""

    name: Name
    prefix: Prefix
    zone: str = Field(default="Etc/UTC", max_length=64, description="IANA time zone")
    tier: Tier = Tier.STANDARD
    languages: tuple[Word, ...] = Field(default=("en",), max_length=20)
    practice: bool = Field(default=False, description="a sandbox: nothing leaves the desk")


class ClientRegistered(Event):
    type: ClassVar[str] = "client.registered"
    client: ClientId
    name: str
    prefix: str
    zone: str
    tier: Tier
    languages: tuple[str, ...] = ("en",)
    practice: bool = False


class ClientChanged(Event):
    type: ClassVar[str] = "client.changed"
    client: ClientId
    name: str
    prefix: str
    zone: str
    tier: Tier
    languages: tuple[str, ...] = ("en",)
    practice: bool = False
