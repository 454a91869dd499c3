"""The accounts of the bus as text: what was written is read back, and another desk's subscribers are nobody's."""

from __future__ import annotations

from uuid import UUID

import pytest

from services.kit.bus.accounts import USERS, BusUser, Subscriber, accounts_text, subscribers_in

KEYS: dict[BusUser, str] = {user: f"U{user}" for user in USERS}
SUBSCRIBERS = [Subscriber(UUID(int=number), f"U{number}") for number in (1, 2)]
TEXT = accounts_text(KEYS, SUBSCRIBERS)


def test_the_subscribers_of_a_text_are_read_back() -> None:
    assert subscribers_in(TEXT, KEYS) == SUBSCRIBERS
    assert subscribers_in(accounts_text(KEYS), KEYS) == []


def test_with_other_services_keys_they_are_nobodys() -> None:
    assert subscribers_in(TEXT, {**KEYS, "relay": "another"}) == []


@pytest.mark.parametrize("text", ["", "accounts {}", TEXT[:300], TEXT.replace("SUB_", "SUB_x"), '"accounts": []\n'])
def test_a_text_that_is_not_ours_names_nobody(text: str) -> None:
    assert subscribers_in(text, KEYS) == []
