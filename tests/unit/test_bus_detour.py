"""When a consumer reads the log itself, and what it digests of what it does not decode."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from contracts.catalogue import encode
from contracts.tickets import NoteAdded
from services.kit.bus.detour import BEHIND_MAX, BUSY_PER_SECOND, PAUSE_SECONDS, STAY_SECONDS, Detour, pause_after
from services.kit.bus.digest import Share
from services.kit.bus.following import TOGETHER_MAX, Unreadable, dealt, share_of
from services.kit.bus.lane import Lane
from services.kit.bus.message import Stored

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_a_quiet_consumer_stays_with_the_bus() -> None:
    detour = Detour()
    for second in range(60):
        detour.looked(now=second, heads=second * 100, behind=20)
    assert not detour.on


def test_who_is_far_behind_leaves_the_bus_and_comes_back_when_it_is_calm() -> None:
    detour = Detour()
    detour.looked(now=0, heads=10_000, behind=BEHIND_MAX + 1)
    assert detour.on
    detour.looked(now=STAY_SECONDS + 1, heads=10_000, behind=0)
    assert not detour.on


def test_a_busy_log_is_read_itself_even_by_who_keeps_up() -> None:
    detour = Detour()
    for second in range(6):
        detour.looked(now=second, heads=second * BUSY_PER_SECOND, behind=10)
    assert detour.on


def test_a_way_that_was_chosen_is_kept_for_a_while() -> None:
    detour = Detour()
    detour.waits(now=10, messages=BEHIND_MAX + 1)
    detour.looked(now=10 + STAY_SECONDS / 2, heads=0, behind=0)
    assert detour.on


def test_slow_transactions_make_longer_pauses_within_limits() -> None:
    assert pause_after(0) == PAUSE_SECONDS[0]
    assert PAUSE_SECONDS[0] < pause_after(0.024) < PAUSE_SECONDS[1]
    assert pause_after(9) == PAUSE_SECONDS[1]


def lanes_behind(count: int, *, by: int) -> list[Lane[Any]]:
    return [Lane(number, cursor=10, head=10 + by, behind=True) for number in range(count)]


def test_lanes_that_are_little_behind_are_read_together() -> None:
    lanes = lanes_behind(16, by=20)
    chosen, limit = dealt(lanes, TOGETHER_MAX, 500)
    assert [lane.number for lane in chosen] == list(range(16))
    assert 20 <= limit <= TOGETHER_MAX // 16


def test_lanes_that_are_far_behind_take_turns_a_long_piece_each() -> None:
    lanes = lanes_behind(16, by=100_000)
    read: list[int] = []
    for _ in range(8):
        chosen, limit = dealt(lanes, TOGETHER_MAX, 500)
        assert limit * len(chosen) == TOGETHER_MAX
        for lane in chosen:
            lane.read += 1
            read.append(lane.number)
    assert sorted(read) == list(range(16))


def stored(position: int, *, kind: str = "ticket.note_added", version: int = 1, payload: bytes | None = None) -> Stored:
    return Stored(
        3, position, "acme", position, None, UUID(int=3), position, UUID(int=position), kind, version, "agent:1", None,
        "live", AT.replace(minute=position), AT.replace(minute=position), None,
        encode(NoteAdded(body="…")) if payload is None else payload,
    )  # fmt: skip


def test_what_a_handler_ignores_is_passed_and_never_decoded() -> None:
    found = [(stored(1), "one"), (stored(2, payload=b"broken"), "two"), (stored(3), None)]
    share = share_of(found, lambda event: event.position == 2)
    assert isinstance(share, Share)
    assert (share.after, share.upto, [event.position for event in share.events]) == (0, 3, [1, 3])
    assert (share.parents, share.ignored) == (["one", None], ["ticket.note_added"])
    assert share.occurred_at == share.recorded_at == found[-1][0].recorded_at


def test_before_an_event_that_cannot_be_read_all_others_are_digested() -> None:
    found = [(stored(1), None), (stored(2), None), (stored(3, payload=b"broken"), None)]
    share = share_of(found, lambda event: event.position == 2)
    assert isinstance(share, Share)
    assert (share.upto, len(share.events)) == (2, 1)
    alone = share_of(found[2:], lambda event: False)
    assert isinstance(alone, Unreadable)
    assert alone.stored.position == 3


def test_an_event_of_a_newer_program_is_never_ignored() -> None:
    newer = stored(1, version=99)
    assert isinstance(share_of([(newer, None)], lambda event: True), Unreadable)
