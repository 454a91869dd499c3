"""The named queries of relay, leases and consumers -> what each does to the tables in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from services.kit.bus.digest import SQL as CONSUMER
from services.kit.bus.message import Stored
from services.kit.log.lease import SQL as LEASE
from services.kit.log.merged import SQL as MERGED
from services.kit.log.read import SQL as READ
from services.kit.log.relay import SQL as RELAY
from tests.chaos.sim.database import LANES, Cursor, Database, Lease, Letter, Session

Found = list[dict[str, Any]]
SEATS = 16


def open_cursors(db: Database, session: Session, name: str) -> None:
    for lane in range(LANES):
        if (name, lane) not in db.tables.cursors:
            session.writes.cursors[name, lane] = Cursor()


async def begin(db: Database, session: Session, name: str) -> Found:
    found: Found = []
    for lane in range(LANES):
        await db.lock(session, ("cursor", name, lane))
        old = db.cursor(session, name, lane)
        again = old.begun_at == old.position and old.position < db.head(lane)
        begun = old.begun + 1 if again else 1
        session.writes.cursors[name, lane] = replace(old, begun=begun, begun_at=old.position)
        killed = old.tried if old.tried_at == old.position else 0
        found.append({"lane": lane, "position": old.position, "deaths": begun - 1, "killed": killed})
    return found


async def end(db: Database, session: Session, name: str) -> None:
    for lane in range(LANES):
        await db.lock(session, ("cursor", name, lane))
        session.writes.cursors[name, lane] = replace(db.cursor(session, name, lane), begun=0, tried=0)


async def try_alone(db: Database, session: Session, lane: int, name: str, position: int) -> None:
    await db.lock(session, ("cursor", name, lane))
    old = db.cursor(session, name, lane)
    if old.position == position:
        tried = old.tried + 1 if old.tried_at == position else 1
        session.writes.cursors[name, lane] = replace(old, tried=tried, tried_at=position)


async def survived(db: Database, session: Session, lane: int, name: str, position: int) -> None:
    await db.lock(session, ("cursor", name, lane))
    old = db.cursor(session, name, lane)
    if old.tried_at == position:
        session.writes.cursors[name, lane] = replace(old, tried=max(0, old.tried - 1))


def look(db: Database, session: Session, name: str) -> Found:
    return [
        {"lane": lane, "head": db.head(lane), "cursor": db.tables.cursors[name, lane].position}
        for lane in range(LANES)
        if (name, lane) in db.tables.cursors
    ]


async def move(
    db: Database, session: Session, name: str, lanes: Sequence[int], after: Sequence[int], upto: Sequence[int]
) -> Found:
    found: Found = []
    for lane, start, stop in zip(lanes, after, upto, strict=True):
        await db.lock(session, ("cursor", name, lane))
        old = db.cursor(session, name, lane)
        if old.position == start:
            session.writes.cursors[name, lane] = replace(old, position=stop)
            found.append({"lane": lane, "waiting": list(old.waiting)})
    return found


def bury(
    db: Database, session: Session, lane: int, name: str, position: int, stream: UUID, kind: str, *_: object
) -> None:
    old = db.cursor(session, name, lane)
    if stream not in old.waiting:
        session.writes.cursors[name, lane] = replace(old, waiting=(*old.waiting, stream))
    session.writes.letters[lane, name, position] = Letter(stream, kind)


def hold_back(db: Database, session: Session, lane: int, name: str, position: int, stream: UUID, kind: str) -> None:
    session.writes.letters[lane, name, position] = Letter(stream, kind)


def asked(db: Database, session: Session, name: str) -> Found:
    wanted = {
        (lane, letter.stream): None
        for (lane, consumer, _), letter in db.tables.letters.items()
        if consumer == name and letter.requested and not letter.replayed
    }
    return [{"lane": lane, "stream": stream} for lane, stream in wanted]


async def lock(db: Database, session: Session, lane: int, name: str) -> int:
    await db.lock(session, ("cursor", name, lane))
    return db.cursor(session, name, lane).position


def first_letter(db: Database, session: Session, lane: int, name: str, stream: UUID) -> list[Stored]:
    waiting = _waiting(db, session, name, lane, stream)
    return [db.log[lane][min(waiting) - 1]] if waiting else []


def _waiting(db: Database, session: Session, name: str, lane: int, stream: UUID) -> list[int]:
    letters = {**db.tables.letters, **session.writes.letters}
    return [
        place
        for (at, consumer, place), letter in letters.items()
        if (at, consumer, letter.stream, letter.replayed) == (lane, name, stream, False)
    ]


def _change_letter(db: Database, session: Session, lane: int, name: str, position: int, **change: Any) -> None:
    key = lane, name, position
    session.writes.letters[key] = replace(session.writes.letters.get(key) or db.tables.letters[key], **change)


def replayed(db: Database, session: Session, lane: int, name: str, position: int) -> None:
    _change_letter(db, session, lane, name, position, replayed=True, requested=False, began=False)


def replay_begins(db: Database, session: Session, lane: int, name: str, stream: UUID) -> None:
    waiting = _waiting(db, session, name, lane, stream)
    if waiting:
        _change_letter(db, session, lane, name, min(waiting), began=True)


def end_replays(db: Database, session: Session, name: str, error: str = "") -> None:
    for (lane, consumer, position), letter in db.tables.letters.items():
        if consumer == name and letter.began and not letter.replayed:
            requested = letter.requested and not error
            _change_letter(db, session, lane, name, position, began=False, requested=requested)


def failed_again(db: Database, session: Session, lane: int, name: str, position: int, error: str) -> None:
    _change_letter(db, session, lane, name, position, requested=False, began=False)


async def wait_no_more(db: Database, session: Session, lane: int, name: str, stream: UUID) -> None:
    await db.lock(session, ("cursor", name, lane))
    old = db.cursor(session, name, lane)
    left = tuple(other for other in old.waiting if other != stream)
    session.writes.cursors[name, lane] = replace(old, waiting=left)


def window(
    db: Database, session: Session, lanes: Sequence[int], positions: Sequence[int], fair: int, bytes_max: int
) -> list[Stored]:
    return [
        stored
        for lane, position in sorted(zip(lanes, positions, strict=True))
        for stored in db.log[lane][position : position + fair]
    ]


def lowest_cursor(db: Database, session: Session, lane: int, most: int) -> int:
    positions = [cursor.position for (_, at), cursor in db.tables.cursors.items() if at == lane]
    return max(min(positions, default=0), db.head(lane) - most)


def event_id(db: Database, session: Session, lane: int, position: int) -> UUID | None:
    return db.log[lane][position - 1].id if position <= db.head(lane) else None


def beat(db: Database, session: Session, lanes: Sequence[int]) -> None:
    """A silent lane's watermark moves; nothing here reads it."""


