"""Personal text <-> sealed text, by each person's own key. I/O for the keys; sealing itself is not.

A key is made when a person becomes known, kept wrapped by the desk's master key, and deleted when the person is erased.
(services/kit/keyring.py has the master keys.)
Opened keys are cached for a short while. Who was erased, in whatever process, is heard of within HEARD_SECONDS.
"""

from __future__ import annotations

import hmac
import logging
from binascii import a2b_base64, b2a_base64
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from contracts.model import Seal, Sealed
from contracts.subjects import lane_of, lane_of_client, stamp_lane
from services.kit.keyring import NONCE_BYTES, Keyring, derived
from services.kit.postgres import Connection, Pool, queries
from services.kit.telemetry import log_message

SQL = queries("services/kit/sql/personal.sql")

KEY_SECONDS = 30.0  # an opened key is used for so long before it is asked for again
HEARD_SECONDS = 1.0  # between two looks for who was erased; a process that uses no key in the meantime needs none
KEYS_MAX = 50_000  # opened keys held by one process
SEALED_KEYS = 2  # of a sealed value in JSON: `sealed` and `person`
NONCES = 512  # drawn at once: one by one, asking the system for them takes as long as sealing a short text
HANDLES = "handles"
"""The desk's secret that turns addresses into handles; also what binds its wrapping."""
ERASED = "[erased]"
"""What stands where an erased person's text stood."""
DAMAGED = "[damaged]"
"""What stands where a text does not open with its person's key, which is there."""

LOG = logging.getLogger("daybook.personal")


class Damaged(ValueError):
    """A sealed text does not open with its person's key, which is there: one of the two was changed."""

    def __init__(self, person: UUID) -> None:
        super().__init__(f"a text of person {person} does not open with their key: run daybook verify")
        self.person = person


class Known(NamedTuple):
    """A person, and whether the log holds their `person.registered`."""

    person: UUID
    registered: bool


