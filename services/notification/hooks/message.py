"""An event and a webhook -> the signed request for its receiver. I/O for keys alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson

from contracts.envelope import Recorded, cloud_attributes
from contracts.model import Event
from services.kit.keyring import Keyring
from services.kit.personal import Vault
from services.notification.hooks import sign

CONTENT_TYPE: Final = "application/cloudevents+json"


class Kept(NamedTuple):
    """A secret as it is kept: wrapped by the master key, valid until an instant."""

    name: str
    wrapped: bytes
    ends_at: datetime | None


async def body_of(event: Recorded[Event], vault: Vault, *, opened: bool) -> bytes:
    """The event as a CloudEvent; personal text sealed, or opened where the webhook may have it."""
    shown: Any = cloud_attributes(event) | {"data": event.data.model_dump(mode="json", exclude_none=True)}
    return orjson.dumps(await vault.open_json(shown) if opened else shown, default=str)


def signed(message_id: str, body: bytes, secrets: Sequence[Kept], ring: Keyring, now: datetime) -> dict[str, str]:
    """Every header of the request. The same event has the same id for ever, however often it is sent."""
    keys = [
        ring.unwrap(secret.name.encode(), secret.wrapped)
        for secret in secrets
        if secret.ends_at is None or secret.ends_at > now
    ]
    return {"content-type": CONTENT_TYPE, **sign.headers(keys, message_id, int(now.timestamp()), body)}
