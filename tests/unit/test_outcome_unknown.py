"""A database that hangs: who asked without a key hears that nobody knows, who has one may ask again."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from services.intake.edge import Edge, write
from services.kit.log.append import Append, Command
from services.kit.web.patience import OutcomeUnknown, patiently


class Frozen:
    """An appender whose database does not answer."""

    async def append(self, _: Append) -> Any:
        await asyncio.Event().wait()


EDGE = cast(Edge, SimpleNamespace(appender=Frozen()))


async def test_without_a_key_nobody_can_tell_what_became_of_an_append_under_way() -> None:
    with pytest.raises(OutcomeUnknown):
        await patiently(lambda: write(EDGE, Append("acme", [])), seconds=0.01)


async def test_with_a_key_it_is_safe_to_ask_again() -> None:
    with pytest.raises(TimeoutError):
        await patiently(lambda: write(EDGE, Append("acme", [], Command("scope", "key", b"", b""))), seconds=0.01)
