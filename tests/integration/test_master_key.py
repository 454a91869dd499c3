"""The master key is changed while services run, killed half-way and run again; nobody's text is lost."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from contracts.model import Sealed
from services.keys import rotate as keys
from services.kit.keyring import Keyring, WrongMasterKey, kept_keys, keyring
from services.kit.personal import Vault
from services.kit.postgres import Pool
from services.kit.settings import Settings, load
from tests.conftest import PoolOf

PEOPLE = 25


class Time:
    """A monotonic clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def service(pool: Pool, settings: Settings, time: Time) -> Vault:
    """What a running process has: keys read from the home when it started."""
    return Vault(pool, keyring(settings, time), new_id=uuid7, random_bytes=os.urandom, monotonic=time)


@pytest.fixture
def settings(database: Settings, tmp_path: Path) -> Settings:
    """A home of one test, with secrets that fit the module's database as it is now."""
    kept = database.home / "secrets.json"
    latest = database.home / "secrets.latest"
    shutil.copy(latest if latest.exists() else kept, tmp_path / "secrets.json")
    assert database.database_url is not None
    return load(home=tmp_path, database_url=database.database_url.get_secret_value())


def keep_for_the_next_test(settings: Settings, database: Settings) -> None:
    shutil.copy(settings.home / "secrets.json", database.home / "secrets.latest")


async def sealed_by(vault: Vault, client: str, count: int) -> dict[UUID, Sealed]:
    """People with a word of each."""
    found = await vault.find_or_make_many([(client, f"{number}@acme.example") for number in range(count)])
    return {
        known.person: Sealed.model_validate(vault.sealer(known.person)(f"word of {known.person}"))
        for known in found.values()
    }


async def assert_opens(vault: Vault, words: dict[UUID, Sealed]) -> None:
    await vault.load(words)
    assert [vault.open(word) for word in words.values()] == [f"word of {person}" for person in words]


async def test_services_go_on_while_the_master_key_is_changed(
    settings: Settings, database: Settings, pool_of: PoolOf
) -> None:
    intake, owner, time = await pool_of("intake"), await pool_of("owner"), Time()
    running = service(intake, settings, time)
    words = await sealed_by(running, "acme", PEOPLE)
    old, path = settings.master_key_bytes, settings.home / "secrets.json"

    def killed(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await keys.rotate(owner, path, os.urandom, killed, settle_seconds=0)
    under_way = kept_keys(path)
    assert under_way is not None
    assert under_way.second == old
    # A service that has not looked again still wraps with the old key, and opens what was wrapped anew.
    assert (await running.find_or_make("acme", "just-now@acme.example"))[1]
    lately = await sealed_by(running, "bolt", 3)
    time.now += 60
    await assert_opens(running, words)

    found = await keys.rotate(owner, path, os.urandom, settle_seconds=0)

    assert found.second > 0
    after = kept_keys(path)
    assert after is not None
    assert after.second is None
    assert after.current == under_way.current != old
    assert (await keys.count(owner, after)).current == PEOPLE + 4
    with pytest.raises(WrongMasterKey):
        await Vault(
            intake, Keyring.of(old), new_id=uuid7, random_bytes=os.urandom, monotonic=time
        ).load(words)  # fmt: skip
    fresh = service(intake, load(home=settings.home, database_url=settings.admin_dsn()), Time())
    await assert_opens(fresh, words | lately)
    assert await fresh.find("acme", "7@acme.example") in words, "an address is found again under the new master key"
    keep_for_the_next_test(settings, database)


async def test_a_rotation_waits_until_no_service_can_wrap_with_the_old_key(
    settings: Settings, database: Settings, pool_of: PoolOf
) -> None:
    """A service that was asleep wraps with the old key after the first sweep; a later sweep finds it."""
    intake, owner, time = await pool_of("intake"), await pool_of("owner"), Time()
    running = service(intake, settings, time)
    await running.prepare()
    made: list[UUID] = []
    sweeps = 0

    async def make() -> None:
        made.append((await running.find_or_make("initech", f"{len(made)}@initech.example"))[0])

    def told(done: int) -> None:
        nonlocal sweeps
        sweeps += 1

    rotating = asyncio.create_task(
        keys.rotate(owner, settings.home / "secrets.json", os.urandom, told, settle_seconds=0.4)
    )
    await asyncio.sleep(0.2)
    await make()
    await rotating

    assert sweeps >= 2
    ring = kept_keys(settings.home / "secrets.json")
    assert ring is not None
    counts = await keys.count(owner, ring)
    assert (counts.second, counts.unreadable) == (0, 0)
    keep_for_the_next_test(settings, database)


async def test_what_neither_key_opens_keeps_the_old_key(
    settings: Settings, database: Settings, pool_of: PoolOf
) -> None:
    owner = await pool_of("owner")
    await service(await pool_of("intake"), settings, Time()).find_or_make("acme", "damaged@acme.example")
    one = "(SELECT person FROM personal.people ORDER BY person DESC LIMIT 1)"
    await owner.execute(f"UPDATE personal.people SET wrapped = set_byte(wrapped, 20, 7) WHERE person = {one}")
    with pytest.raises(keys.Unreadable, match="1 keys are wrapped by neither"):
        await keys.rotate(owner, settings.home / "secrets.json", os.urandom, settle_seconds=0)
    assert "second_master_key" in json.loads((settings.home / "secrets.json").read_text())
    await owner.execute(f"DELETE FROM personal.people WHERE person = {one}")


async def test_a_service_with_another_desks_master_key_says_so(settings: Settings, pool_of: PoolOf) -> None:
    other = Vault(
        await pool_of("intake"), os.urandom(32), new_id=uuid7, random_bytes=os.urandom, monotonic=Time()
    )  # fmt: skip
    with pytest.raises(WrongMasterKey, match="set DAYBOOK_MASTER_KEY"):
        await other.find_or_make("acme", "somebody@acme.example")
