"""tests/data/golden_log: an export of a small desk, as it was written when the first version was made. It is kept for
ever, and every later program must read it. `python -m tests.golden_log FOLDER` writes one like it, of that day's bytes.
"""

from __future__ import annotations

import asyncio
import sys
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from uuid_utils.compat import uuid7

from contracts.terms import Priority, Tone
from contracts.tickets import TicketClassified, TicketPrioritised, ToneDetected
from services.exporting.write import Writer
from services.kit.log.append import Append, NewEvent, NotAppended, append_in
from services.kit.postgres import connect_pool
from services.kit.settings import Settings
from tests.bench.servers import servers
from tests.integration.intake_desk import IntakeDesk, open_desk

FOLDER: Final = Path(__file__).parent / "data" / "golden_log"
MASTER_KEY: Final = sha256(b"daybook golden log").digest()

CONVERSATION: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("messages", {"body": "It is still broken."}),
    ("notes", {"body": "The print server was restarted on Monday."}),
    ("assignment", {"team": "field"}),
    ("tags", {"add": ["printing", "floor-2"]}),
    ("priority", {"priority": "P2", "reason": "a whole floor"}),
    ("status", {"status": "waiting_for_customer", "explanation": "we wait for a part"}),
    ("messages", {"body": "Any news?"}),
    ("replies", {"body": "The part has come."}),
    ("resolution", {"summary": "A new fuser.", "cause": "device_setting", "solved_for_good": True}),
    ("reopen", {"reason": "it is back"}),
    ("resolution", {"summary": "A new printer."}),
    ("close", {}),
)


def with_golden_key(settings: Settings) -> Settings:
    """The same desk under the key that wraps the golden log's."""
    return Settings.model_validate({**settings.model_dump(), "master_key": b64encode(MASTER_KEY).decode()})


async def _live(desk: IntakeDesk, client: str, parts: int) -> None:
    told = await desk.submit(client, requester={"email": f"ann@{client}.example", "name": "Ann Lee"})
    for number, (part, body) in enumerate(CONVERSATION[:parts]):
        answer = await desk.post(f"/tickets/{told['id']}/{part}", body, idempotency_key=f"{told['reference']}-{number}")
        if answer.status_code != 200:
            raise RuntimeError(f"{part}: {answer.text}")


async def _judge(settings: Settings) -> None:
    """What triage says of every ticket."""
    pool = await connect_pool(settings, "triage", size=1)
    rows = await pool.fetch("SELECT client, stream, max(version) AS version FROM log.events GROUP BY client, stream "
                            "HAVING bool_or(type = 'ticket.submitted')")  # fmt: skip
    for row in rows:
        facts = (
            TicketClassified(category="printing", confidence=0.9, rule_version="1"),
            ToneDetected(message=row["stream"], tone=Tone.NEUTRAL, degree=0, rule_version="1"),
            TicketPrioritised(priority=Priority.P3, urgency=1.5, impact=2.0, reasons=(), rule_version="1"),
        )
        events = [
            NewEvent(uuid7(), row["stream"], row["version"] + number, fact, "system:triage")
            for number, fact in enumerate(facts, 1)
        ]
        for result in await append_in(pool, [Append(row["client"], events)]):  # type: ignore[arg-type]
            if isinstance(result, NotAppended):
                raise result
    await pool.close()


async def write(folder: Path) -> None:
    async with servers("golden") as plain:
        settings = with_golden_key(plain)
        async with open_desk(settings) as desk:
            for client, parts in (("acme", 12), ("bolt", 8), ("acme", 2), ("bolt", 0)):
                await _live(desk, client, parts)
        await _judge(settings)
        owner = await connect_pool(settings, "owner", size=3, idle_in_transaction_seconds=0)
        await Writer(folder, None).write(owner, MASTER_KEY, datetime.now(UTC))
        await owner.close()


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1])))
