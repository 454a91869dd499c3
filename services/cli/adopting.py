"""Imported tickets that are still open -> adopted ones: the command of POST /tickets/{id}/adopt, in this process. I/O.

It works on the desk's database as the import does, whether the desk runs or not; its processes hear of it by the log.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final
from uuid import UUID

from rich.console import Console
from rich.progress import track

from contracts.envelope import Origin
from contracts.people import Role
from contracts.ticket_commands import AdoptTicket
from services.intake.app import assemble, catch_up
from services.intake.call import Call
from services.intake.tickets import carry_out
from services.kit.access import Principal
from services.kit.clock import clock_for
from services.kit.log.append import Appender
from services.kit.postgres import connect_pool
from services.kit.refused import Refused
from services.kit.web.problem import Problem

if TYPE_CHECKING:
    from services.kit.settings import Settings

CALLER: Final = Principal(
    id="import", kind="service", role=Role.ADMINISTRATOR, clients=None, origin=Origin.LIVE, scopes=frozenset(),
    agent=None, name="import",
)  # fmt: skip
ENDED: Final = frozenset({"resolved", "closed", "merged"})
"""Why a ticket that its source left open needs no adoption any more."""


async def adopted(settings: Settings, tickets: Collection[UUID], *, silent: bool) -> int:
    """Adopts these tickets, one after the other, and says how many; who was interrupted runs the import again."""
    pool = await connect_pool(settings, "intake", size=4, program="daybook-import")
    try:
        clock, appender = clock_for(settings), Appender(pool)
        await catch_up(pool, clock)
        edge = assemble(settings, pool=pool, appender=appender, clock=clock)
        taken = 0
        console = Console(stderr=True, quiet=silent)
        for ticket in track(tickets, "adopting", console=console, disable=silent):
            try:
                await carry_out(edge, Call(CALLER), str(ticket), AdoptTicket())
            except Refused as refused:
                if refused.code not in ENDED:
                    raise
                continue
            except Problem as problem:
                if problem.code != "not_found":  # its rows were refused, so that nothing of it was taken in
                    raise
                continue
            taken += 1
        await appender.close()
        return taken
    finally:
        await pool.close()
