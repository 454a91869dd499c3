"""What waits for the log is limited by events and by bytes, and so is what one call takes."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from contracts.subjects import lane_of_client, stamp_lane
from contracts.tickets import NoteAdded
from services.kit.log import waiting
from services.kit.log.asked import Append, Appended, NewEvent, Overloaded
from services.kit.log.waiting import Queue
from tests.sealing import sealed


def ticket() -> UUID:
    return stamp_lane(uuid7(), lane_of_client("acme"))


def notes(count: int, text: str = "x", stream: UUID | None = None) -> Append:
    stream = stream or ticket()
    return Append(
        "acme", [NewEvent(uuid7(), stream, n, NoteAdded(body=text), "token:t", sealed) for n in range(1, count + 1)]
    )


def put(queue: Queue, append: Append) -> asyncio.Future[Appended]:
    done: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
    queue.put(append, done)
    return done


async def test_beyond_so_many_events_a_caller_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "WAITING_MAX", 30)
    queue = Queue()
    put(queue, notes(20))
    put(queue, notes(20))
    with pytest.raises(Overloaded):
        put(queue, notes(1))
    queue.take()
    put(queue, notes(1))


async def test_beyond_so_many_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "WAITING_BYTES_MAX", 200_000)
    queue = Queue()
    put(queue, notes(1, "x" * 150_000))
    put(queue, notes(1, "x" * 150_000))
    with pytest.raises(Overloaded):
        put(queue, notes(1))
    assert len(queue.take()) == 2
    put(queue, notes(1))


async def test_a_call_takes_few_of_large_events_and_leaves_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "BATCH_BYTES_MAX", 200_000)
    queue = Queue()
    asked = [notes(1, "x" * 90_000) for _ in range(5)]
    for append in asked:
        put(queue, append)
    batches = [queue.take() for _ in range(3)]
    assert [len(batch) for batch in batches] == [3, 2, 0]
    assert [item.prepared.append for batch in batches for item in batch] == asked


async def test_whoever_gave_up_waiting_takes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "WAITING_MAX", 10)
    queue = Queue()
    for _ in range(5):
        put(queue, notes(10)).cancel()
        assert queue.take() == []
    assert len(queue) == 0


async def test_a_second_append_of_a_stream_waits_for_the_call_after_and_keeps_its_turn() -> None:
    queue, stream = Queue(), ticket()
    first, second, third, other = notes(1, stream=stream), notes(1, stream=stream), notes(1, stream=stream), notes(1)
    for append in (first, second, other, third):
        put(queue, append)
    assert [[item.prepared.append for item in queue.take()] for _ in range(4)] == [
        [first, other],
        [second],
        [third],
        [],
    ]