class Vault:
    """Finds and makes persons, seals and opens their text. One per process; a forked one makes its own, or it would use
    the same nonces again."""

    def __init__(
        self,
        pool: Pool | Connection,
        master_key: bytes | Keyring,
        *,
        new_id: Callable[[], UUID],
        random_bytes: Callable[[int], bytes],
        monotonic: Callable[[], float],
    ) -> None:
        self._pool = pool
        self._ring = master_key if isinstance(master_key, Keyring) else Keyring.of(master_key)
        self._handle_key = derived(self._ring.keys.current, "daybook person handles")
        self._prepared = False
        self._new_id = new_id
        self._random = random_bytes
        self._nonce = _nonces(random_bytes).__next__
        self._monotonic = monotonic
        self._keys: OrderedDict[UUID, tuple[AESGCM | None, float]] = OrderedDict()
        self._heard_at = monotonic()

    async def prepare(self) -> None:
        """Has the key of the handles at hand. It is the desk's own and outlives its first master key, from which it is
        derived. Raises WrongMasterKey."""
        if self._prepared:
            return
        wrapped = await self._pool.fetchval(SQL["secret"], HANDLES)
        if wrapped is None:
            first = self._ring.wrap(HANDLES.encode(), self._handle_key, self._random(NONCE_BYTES))
            await self._pool.execute(SQL["put_secret"], HANDLES, first)
            wrapped = await self._pool.fetchval(SQL["secret"], HANDLES)
        self._handle_key = self._ring.unwrap(HANDLES.encode(), wrapped)
        self._prepared = True

    def handle(self, client: str, name: str) -> bytes:
        """What stands for an address (or a source's name of a person) in the database: equal, and unreadable. Await
        `prepare` once before."""
        return hmac.digest(self._handle_key, f"{client}\0{name.strip().casefold()}".encode(), sha256)

    async def find(self, client: str, name: str) -> UUID | None:
        """The person of a client by address or source name."""
        await self.prepare()
        found: UUID | None = await self._pool.fetchval(
            SQL["find"], lane_of_client(client), client, self.handle(client, name)
        )
        return found

    async def find_or_make(self, client: str, name: str, connection: Connection | None = None) -> tuple[UUID, bool]:
        """The person of a client by address or source name, with a new key where unknown; and whether they are new.

        A key without a `person.registered` event does no harm: the next command finds the person and registers them.
        """
        await self.prepare()
        lane = lane_of_client(client)
        reader = connection or self._pool
        known = await reader.fetchval(SQL["find"], lane, client, self.handle(client, name))
        if known is not None:
            return known, False
        person = stamp_lane(self._new_id(), lane)
        key = AESGCM.generate_key(256)
        row = await reader.fetchrow(
            SQL["find_or_make"], lane, person, client, self.handle(client, name), self._wrap(person, key)
        )
        if row is None:
            raise LookupError("an upsert returned no row")
        made = bool(row["person"] == person)
        if made:
            self._remember(person, AESGCM(key))
        return row["person"], made

    async def find_or_make_many(self, parties: Collection[tuple[str, str]]) -> dict[bytes, Known]:
        """Persons by (client, address or source name), made where unknown, by their handles. Their keys are at hand."""
        await self.prepare()
        rows = {}
        for client, name in parties:
            lane, handle = lane_of_client(client), self.handle(client, name)
            person = stamp_lane(self._new_id(), lane)
            rows[handle] = (lane, person, client, handle, self._wrap(person, AESGCM.generate_key(256)))
        found = await self._pool.fetch(SQL["find_or_make_many"], *zip(*rows.values(), strict=True))
        for row in found:
            self._remember(row["person"], self._unwrap(row["person"], row["wrapped"]))
        return {row["handle"]: Known(row["person"], row["registered"]) for row in found}

    async def load(self, persons: Collection[UUID]) -> None:
        """Has the keys of these persons at hand, so that `seal` and `open` need not wait."""
        await self._hear()
        now = self._monotonic()
        missing = [person for person in set(persons) if not self._fresh(person, now)]
        if not missing:
            return
        rows = await self._pool.fetch(SQL["keys"], list({lane_of(person) for person in missing}), missing)
        wrapped = {row["person"]: row["wrapped"] for row in rows}
        for person in missing:
            self._remember(person, self._unwrap(person, wrapped[person]) if person in wrapped else None)

    async def _hear(self) -> None:
        """Forgets the keys of who was erased of late. A key that was read before an erasure and kept after it is met
        again the next time: looks reach back for as long as a key is held."""
        now = self._monotonic()
        if now - self._heard_at < HEARD_SECONDS:
            return
        self._heard_at = now
        for row in await self._pool.fetch(SQL["erased_lately"], 2 * KEY_SECONDS):
            self._keys.pop(row["person"], None)

    def forget(self, person: UUID) -> None:
        """Asks for the person's key again when it is needed next: they have just been erased here."""
        self._keys.pop(person, None)

    def sealer(self, person: UUID) -> Seal:
        """A function that seals text with a loaded person's key. Raises KeyError for one erased or not loaded."""
        key, _ = self._keys[person]
        if key is None:
            raise KeyError(f"person {person} is erased or unknown")
        identity, name, encrypt, next_nonce = person.bytes, str(person), key.encrypt, self._nonce

        def seal(text: str) -> dict[str, str]:
            try:
                plain = text.encode()
            except UnicodeEncodeError:  # half of a surrogate pair
                plain = text.encode("utf-8", "replace")
            nonce = next_nonce()
            box = nonce + encrypt(nonce, plain, identity)
            return {"sealed": str(b2a_base64(box, newline=False), "ascii"), "person": name}

        return seal

    def seal_bytes(self, person: UUID, content: bytes) -> bytes:
        """A file sealed with a loaded person's key: nonce and box. Raises KeyError for one erased or not loaded."""
        key, _ = self._keys[person]
        if key is None:
            raise KeyError(f"person {person} is erased or unknown")
        nonce = self._random(NONCE_BYTES)  # of its own: this may run in a thread
        return nonce + key.encrypt(nonce, content, person.bytes)

    def open(self, value: str | Sealed) -> str:
        """The text of a value whose person is loaded; ERASED where the key is gone. Raises Damaged."""
        if isinstance(value, str):
            return value
        return self._open(value.person, value.sealed)

    def shown(self, value: str | Sealed) -> str:
        """The same for screens, views and judgements, which go on: DAMAGED where it does not open, and a log line."""
        return value if isinstance(value, str) else self._shown(value.person, value.sealed)

    def _shown(self, person: UUID, sealed: str) -> str:
        try:
            return self._open(person, sealed)
        except Damaged:
            log_message(LOG, "text_damaged", logging.ERROR, person=person)
            return DAMAGED

    async def open_json(self, value: Any) -> Any:
        """The same JSON with every sealed value opened, as `shown`."""
        copy, places = [value], list[Place]()
        _copy_into(copy, enumerate([value]), places)
        await self.load({place.person for place in places})
        for place in places:
            place.holder[place.key] = self._shown(place.person, place.sealed)
        return copy[0]

    def _open(self, person: UUID, sealed: str) -> str:
        key = self._keys.get(person, (None, 0.0))[0]
        if key is None:
            return ERASED
        try:
            box = a2b_base64(sealed)
            return key.decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], person.bytes).decode()
        except (InvalidTag, ValueError):
            raise Damaged(person) from None

    def _fresh(self, person: UUID, now: float) -> bool:
        held = self._keys.get(person)
        return held is not None and held[1] > now

    def _remember(self, person: UUID, key: AESGCM | None) -> None:
        self._keys[person] = (key, self._monotonic() + KEY_SECONDS)
        self._keys.move_to_end(person)
        while len(self._keys) > KEYS_MAX:
            self._keys.popitem(last=False)

    def _wrap(self, person: UUID, key: bytes) -> bytes:
        return self._ring.wrap(person.bytes, key, self._random(NONCE_BYTES))

    def _unwrap(self, person: UUID, wrapped: bytes) -> AESGCM:
        return AESGCM(self._ring.unwrap(person.bytes, wrapped))


def _nonces(random_bytes: Callable[[int], bytes]) -> Iterator[bytes]:
    """Random nonces, each once."""
    while True:
        drawn = random_bytes(NONCE_BYTES * NONCES)
        for start in range(0, len(drawn), NONCE_BYTES):
            yield drawn[start : start + NONCE_BYTES]


class Place(NamedTuple):
    """Where a sealed value stood in some JSON, and what it is."""

    holder: Any
    key: Any
    person: UUID
    sealed: str


def _copy_into(copy: Any, items: Iterable[tuple[Any, Any]], places: list[Place]) -> None:
    """Copies what is nested in a copied dict or list, too; `places` learns where sealed values stand in it."""
    for key, item in items:
        if isinstance(item, dict):
            box = _boxed(item) if len(item) == SEALED_KEYS else None
            if box is not None:
                places.append(Place(copy, key, *box))
            else:
                copy[key] = inner = dict(item)
                _copy_into(inner, item.items(), places)
        elif isinstance(item, list):
            copy[key] = of_list = list(item)
            _copy_into(of_list, enumerate(item), places)


def _boxed(value: Mapping[Any, Any]) -> tuple[UUID, str] | None:
    """Whose sealed value some JSON is, and its box, if it is one."""
    box, person = value.get("sealed"), value.get("person")
    if not isinstance(box, str) or not isinstance(person, str):
        return None
    try:
        return UUID(person), box
    except ValueError:
        return None
