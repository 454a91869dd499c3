"""Sealed text that does not open: damage has a name, is shown as damage, and is never taken for an erasure."""

from __future__ import annotations

from base64 import b64decode, b64encode
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from contracts.deliveries import DeliveryFailed
from contracts.model import Sealed
from contracts.subjects import lane_of
from contracts.tickets import TicketPrioritised
from services.kit.personal import DAMAGED, ERASED, Damaged, Vault
from services.kit.settings import Settings
from services.notification.handler import Notification
from services.notification.sender import ATTEMPTS_MAX
from services.triage.handler import Triage
from tests.conftest import PoolOf
from tests.integration.correspondence import deliveries, sender_on, until_quiet
from tests.integration.small_desk import SmallDesk, facts, vault_on


@pytest.fixture
async def desk(pool_of: PoolOf, database: Settings) -> SmallDesk:
    intake = await pool_of("intake")
    return SmallDesk(intake, vault_on(intake, database))


def spoilt(vault: Vault, person: UUID, text: str) -> Sealed:
    """A text that was sealed to somebody, and has had a bit turned since."""
    box = bytearray(b64decode(vault.sealer(person)(text)["sealed"]))
    box[-1] ^= 1
    return Sealed(sealed=b64encode(box).decode(), person=person)


async def test_damage_is_told_from_erasure_and_holds_up_nothing_else(
    desk: SmallDesk, caplog: pytest.LogCaptureFixture
) -> None:
    person = await desk.person("acme", "ada@acme.example")
    vault = desk.vault
    whole, broken = vault.sealer(person)("as it was"), spoilt(vault, person, "as it was")
    gone = {**whole, "person": str(uuid7())}
    nonsense = {"sealed": "no base64 at all", "person": str(person)}

    shown = await vault.open_json([whole, broken.model_dump(mode="json"), gone, nonsense])

    assert shown == ["as it was", DAMAGED, ERASED, DAMAGED]
    assert [record.message for record in caplog.records] == ["text_damaged"] * 2
    assert str(person) in str(vars(caplog.records[0]))
    with pytest.raises(Damaged, match="run daybook verify"):
        vault.open(broken)


@pytest.mark.parametrize("looks", [{"sealed": "x", "person": "nobody"}, {"sealed": "x"}, {"sealed": 1, "person": 2}])
async def test_what_only_looks_sealed_stays_as_it_is(desk: SmallDesk, looks: dict[str, object]) -> None:
    assert await desk.vault.open_json({"answers": looks}) == {"answers": looks}


async def test_a_letter_with_a_damaged_text_is_a_fault_and_no_erasure(
    desk: SmallDesk, pool_of: PoolOf, database: Settings
) -> None:
    pool = await pool_of("notification")
    await desk.client("spoilt")
    person = await desk.person("spoilt", "ada@spoilt.example")
    ticket = await desk.submit("spoilt", person, subject=spoilt(desk.vault, person, "Printer"))
    await desk.feed(Notification(lambda: None), pool, lane_of(ticket), limit=10_000)
    await until_quiet(sender_on(pool, database))
    (failed,) = await deliveries(pool, ticket)
    assert isinstance(failed, DeliveryFailed)
    assert (failed.code, failed.attempts) == ("fault", ATTEMPTS_MAX)


async def test_a_ticket_with_a_damaged_text_still_gets_a_priority(
    desk: SmallDesk, pool_of: PoolOf, database: Settings
) -> None:
    pool = await pool_of("triage")
    await desk.client("urgent")
    person = await desk.person("urgent", "ada@urgent.example")
    ticket = await desk.submit("urgent", person, body=spoilt(desk.vault, person, "Everybody is waiting"))
    triage = Triage(vault_on(pool, database), tables={}, log_time=False, committed=lambda _: None)
    await desk.feed(triage, pool, lane_of(ticket), limit=10_000)
    (told,) = await facts(pool, ticket, TicketPrioritised.type)
    assert told.version == 5
