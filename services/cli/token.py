"""The commands `daybook token create|list|revoke`. A token is printed once; only its hash is kept."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, TypeVar
from uuid import UUID

import typer

from contracts.envelope import Origin
from contracts.people import Role
from services.cli.app import Stop
from services.kit.postgres import Pool, connect_pool
from services.kit.settings import load

if TYPE_CHECKING:
    from services.kit.access.tokens import NewToken

T = TypeVar("T")

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,38}")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(name="token", help="Bearer tokens for programs.", no_args_is_help=True)
    app.add_typer(group)
    group.command("create")(create)
    group.command("list")(list_all)
    group.command("revoke")(revoke)


def create(
    role: Annotated[Role, typer.Option(help="What it may do.")],
    client: Annotated[list[str] | None, typer.Option(help="A client that it sees; again for more. None: all.")] = None,
    *,
    name: Annotated[str, typer.Option(help="What it is for.")] = "",
    origin: Annotated[Origin, typer.Option(help="Only live acts outside the desk.")] = Origin.LIVE,
    personal: Annotated[bool, typer.Option("--personal", help="Feeds carry names and texts opened.")] = False,
    agent: Annotated[UUID | None, typer.Option(help="The agent in whose name it acts.")] = None,
    days: Annotated[int | None, typer.Option(help="It ends after so many days.", min=1)] = None,
    over_nats: Annotated[
        bool, typer.Option("--nats", help="Also an account of NATS that reads the client's events, sealed.")
    ] = False,
    after: Annotated[str, typer.Option(help="With --nats: beginning, now, or the client's sequence.")] = "beginning",
    as_json: AsJson = False,
) -> None:
    """Make a token and print it. It can't be shown again."""
    from uuid_utils.compat import uuid7

    from services.kit.access.tokens import NewToken, make_token

    for slug in client or ():
        if SLUG.fullmatch(slug) is None:
            raise Stop(f"{slug!r} is not a client's id: lower case letters, digits and hyphens, at most 39")
    new = NewToken(
        id=uuid7(),
        name=name,
        role=role,
        clients=tuple(client) if client else None,
        origin=origin,
        scopes=("personal",) if personal else (),
        agent=agent,
        expires_at=None if days is None else datetime.now(UTC) + timedelta(days=days),
    )
    if over_nats:
        _create_over_nats(new, after, as_json=as_json)
        return
    token = on_database(lambda pool: make_token(pool, new))
    shown = {"token": token, "id": str(new.id), "role": role.value, "clients": client or None}
    print(json.dumps(shown) if as_json else token)


def _create_over_nats(new: NewToken, after: str, *, as_json: bool) -> None:
    from services.cli.bus_accounts import NoAccounts
    from services.cli.bus_token import Refusal, make_bus_token

    if new.role is not Role.SUBSCRIBER or new.clients is None or len(new.clients) != 1:
        raise Stop("--nats is for one client's subscriber: --role subscriber --client acme --nats")
    if new.scopes:
        raise Stop("over NATS names and texts stay sealed: leave --personal, or read GET /events with such a token")
    (client,), settings = new.clients, load()
    try:
        made = on_database(lambda pool: make_bus_token(settings, pool, new, client, after))
    except (NoAccounts, Refusal) as reason:
        raise Stop(str(reason)) from reason
    if as_json:
        shown = {"token": made.token, "id": str(new.id), "role": new.role.value, "clients": [client]}
        print(json.dumps({**shown, "nats": made.nats}))
        return
    for name, value in {"token": made.token, **made.nats}.items():
        print(f"{name:<8} {value}")


def list_all(as_json: AsJson = False) -> None:
    """Every token that was made, newest first, without the tokens themselves."""
    from services.kit.access.tokens import list_tokens

    rows = on_database(list_tokens)
    if as_json:
        print(json.dumps([_plain(row) for row in rows], default=str))
        return
    for row in rows:
        state = "revoked" if row.revoked_at else "ended" if row.expires_at and row.expires_at < _now() else "lives"
        clients = "all clients" if row.clients is None else ",".join(row.clients)
        print(f"{row.id}  {state:8} {row.role.value:14} {row.origin.value:9} {clients}  {row.name}".rstrip())


def revoke(token: Annotated[UUID, typer.Argument(help="The token's id, as `daybook token list` prints it.")]) -> None:
    """End a token. It is refused everywhere within seconds."""
    from services.cli.bus_accounts import NoAccounts
    from services.cli.bus_token import close_bus_token
    from services.kit.access.tokens import revoke_token
    from services.kit.bus.subscribers import has_stream

    async def revoked(pool: Pool) -> bool:
        if not await revoke_token(pool, token):
            return False
        if await has_stream(pool, token):
            await close_bus_token(load(), pool, token)
        return True

    try:
        found = on_database(revoked)
    except NoAccounts as reason:
        raise Stop(f"revoked {token}; its account of NATS stays, and reads nothing any more: {reason}") from reason
    if not found:
        raise Stop(f"there is no living token {token}: daybook token list shows all")
    print(f"revoked {token}")


def on_database(work: Callable[[Pool], Awaitable[T]]) -> T:
    """Does some work on the desk's database as intake. Raises Stop where there is none."""

    async def connected() -> T:
        pool = await connect_pool(load(), "intake", size=2, program="daybook-cli")
        try:
            return await work(pool)
        finally:
            await pool.close()

    try:
        return asyncio.run(connected())
    except (LookupError, OSError) as reason:
        raise Stop(str(reason) or "the database does not answer: start a desk with make up") from reason


def _now() -> datetime:
    return datetime.now(UTC)


def _plain(row: object) -> dict[str, object]:
    return {name: getattr(row, name) for name in row.__slots__}  # type: ignore[attr-defined]
