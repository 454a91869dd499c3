"""A mail that can't become a ticket -> a sealed row with its reason. I/O: one insert."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import orjson

from contracts.model import DESK
from contracts.subjects import lane_of_client
from services.intake.edge import Edge
from services.kit.postgres import queries

SQL = queries("services/intake/mail/sql/quarantine.sql")

NOBODY = "quarantine"
"""Whose key seals a mail that names no sender."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as SMTP handed it over, for one recipient. `key` is the same whenever it is sent again."""

    key: bytes
    sender: str
    recipient: str
    content: bytes


async def lay_aside(edge: Edge, letter: Letter, reason: str, client: str | None) -> None:
    """Keeps the mail whole, sealed with its sender's key; the same mail again is the same row."""
    owner = client or DESK
    person, _ = await edge.vault.find_or_make(owner, letter.sender or NOBODY)
    await edge.vault.load([person])
    envelope = orjson.dumps({"from": letter.sender, "to": letter.recipient})
    sealed = await asyncio.to_thread(edge.vault.seal_bytes, person, letter.content)
    await edge.pool.execute(
        SQL["put"],
        lane_of_client(owner),
        edge.new_id(),
        letter.key,
        reason,
        client,
        person,
        len(letter.content),
        edge.vault.seal_bytes(person, envelope),
        sealed,
    )
