"""A database that hangs: who asked without a key hears that nobody knows, who has one may ask again."""

from __future__ import annotations

import asyncio
from functools import partial
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from services.intake.call import Call
from services.intake.edge import Edge, write
from services.kit.access.principal import ANONYMOUS
from services.kit.log.append import Append, Command
from services.kit.web.patience import OutcomeUnknown, patiently


class Frozen:
    """An appender whose database does not answer."""

    async def append(self, _: Append) -> Any:
        await asyncio.Event().wait()


EDGE = cast(Edge, SimpleNamespace(appender=Frozen()))


def keyless() -> Command:
    """How a command is remembered that came without a key: under a number that its caller does not know."""
    return Call(ANONYMOUS).command("acme", UUID(int=1), b"", lambda: UUID(int=2))


async def test_without_a_key_nobody_can_tell_what_became_of_an_append_under_way() -> None:
    for command in (None, keyless()):
        with pytest.raises(OutcomeUnknown):
            await patiently(partial(write, EDGE, Append("acme", [], command)), seconds=0.01)


async def test_with_a_key_it_is_safe_to_ask_again() -> None:
    with pytest.raises(TimeoutError):
        await patiently(lambda: write(EDGE, Append("acme", [], Command("scope", "key", b"", b""))), seconds=0.01)
