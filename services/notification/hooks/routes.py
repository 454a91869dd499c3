"""/webhooks, and the dead letters of the desk's own consumers: who may, and what is answered. I/O."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI, Response

from contracts.catalogue import EVENTS
from contracts.people import Role
from services.kit.access import Caller, Principal
from services.kit.bus.dead_letters import ask_replay, list_letters
from services.kit.web.idempotency import REPLAYED
from services.kit.web.problem import Problem
from services.notification.hooks import shapes
from services.notification.hooks.desk import RIGHTS_ENDED
from services.notification.hooks.keyed import TheKey
from services.notification.hooks.position import read_position
from services.notification.hooks.webhooks import OLD_SECRET, Webhooks

FAMILIES: Final = frozenset(name.partition(".")[0] for name in EVENTS)
OPENERS: Final = frozenset({Role.ADMINISTRATOR, Role.MANAGER})


def add_webhook_routes(app: FastAPI, hooks: Webhooks) -> None:
    _add_making(app, hooks)
    _add_care(app, hooks)
    _add_dead_letters(app, hooks)
    _add_consumers(app, hooks)


def _add_making(app: FastAPI, hooks: Webhooks) -> None:
    @app.get("/webhooks")
    async def webhooks(caller: Caller) -> shapes.Webhooks:
        """The webhooks of the clients that the caller may see."""
        return shapes.Webhooks.model_validate({"items": await hooks.seen(caller)})

    @app.post("/webhooks", status_code=201)
    async def make_webhook(
        caller: Caller, command: shapes.MakeWebhook, key: TheKey, response: Response
    ) -> shapes.MadeWebhook:
        """Tells a receiver of a client's events from now on, or from any place. The secret is shown this once, and to
        whoever sends the same Idempotency-Key again."""
        if command.client is None and caller.clients is not None:
            raise Problem("missing_field", "name the client whose events are told", field="client")
        if command.client is not None and not caller.may_see(command.client):
            raise Problem("not_found", f"there is no client {command.client}")
        _check(caller, command.types, personal=command.personal)
        made = await hooks.make(caller, command, key)
        response.headers.update(REPLAYED if made.again else {})
        return shapes.MadeWebhook.model_validate({**await hooks.find(caller, str(made.webhook)), "secret": made.secret})

    @app.get("/webhooks/{webhook}")
    async def webhook(caller: Caller, webhook: str) -> shapes.Webhook:
        """One webhook: how far it is, and what its receiver last said."""
        return await _shown(hooks, caller, webhook)

    @app.patch("/webhooks/{webhook}")
    async def change_webhook(caller: Caller, webhook: str, command: shapes.ChangeWebhook) -> shapes.Webhook:
        """Another name, address or choice of events. What comes next is told by it."""
        known = await hooks.find(caller, webhook)
        given = command.model_dump(exclude_none=True)
        _check(caller, given.get("types", ()), personal=given.get("personal", known["personal"]))
        await hooks.change(known["id"], known, given)
        return await _shown(hooks, caller, webhook)

    @app.delete("/webhooks/{webhook}", status_code=204)
    async def delete_webhook(caller: Caller, webhook: str) -> Response:
        """Ends a webhook, with its secret and its dead letters."""
        await hooks.delete((await hooks.find(caller, webhook))["id"])
        return Response(status_code=204)


def _add_care(app: FastAPI, hooks: Webhooks) -> None:
    @app.post("/webhooks/{webhook}/pause")
    async def pause_webhook(caller: Caller, webhook: str) -> shapes.Webhook:
        """Sends nothing until it is resumed; nothing is lost meanwhile."""
        await hooks.pause((await hooks.find(caller, webhook))["id"], "asked")
        return await _shown(hooks, caller, webhook)

    @app.post("/webhooks/{webhook}/resume")
    async def resume_webhook(caller: Caller, webhook: str) -> shapes.Webhook:
        """Goes on where it was; one that was paused because its maker's rights ended goes on with the caller's."""
        known = await hooks.find(caller, webhook)
        if known["pause_reason"] == RIGHTS_ENDED:
            _check(caller, (), personal=known["personal"])
        await hooks.resume(caller, known["id"])
        return await _shown(hooks, caller, webhook)

    @app.post("/webhooks/{webhook}/replay")
    async def replay_webhook(caller: Caller, webhook: str, command: shapes.ReplayWebhook) -> shapes.Webhook:
        """Goes on from another place. What was sent before comes again, with the same webhook-id."""
        known = await hooks.find(caller, webhook)
        await hooks.replay(known["id"], known["client"], command.after)
        return await _shown(hooks, caller, webhook)

    @app.post("/webhooks/{webhook}/secret")
    async def rotate_webhook_secret(caller: Caller, webhook: str, key: TheKey, response: Response) -> shapes.NewSecret:
        """A new secret. For a day messages bear both signatures."""
        known = await hooks.find(caller, webhook)
        _check(caller, (), personal=known["personal"])
        made = await hooks.rotate(known["id"], key)
        response.headers.update(REPLAYED if made.again else {})
        return shapes.NewSecret(secret=made.secret, old_valid_until=made.at + OLD_SECRET)

    @app.post("/webhooks/{webhook}/test")
    async def test_webhook(caller: Caller, webhook: str) -> shapes.Tested:
        """Sends one message of type webhook.tested and tells what the receiver said."""
        said = await hooks.test(await hooks.find(caller, webhook))
        return shapes.Tested(taken=said.taken, code=said.code, seconds=round(said.seconds, 3))


def _add_dead_letters(app: FastAPI, hooks: Webhooks) -> None:
    @app.get("/webhooks/{webhook}/dead-letters")
    async def webhook_dead_letters(caller: Caller, webhook: str) -> shapes.DeadMessages:
        """Messages that the receiver did not take in three days."""
        known = await hooks.find(caller, webhook)
        return shapes.DeadMessages.model_validate({"items": await hooks.dead(known["id"])})

    @app.post("/webhooks/{webhook}/dead-letters/replay")
    async def replay_webhook_dead_letters(
        caller: Caller, webhook: str, command: shapes.ReplayDeadLetters
    ) -> shapes.Asked:
        """Tries dead letters again: one, or all."""
        known = await hooks.find(caller, webhook)
        return shapes.Asked(replayed=await hooks.replay_dead(known["id"], known["client"], command.position))


def _add_consumers(app: FastAPI, hooks: Webhooks) -> None:
    @app.get("/subscribers/{consumer}/dead-letters")
    async def consumer_dead_letters(caller: Caller, consumer: str) -> shapes.DeadEvents:
        """Events that one of the desk's own consumers could not digest."""
        _whole_desk(caller)
        items = [
            {"position": f"{letter.lane}:{letter.position}", "subject": letter.stream}
            | {name: getattr(letter, name) for name in ("type", "error", "attempts", "failed_at")}
            for letter in await list_letters(hooks.pool, consumer)
        ]
        return shapes.DeadEvents.model_validate({"items": items})

    @app.post("/subscribers/{consumer}/dead-letters/replay")
    async def replay_consumer_dead_letters(
        caller: Caller, consumer: str, command: shapes.ReplayDeadLetters
    ) -> shapes.Asked:
        """Has a consumer try again: the ticket of one letter, or all that wait. It does so within a second."""
        _whole_desk(caller)
        place = None if command.position is None else read_position(command.position, None)
        return shapes.Asked(replayed=len(await ask_replay(hooks.pool, consumer, place)))


async def _shown(hooks: Webhooks, caller: Principal, webhook: str) -> shapes.Webhook:
    return shapes.Webhook.model_validate(await hooks.find(caller, webhook))


def _check(caller: Principal, types: Any, *, personal: bool) -> None:
    """Raises Problem. A webhook with opened text is made and led elsewhere by who may read it."""
    for name in types:
        if name not in EVENTS and name not in FAMILIES:
            raise Problem("invalid_field", f"there is no event of type {name}", field="types")
    if personal and not (caller.personal or (caller.agent is not None and caller.role in OPENERS)):
        raise Problem("forbidden", "opened personal text is for tokens with the scope `personal`", field="personal")


def _whole_desk(caller: Principal) -> None:
    if caller.clients is not None:
        raise Problem("forbidden", "the token is for some clients, the desk's consumers are everybody's")
