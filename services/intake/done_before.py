"""A command under a key of its caller -> the answer that was kept when it was done before. I/O, reading only."""

from __future__ import annotations

from uuid import UUID

from contracts.subjects import lane_of
from services.intake.call import Call
from services.kit.log.append import SQL
from services.kit.postgres import Pool
from services.kit.web.problem import Problem


async def done_before(pool: Pool, call: Call, client: str, stream: UUID) -> bytes | None:
    """The first answer to a command that came again. Raises Problem where it had another body then."""
    if call.key is None:
        return None
    row = await pool.fetchrow(SQL["command"], lane_of(stream), call.scope(client, stream), call.key)
    if row is None:
        return None
    if row["fingerprint"] != call.fingerprint:
        raise reused()
    answer: bytes = row["answer"]
    return answer


def reused() -> Problem:
    return Problem("idempotency_key_reused", "this key was sent with another body before", field="Idempotency-Key")