# --- leases; their rows are changed under one lock, so a transaction's own writes are all that it must see first


def _leases(db: Database, session: Session, purpose: str) -> dict[int, Lease]:
    every = {**db.tables.leases, **session.writes.leases}
    return {lane: lease for (lane, kind), lease in every.items() if kind == purpose}


def _live(db: Database, session: Session, purpose: str) -> dict[int, Lease]:
    now = db.loop.time()
    return {lane: lease for lane, lease in _leases(db, session, purpose).items() if lease.expires > now}


def _give(db: Database, session: Session, lane: int, purpose: str, holder: UUID, expires: float) -> None:
    old = _leases(db, session, purpose).get(lane)
    epoch = 1 if old is None else old.epoch + (old.holder != holder)
    session.writes.leases[lane, purpose] = Lease(holder, epoch, expires)


async def one_at_a_time(db: Database, session: Session, purpose: str) -> None:
    await db.lock(session, ("leases", purpose))


def sit(db: Database, session: Session, purpose: str, holder: UUID, lease: timedelta) -> None:
    seats, taken = f"{purpose} seat", _live(db, session, f"{purpose} seat")
    own = [seat for seat, held in _leases(db, session, seats).items() if held.holder == holder]
    free = [seat for seat in range(SEATS) if seat not in taken]
    _give(db, session, [*own, *free][0], seats, holder, db.loop.time() + lease.total_seconds())


def seats(db: Database, session: Session, purpose: str) -> int:
    return len(_live(db, session, f"{purpose} seat"))


async def renew(db: Database, session: Session, purpose: str, holder: UUID, lease: timedelta) -> Found:
    await db.lock(session, ("leases", purpose))  # stands for the locks of its rows
    expires, seat = db.loop.time() + lease.total_seconds(), f"{purpose} seat"
    before = {kind: _live(db, session, kind) for kind in (purpose, seat)}
    mine: dict[str, list[int]] = {
        kind: sorted(lane for lane, held in rows.items() if held.holder == holder) for kind, rows in before.items()
    }
    for kind, lanes in mine.items():
        for lane in lanes:
            _give(db, session, lane, kind, holder, expires)
    return [
        {
            "seated": bool(mine[seat]),
            "lanes": mine[purpose],
            "epochs": [before[purpose][lane].epoch for lane in mine[purpose]],
            "seats": len(before[seat]),
            "taken": len(before[purpose]),
        }
    ]


def give_up(db: Database, session: Session, purpose: str, holder: UUID, share: int) -> None:
    mine = sorted(lane for lane, held in _live(db, session, purpose).items() if held.holder == holder)
    for lane in mine[share:]:
        _give(db, session, lane, purpose, holder, float("-inf"))


def take(db: Database, session: Session, purpose: str, holder: UUID, lease: timedelta, share: int) -> None:
    live = _live(db, session, purpose)
    room = share - sum(held.holder == holder for held in live.values())
    for lane in [lane for lane in range(LANES) if lane not in live][: max(0, room)]:
        _give(db, session, lane, purpose, holder, db.loop.time() + lease.total_seconds())


def held(db: Database, session: Session, purpose: str, holder: UUID) -> Found:
    live = _live(db, session, purpose)
    return [{"lane": lane, "epoch": live[lane].epoch} for lane in sorted(live) if live[lane].holder == holder]


async def release(db: Database, session: Session, purpose: str, holder: UUID) -> None:
    await db.lock(session, ("leases", purpose))
    for kind in (purpose, f"{purpose} seat"):
        for lane, lease in _live(db, session, kind).items():
            if lease.holder == holder:
                _give(db, session, lane, kind, holder, float("-inf"))


MEANINGS: Final[Mapping[str, Callable[..., Any]]] = {
    **{CONSUMER[query.__name__]: query for query in (
        open_cursors, begin, end, look, move, bury, hold_back, asked, lock, first_letter, replayed, failed_again,
        wait_no_more, try_alone, survived, replay_begins, end_replays,
    )},
    CONSUMER["replays_that_killed"]: end_replays,
    READ["window"]: window,
    **{RELAY[query.__name__]: query for query in (lowest_cursor, event_id)},
    MERGED["beat"]: beat,
    **{LEASE[query.__name__]: query for query in (
        one_at_a_time, sit, seats, renew, give_up, take, held, release,
    )},
}  # fmt: skip
