"""A folder -> the export in it: its manifest, its lines, and what is wrong with them. I/O: files, read only."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from services.exporting import format as form
from services.exporting.format import BadExport
from services.kit.keyring import MasterKeys
from services.kit.log.walk import NO_LANE, Fault, Walk
from services.proving import heads
from services.proving.doors import answered
from services.proving.people import key_faults

FOLLOWERS = ("webhooks", "bus_subscribers")
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError)
"""What a line that was changed may raise."""

Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Export:
    """An export whose manifest could be read."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def whole(self) -> bool:
        """Whether it is of the whole desk, so that lanes have no gaps and it can be read back."""
        return self.manifest["clients"] is None

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that a whole export of its version has."""
        return form.tables_of(self.manifest["version"])

    @property
    def events(self) -> int:
        return sum(file["rows"] for name, file in self.manifest["files"].items() if name.startswith("events/"))

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of one file, as they are."""
        with (self.folder / name).open("rb") as file:
            yield from file

    def rows(self, table: str) -> Iterator[dict[str, Any]]:
        """The rows of a table that were exported."""
        for line in self.lines(form.table_file(table)):
            yield orjson.loads(line)

    @property
    def followers(self) -> str:
        """What becomes of whoever was told of events outside, in a sentence."""
        if self.manifest["version"] == 1:
            return "webhooks and subscribers over NATS were not in it: make them again"
        hooks, programs = (self.manifest["files"][form.table_file(name)]["rows"] for name in FOLLOWERS)
        return (
            f"{hooks:,} webhooks and {programs:,} subscribers over NATS go on where they were, once this desk runs: let"
            " the old one send nothing any more; sessions ended with it"
        )


def is_export(folder: Path) -> bool:
    """Whether a path leads to an export."""
    return (folder / form.MANIFEST).is_file()


def open_export(folder: Path) -> Export:
    """The export in a folder. Raises BadExport."""
    try:
        manifest = json.loads((folder / form.MANIFEST).read_text())
    except FileNotFoundError:
        why = "an export that was interrupted is none, make it again"
        raise BadExport(f"{folder} has no {form.MANIFEST}: {why}") from None
    except ValueError as error:
        raise BadExport(f"{folder / form.MANIFEST} is not JSON ({error})") from error
    if not isinstance(manifest, dict) or manifest.get("format") != form.FORMAT:
        raise BadExport(f"{folder} is not an export of a desk")
    if manifest.get("version") not in range(1, form.VERSION + 1):
        raise BadExport(f"{folder} is of version {manifest.get('version')}, this program reads up to {form.VERSION}")
    return Export(folder, manifest)


def faults_of(
    export: Export, trusted: Collection[str], keys: MasterKeys | None, told: Told = lambda events: None
) -> Iterator[Fault]:
    """Everything that is wrong with an export. `trusted` are the public keys of whoever may have made it; `keys` are
    the master keys, where they are at hand."""
    unsigned = heads.fault(export.manifest, trusted)
    if unsigned is not None:
        yield Fault(NO_LANE, 0, f"{form.MANIFEST}: {unsigned}")
    for name in export.manifest["files"]:
        what = file_fault(export, name)
        if what is not None:
            yield Fault(NO_LANE, 0, f"{name}: {what}")
    walks = []
    for head in export.manifest["heads"]:
        walks.append(Walk(head["lane"]))
        yield from _walk(export, head, walks[-1], told)
    yield from _people(export, walks, keys)
    if export.whole:
        yield from _commands(export, walks)


def file_fault(export: Export, name: str) -> str | None:
    """How a file differs from what the manifest says of it."""
    noted, digest, rows = export.manifest["files"][name], sha256(), 0
    try:
        for line in export.lines(name):
            digest.update(line)
            rows += 1
    except OSError as error:
        return f"it can't be read ({error.strerror})"
    if rows != noted["rows"]:
        return f"it has {rows} lines, the manifest says {noted['rows']}"
    return None if digest.hexdigest() == noted["sha256"] else "its bytes are not those of the manifest"


def _walk(export: Export, head: dict[str, Any], walk: Walk, told: Told) -> Iterator[Fault]:
    """One file of events against the chain and its signed head."""
    lane = walk.lane
    name = form.events_file(lane) if export.whole else form.client_file(head["client"])
    last = bytes(32)
    for number, line in enumerate(_lines_or_none(export, name), 1):
        try:
            event, previous = form.event_of(line)
        except BadExport as error:
            yield Fault(lane, walk.position + 1, f"{name} line {number}: {error}")
            walk.skip(walk.position + 1)
            continue
        yield from walk.step(event, None if export.whole else previous or b"")
        last = event.hash
        told(1)
    if export.whole:
        yield from walk.end(head["position"], bytes.fromhex(head["hash"]))
    elif walk.sequences.get(head["client"], 0) != head["sequence"] or last.hex() != head["hash"]:
        yield Fault(lane, walk.position, f"the events of {head['client']} do not end at the signed {head['sequence']}")


def _lines_or_none(export: Export, name: str) -> Iterator[bytes]:
    """A file that is missing was told already."""
    try:
        yield from export.lines(name)
    except OSError:
        return


def _people(export: Export, walks: list[Walk], keys: MasterKeys | None) -> Iterator[Fault]:
    wrapped: dict[int, dict[UUID, bytes]] = {}
    for row in _rows_or_none(export, "people"):
        try:
            lane, person, key = row["lane"], UUID(row["person"]), _bytes(row["wrapped"])
        except UNREADABLE:
            continue  # the file's checksum names the damage; here the key is missing and its walk says so
        wrapped.setdefault(lane, {})[person] = key
    for walk in walks:
        yield from key_faults(walk, wrapped.get(walk.lane, {}), keys)


def _commands(export: Export, walks: list[Walk]) -> Iterator[Fault]:
    known = {walk.lane: walk.streams for walk in walks}
    for row in _rows_or_none(export, "commands"):
        try:
            lane, event, what = row["lane"], answered(_bytes(row["answer"])), (row["command"], row["scope"])
        except UNREADABLE:
            continue  # the file's checksum names the damage
        if event is None or known.get(lane, {}).get(event[0], (0, 0))[0] < event[1]:
            yield Fault(lane, 0, f"command {what[0][:40]!r} of {what[1][:80]!r} has no event")


def _rows_or_none(export: Export, table: str) -> Iterator[dict[str, Any]]:
    try:
        yield from export.rows(table)
    except (OSError, ValueError):
        return


def _bytes(text: str) -> bytes:
    """PostgreSQL's JSON form of bytea."""
    return bytes.fromhex(text.removeprefix("\\x"))
