"""A page of the queue enters, its groups by deadline and its filters leave. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import urlencode

from services.desk import words
from services.desk.reader import Reader
from services.desk.shapes import QueueItem

MANY_EXCHANGES = 12  # F71: from here on a conversation stands out
GROUPS = {
    "overdue": "Overdue",
    "soon": "Within the hour",
    "today": "Today",
    "tomorrow": "Tomorrow",
    "later": "Later",
    "none": "Nothing promised",
}


@dataclass(frozen=True)
class Filters:
    """What the address bar says about the queue. An empty status means everything that is not resolved or closed."""

    status: str = ""
    priority: str = ""
    client: str = ""
    assignee: str = ""
    category: str = ""
    overdue: str = ""
    opened_on: str = ""
    q: str = ""
    sort: str = ""
    cursor: str = ""
    as_of: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Filters:
        given = {name: query.get(name, "").strip() for name in cls.__dataclass_fields__}
        given["sort"] = given["sort"] if given["sort"] in words.SORTS else ""
        given["overdue"] = "true" if given["overdue"] else ""
        given["opened_on"] = given["opened_on"] if _is_day(given["opened_on"]) else ""
        return cls(**given)

    def url(self, **changes: str) -> str:
        """The inbox with some of these changed; a change of filter leaves the cursor behind."""
        changed = replace(self, **({"cursor": ""} | changes))
        return f"/inbox{changed.query()}"

    def query(self) -> str:
        kept = {name: getattr(self, name) for name in self.__dataclass_fields__}
        kept = {name: value for name, value in kept.items() if value}
        return f"?{urlencode(kept)}" if kept else ""

    def asked(self, limit: int) -> dict[str, str | int | list[str] | None]:
        """The same question in the API's words."""
        states = {"": list(words.UNRESOLVED), "all": []}.get(self.status, [self.status])
        kept = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return kept | {"status": states, "limit": limit}

    @property
    def order(self) -> str:
        """The order that is meant: what was chosen, or the best match of words, or the next deadline."""
        return self.sort or ("relevance" if self.q else "deadline")

    @property
    def orders(self) -> dict[str, str]:
        """The orders to choose from; the one that goes without saying has no value."""
        usual = "relevance" if self.q else "deadline"
        others = {key: name for key, name in words.SORTS.items() if key not in (usual, "relevance")}
        return {"": words.SORTS[usual]} | others

    @property
    def narrowed(self) -> bool:
        narrow = (self.priority, self.client, self.assignee, self.category, self.overdue, self.opened_on, self.q)
        return any(narrow)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Tab:
    status: str
    title: str
    count: int | None
    url: str
    current: bool


@dataclass(frozen=True)
class Group:
    key: str
    title: str
    items: tuple[QueueItem, ...]


def tabs(filters: Filters, counts: Mapping[str, int]) -> list[Tab]:
    """Unresolved first, then each status, then everything; with the counts that the API gave."""
    unresolved = sum(counts.get(status, 0) for status in words.UNRESOLVED) if counts else None
    every = sum(counts.values()) if counts else None
    found = [("", "Unresolved", unresolved)]
    found += [(status, title, counts.get(status, 0) if counts else None) for status, title in words.STATUSES.items()]
    found += [("all", "All", every)]
    return [Tab(key, title, number, filters.url(status=key), filters.status == key) for key, title, number in found]


def groups(items: Iterable[QueueItem], filters: Filters, reader: Reader) -> list[Group]:
    """By nearness of the deadline where the queue is sorted by it, otherwise one group without a title."""
    if filters.order != "deadline":
        return [Group("all", "", tuple(items))]
    found: dict[str, list[QueueItem]] = {}
    for item in items:
        found.setdefault(nearness(item, reader), []).append(item)
    return [Group(key, GROUPS[key], tuple(group)) for key, group in found.items()]


def nearness(item: QueueItem, reader: Reader) -> str:
    at = None if item.status in words.ENDED else item.due
    state = reader.deadline(at).state
    if state != "later" or at is None:
        return state
    days = (reader.local(at).date() - reader.local(reader.now).date()).days
    return {0: "today", 1: "tomorrow"}.get(days, "later")
