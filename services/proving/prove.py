"""(Database, settings) -> everything that can be proven of a desk: its log, keys, doors and views. I/O, reads only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from contracts.subjects import LANES
from services.kit.keyring import MasterKeys, opened
from services.kit.log.read import Reader
from services.kit.log.verify import Ends, cursor_faults, read_ends, stray_faults, verify_lane
from services.kit.log.walk import NO_LANE, Fault, Walk
from services.kit.personal import HANDLES
from services.kit.personal import SQL as PERSONAL_SQL
from services.kit.postgres import Pool, queries
from services.kit.settings import Settings
from services.proving.doors import Doors, reconcile
from services.proving.people import people_faults
from services.proving.views import Compared, compare
from services.reporting.rebuild import CHECKSUMS

SQL = queries("services/proving/sql/proving.sql")

FAULTS_MAX: Final = 10_000  # kept; a log that is broken all over needs no longer list


@dataclass(frozen=True, slots=True)
class Step:
    """What is being verified: so many of so many events or rows. `total` None: nobody knows yet."""

    phase: Literal["log", "doors", "queue", "search", "directory", "sla", "incidents"]
    done: int
    total: int | None


Told = Callable[[Step], None]


@dataclass(slots=True)
class Proof:
    """What was found."""

    events: int = 0
    heads: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    """{lane: (position, hash)} up to which the log was verified."""
    doors: Doors = field(default_factory=Doors)
    views: list[Compared] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    more_faults: int = 0

    def add(self, fault: Fault) -> None:
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(fault)
        else:
            self.more_faults += 1

    @property
    def sound(self) -> bool:
        return not self.faults


async def prove(
    pool: Pool, settings: Settings, keys: MasterKeys, told: Told = lambda step: None, *, views: bool = True
) -> Proof:
    """Verifies a desk as it stands now, while it may go on writing."""
    proof = Proof()
    ends = await read_ends(pool)
    if not await fits(pool, keys):
        proof.notes.append("the keys of persons were not opened: the master key at hand is another desk's")
    for lane in range(LANES):
        await _lane(pool, Walk(lane), ends, keys if not proof.notes else None, proof, told)
    proof.heads = {lane: (head.position, head.hash) for lane, head in ends.heads.items()}
    for fault in [*cursor_faults(ends), *await stray_faults(pool)]:
        proof.add(fault)
    for row in await pool.fetch(SQL["views_ahead"]):
        proof.add(Fault(row["lane"], row["position"], f"the view {row['view']} is beyond the lane's head"))
    counted = _counter("doors", None, told)
    proof.doors = await reconcile(pool, counted)
    for fault in proof.doors.faults:
        proof.add(fault)
    if views:
        for view in CHECKSUMS:
            await _view(pool, settings, view, ends, proof, told)
    return proof


async def _lane(pool: Pool, walk: Walk, ends: Ends, keys: MasterKeys | None, proof: Proof, told: Told) -> None:
    def read(events: int) -> None:
        proof.events += events
        told(Step("log", proof.events, ends.events))

    async for fault in verify_lane(pool, walk, ends, read):
        proof.add(fault)
    for fault in await people_faults(pool, walk, keys):
        proof.add(fault)


async def _view(pool: Pool, settings: Settings, view: Any, ends: Ends, proof: Proof, told: Told) -> None:
    async with pool.acquire() as connection:
        compared = await compare(connection, settings, view, _counter(view, ends.events, told))
    proof.views.append(compared)
    if compared.skipped is not None:
        proof.notes.append(f"the view {view} was not compared: {compared.skipped}")
    elif not compared.same:
        what = f"the view {view} sums up to {compared.live}, the log to {compared.fresh}: run daybook rebuild {view}"
        proof.add(Fault(NO_LANE, 0, what))


def _counter(phase: Any, total: int | None, told: Told) -> Callable[[int], None]:
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        told(Step(phase, done, total))

    return count


async def fits(reader: Reader, keys: MasterKeys) -> bool:
    """Whether these are the desk's master keys. A desk that has never made a person takes any."""
    wrapped = await reader.fetchval(PERSONAL_SQL["secret"], HANDLES)
    return wrapped is None or any(opened(key, HANDLES.encode(), wrapped) for key in keys if key is not None)


async def held(reader: Reader, signed: Mapping[str, Any]) -> list[Fault]:
    """Where the log does not hold what signed heads say that it held: cut off, or another one."""
    faults = []
    for head in signed["heads"]:
        lane, position = head["lane"], head["position"]
        kept = await reader.fetchval(SQL["hash_at"], lane, position)
        if position and kept is None:
            faults.append(Fault(lane, position, "the event that the signed head names is gone: the lane was cut off"))
        elif position and kept.hex() != head["hash"]:
            faults.append(Fault(lane, position, "the log holds another event than the signed head names"))
    return faults
