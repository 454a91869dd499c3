"""The desk's own people, as the API tells them."""

from __future__ import annotations

from services.desk.api import Api, ApiProblem
from services.desk.shapes import Agent, Shape

AGENTS_PAGE = 200
AGENTS_MAX = 1000  # what a list to choose from can hold


class Agents(Shape):
    items: tuple[Agent, ...] = ()
    next_cursor: str | None = None


async def agents(api: Api) -> tuple[Agent, ...]:
    """Everybody who can be given a ticket, by name; nobody where this reader may not know them."""
    found: list[Agent] = []
    cursor: str | None = ""
    try:
        while cursor is not None and len(found) < AGENTS_MAX:
            page = await api.get("/agents", Agents, {"limit": AGENTS_PAGE, "cursor": cursor})
            found += page.items
            cursor = page.next_cursor
    except ApiProblem as problem:
        if problem.status in (403, 404):
            return ()
        raise
    return tuple(sorted(found, key=lambda agent: agent.name))
