"""The secrets of webhooks take part in a change of the master key, and are nowhere in clear."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest

from services.keys.rotate import rewrap
from services.kit.keyring import Keyring, MasterKeys
from services.kit.settings import Settings
from services.notification.hooks.sign import write_secret
from tests.conftest import PoolOf
from tests.integration.webhook_desk import WebhookDesk, webhook_desk


@pytest.fixture
async def desk(database: Settings, pool_of: PoolOf) -> AsyncIterator[WebhookDesk]:
    async with webhook_desk(database, pool_of) as opened:
        yield opened


async def test_a_secret_opens_with_the_new_master_key_alone(desk: WebhookDesk) -> None:
    hook = await desk.hook(await desk.client(), "https://hooks.example/")
    fresh = os.urandom(32)
    await rewrap(desk.owner, MasterKeys(fresh, desk.settings.master_key_bytes), os.urandom)
    (row,) = await desk.owner.fetch("SELECT name, wrapped FROM notification.webhook_secrets")
    await rewrap(desk.owner, MasterKeys(desk.settings.master_key_bytes, fresh), os.urandom)

    assert write_secret(Keyring.of(fresh).unwrap(row["name"].encode(), row["wrapped"])) == hook["secret"]
    assert hook["secret"].encode() not in row["wrapped"]
