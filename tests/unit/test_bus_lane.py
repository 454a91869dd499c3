"""What a consumer makes of the messages of one lane, in whatever order they come."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.kit.bus.lane import KEPT_MAX, Lane


def test_messages_in_order_are_next() -> None:
    lane: Lane[str] = Lane(3, cursor=10)
    for position in (11, 12, 13):
        lane.take(position, f"m{position}")
    assert lane.next_messages(2) == ["m11", "m12"]
    lane.moved_to(12)
    assert lane.next_messages(9) == ["m13"]
    assert list(lane.acknowledge()) == ["m11", "m12"]


def test_what_is_at_or_below_the_cursor_is_only_acknowledged() -> None:
    lane: Lane[str] = Lane(3, cursor=10)
    lane.take(10, "late")
    assert lane.next_messages(9) == []
    assert list(lane.acknowledge()) == ["late"]


def test_behind_a_hole_nothing_is_next_but_there_is_work_to_do() -> None:
    lane: Lane[str] = Lane(3, cursor=10)
    lane.take(12, "m12")
    assert lane.next_messages(9) == []
    assert lane.is_ready(now=0)


def test_a_lane_is_behind_when_a_second_later_the_event_has_still_not_come() -> None:
    lane: Lane[str] = Lane(3, cursor=10)
    lane.looked(head=12, cursor=10)
    assert not lane.behind
    lane.looked(head=12, cursor=10)
    assert lane.behind


def test_a_lane_that_keeps_up_is_never_behind() -> None:
    lane: Lane[str] = Lane(3)
    for head in range(0, 100, 7):
        lane.looked(head=head, cursor=max(0, head - 7))
        assert not lane.behind


def test_another_process_may_have_moved_the_cursor() -> None:
    lane: Lane[str] = Lane(3, cursor=10)
    lane.take(11, "m11")
    lane.looked(head=20, cursor=15)
    assert lane.cursor == 15
    assert list(lane.acknowledge()) == ["m11"]


def test_a_cursor_that_the_server_lost_counts_from_where_it_stands() -> None:
    lane: Lane[str] = Lane(3)
    lane.looked(head=20, cursor=10)
    lane.moved_to(20)
    lane.looked(head=20, cursor=10)  # this look was on its way while the cursor moved
    assert (lane.cursor, lane.behind) == (20, False)
    lane.looked(head=20, cursor=17)
    assert (lane.cursor, lane.behind) == (17, True)
    lane.moved_to(20)
    lane.looked(head=20, cursor=20)
    assert lane.cursor == 20


def test_while_an_event_is_tried_again_messages_are_left_to_the_log() -> None:
    lane: Lane[str] = Lane(3, cursor=10, attempts=1)
    lane.take(11, "m11")
    assert lane.behind
    assert not lane.kept


def test_a_lane_keeps_no_more_messages_than_it_may() -> None:
    lane: Lane[int] = Lane(3)
    for position in range(1, KEPT_MAX + 50):
        lane.take(position, position)
    assert len(lane.kept) == KEPT_MAX
    assert lane.behind


def test_an_event_in_its_pause_is_not_ready() -> None:
    lane: Lane[str] = Lane(3, cursor=10, behind=True, resume_at=5.0)
    assert not lane.is_ready(now=4.9)
    assert lane.is_ready(now=5.0)


def test_progress_forgets_the_attempts_at_the_event_before() -> None:
    lane: Lane[str] = Lane(3, cursor=10, attempts=4, resume_at=9.0)
    lane.moved_to(11)
    assert (lane.attempts, lane.resume_at) == (0, 0.0)


def test_up_to_the_end_of_a_failed_batch_events_go_one_by_one() -> None:
    lane: Lane[str] = Lane(3, cursor=10, careful_until=12)
    assert lane.is_careful
    lane.moved_to(12)
    assert not lane.is_careful


@given(st.lists(st.integers(1, 60), max_size=200))
def test_whatever_comes_positions_are_digested_in_order_and_once(arrivals: list[int]) -> None:
    lane: Lane[int] = Lane(3)
    digested: list[int] = []
    acknowledged = 0
    for position in arrivals:
        lane.take(position, position)
        found = lane.next_messages(5)
        digested += found
        if found:
            lane.moved_to(found[-1])
        acknowledged += len(list(lane.acknowledge()))
    assert digested == list(range(1, len(digested) + 1))
    assert acknowledged + len(lane.kept) <= len(arrivals)


def test_a_cursor_that_went_back_forgets_the_attempts_at_the_event_that_is_far_off_now() -> None:
    lane: Lane[str] = Lane(3, cursor=20, stood=20, attempts=4, resume_at=9.0)
    lane.looked(head=20, cursor=10)
    assert (lane.cursor, lane.attempts, lane.resume_at) == (10, 0, 0.0)
