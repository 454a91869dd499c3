"""The desk's own people, as the API tells them."""

from __future__ import annotations

from services.desk.api import Api, ApiProblem
from services.desk.shapes import Agent, Shape


class Agents(Shape):
    items: tuple[Agent, ...] = ()


async def agents(api: Api) -> tuple[Agent, ...]:
    """Everybody who can be given a ticket, by name; nobody where this reader may not know them."""
    try:
        found = await api.get("/agents", Agents)
    except ApiProblem as problem:
        if problem.status in (403, 404):
            return ()
        raise
    return tuple(sorted(found.items, key=lambda agent: agent.name))
