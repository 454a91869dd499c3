"""What an export consists of: the lines of its files and its manifest. Pure.

A line is one JSON object. An event's holds every stored column: payload as the exact text that was hashed, sealed
values sealed, times to the microsecond. Rows of other tables are as PostgreSQL writes a row as JSON.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from contracts.envelope import EPOCH, microseconds
from services.kit.log.walk import Stored

FORMAT: Final = "daybook-export"
VERSION: Final = 2
MANIFEST: Final = "manifest.json"

SUBSCRIBERS: Final = (
    "webhooks", "webhook_secrets", "webhook_places", "webhook_letters", "bus_subscribers", "outside_subscribers",
)  # fmt: skip
"""Who is told of events outside, how far each is, and what it did not take. Exports of version 1 have none of it."""
TABLES: Final = (
    "people", "secrets", "commands", "cursors", "dead_letters", "prefixes", "tokens", "logins", "attachments",
    "quarantine", "mails", "outbox", "mailbox", *SUBSCRIBERS,
)  # fmt: skip
"""Everything beside the events that cannot be computed again from them, in the order in which it is read back. Views
are not here: they can. Neither are sessions, which end with their desk, nor the accounts of NATS, whose public keys are
the subscribers' rows. Of tokens and logins only digests and hashes are kept anywhere, and webhooks' secrets are wrapped
by the master key; their addresses stand open."""


def tables_of(version: int) -> tuple[str, ...]:
    """The tables of a whole export of this version."""
    return TABLES if version > 1 else tuple(table for table in TABLES if table not in SUBSCRIBERS)


class BadExport(Exception):
    """A folder that is no export, or not one that can be used here: one sentence, with the remedy."""


def events_file(lane: int) -> str:
    return f"events/lane-{lane:02}.ndjson"


def client_file(client: str) -> str:
    return f"events/{client}.ndjson"


def table_file(table: str) -> str:
    return f"{table}.ndjson"


def event_line(event: Stored, previous: bytes | None = None) -> bytes:
    """An event as a line of its file. `previous`: the hash before it, where the events between are left out."""
    row: dict[str, Any] = {
        "lane": event.lane,
        "position": event.position,
        "client": event.client,
        "sequence": event.sequence,
        "number": event.number,
        "stream": str(event.stream),
        "version": event.version,
        "id": str(event.id),
        "type": event.type,
        "schema_version": event.schema_version,
        "actor": event.actor,
        "causation": event.causation,
        "origin": event.origin,
        "occurred_at": instant(event.occurred_us),
        "recorded_at": instant(event.recorded_us),
        "trace": event.trace,
        **_payload(event.payload),
        "hash": event.hash.hex(),
    }
    if previous is not None:
        row["previous"] = previous.hex()
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def event_of(line: bytes) -> tuple[Stored, bytes | None]:
    """The event of a line, and the hash before it where the line has it. Raises BadExport."""
    try:
        row = orjson.loads(line)
        payload = b64decode(row["payload_base64"]) if "payload_base64" in row else row["payload"].encode()
        previous = row.get("previous")
        event = Stored(
            row["lane"], row["position"], row["client"], row["sequence"], row["number"], UUID(row["stream"]),
            row["version"], UUID(row["id"]), row["type"], row["schema_version"], row["actor"], row["causation"],
            row["origin"], us_of(row["occurred_at"]), us_of(row["recorded_at"]), row["trace"], payload,
            bytes.fromhex(row["hash"]),
        )  # fmt: skip
        return event, None if previous is None else bytes.fromhex(previous)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadExport(f"a line is no event ({type(error).__name__}: {error})") from error


def _payload(payload: bytes) -> dict[str, str]:
    try:
        return {"payload": payload.decode()}
    except UnicodeDecodeError:
        return {"payload_base64": b64encode(payload).decode()}


def instant(us: int) -> str | int:
    """Microseconds since 2000 as RFC 3339; as they are where no calendar has such a year."""
    try:
        return (EPOCH + timedelta(microseconds=us)).isoformat(timespec="microseconds")
    except OverflowError:
        return us


def us_of(at: str | int) -> int:
    return at if isinstance(at, int) else microseconds(datetime.fromisoformat(at))
