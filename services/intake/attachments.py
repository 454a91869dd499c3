"""Files given with a command -> kept outside the log, sealed to who sent them, and named by their hash. I/O."""

from __future__ import annotations

import asyncio
import binascii
from base64 import b64decode
from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID

from contracts.subjects import lane_of
from contracts.terms import Attachment
from contracts.ticket_commands import Upload
from services.kit.personal import Vault
from services.kit.postgres import Pool, queries
from services.kit.refused import Refused

SQL = queries("services/intake/sql/intake.sql")

FILE_BYTES_MAX = 10_000_000


async def keep_files(
    pool: Pool, vault: Vault, *, ticket: UUID, person: UUID, uploads: Sequence[Upload]
) -> tuple[Attachment, ...]:
    """The files as an event names them. Kept before the event is: a file without an event harms nobody, and the same
    file again is the same row. Raises Refused."""
    return tuple(
        [
            await _keep(pool, vault, ticket=ticket, person=person, upload=upload, field=f"attachments.{index}.content")
            for index, upload in enumerate(uploads)
        ]
    )


async def _keep(pool: Pool, vault: Vault, *, ticket: UUID, person: UUID, upload: Upload, field: str) -> Attachment:
    content = await asyncio.to_thread(decoded, upload.content, field)
    digest = sha256(content)
    sealed = await asyncio.to_thread(vault.seal_bytes, person, content)
    await pool.execute(SQL["keep_file"], lane_of(ticket), ticket, digest.digest(), len(content), sealed, person)
    return Attachment(name=upload.name, media_type=upload.media_type, bytes=len(content), sha256=digest.hexdigest())


def decoded(content: str, field: str) -> bytes:
    """The bytes of a base64 text. Raises Refused: `bad_attachment`, `attachment_too_large`."""
    try:
        plain = b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise Refused("bad_attachment", "the content is not base64", field) from None
    if len(plain) > FILE_BYTES_MAX:
        raise Refused("attachment_too_large", f"a file has at most {FILE_BYTES_MAX:,} bytes", field)
    return plain
