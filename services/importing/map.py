"""A map: which column of another desk's log means what. Pure data. maps/servicenow.yaml explains it.

Column names are those of the file's header. A cell that says nothing (`file.empty`) is absent, whatever it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Generic, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from contracts.clients import Tier
from contracts.terms import Channel, Priority, Status, Urgency

Column = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Template = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
"""Text with `{column}` where a cell goes; in a `name`, `{value}` is the cell itself."""

UNCHANGED = "unchanged"
"""Among `state.words`: the row tells of something else; the ticket stays in the state it was in."""

BRACED = re.compile(r"\{([^{}]+)\}")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name} is not an IANA time zone") from None
    return name


Zone = Annotated[str, AfterValidator(_zone)]


class Part(BaseModel):
    """Unknown keys are refused, so that a misspelt one is not silently without effect."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FileForm(Part):
    """How the file is written. A file that is gzip is recognised by its first bytes."""

    encoding: str = "utf-8"
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    quote: Annotated[str, StringConstraints(min_length=1, max_length=1)] = '"'
    empty: tuple[str, ...] = ("",)

    @field_validator("encoding")
    @classmethod
    def known(cls, encoding: str) -> str:
        try:
            "".encode(encoding)
        except LookupError:
            raise ValueError(f"{encoding} is not an encoding that Python knows") from None
        return encoding


class Time(Part):
    """When a row happened. `formats` are tried in order: iso, epoch, epoch_ms, or strptime's letters."""

    column: Column
    formats: tuple[str, ...] = Field(("iso",), min_length=1)
    zone: Zone = "Etc/UTC"
    """Where the clocks hung that wrote times without an offset."""


Meaning = Status | Literal["unchanged"]


class State(Part):
    """The source's word for where a ticket stands, or for what was done; several columns are joined with a slash."""

    column: Annotated[tuple[Column, ...], Field(min_length=1)]
    words: dict[str, Meaning] = Field(min_length=1)
    other: Meaning | None = None
    """What a word means that is not listed. Without it such a word stops the import before anything is written."""

    @field_validator("column", mode="before")
    @classmethod
    def one_or_several(cls, column: object) -> object:
        return (column,) if isinstance(column, str) else column

    def meaning(self, word: str) -> Meaning | None:
        """Of the whole word, or of its part before the first slash; None where the map does not know it."""
        return self.words.get(word) or self.words.get(word.partition("/")[0]) or self.other


V = TypeVar("V")


class Coded(Part, Generic[V]):
    """A column whose words stand for our own: priority, urgency, channel. `none` is meant by an empty cell."""

    column: Column
    values: dict[str, V] = Field(min_length=1)
    other: V | None = None
    none: V | None = None

    def of(self, cell: str) -> V | None:
        return self.values.get(cell, self.other) if cell else self.none


class Named(Part):
    """A column that names something: a category, a team. `name` makes the source's number readable."""

    column: Column | None = None
    name: Template = "{value}"
    none: str | None = None
    """The name where the cell is empty, or where there is no column."""

    @model_validator(mode="after")
    def says_something(self) -> Named:
        if self.column is None and self.none is None:
            raise ValueError("give a column, or the one name for all under none")
        return self

    def of(self, cell: str) -> str | None:
        return self.name.replace("{value}", cell) if cell else self.none


class ClientColumn(Named):
    """A ticket's first client is its client for good. `none` names the client of tickets without one."""

    none: str | None = "Imported"
    zone: Zone = "Etc/UTC"
    tier: Tier = Tier.STANDARD
    languages: tuple[str, ...] = ("en",)


class RequesterColumn(Named):
    """Who asked. With an address they are the same person as anybody who writes from it."""

    none: str | None = "Unknown requester"
    address: Column | None = None


class AgentColumn(Named):
    """Whose ticket it is. With `when`, only rows with one of these words of the state say it."""

    when: tuple[str, ...] = ()


class Map(Part):
    """The whole map of one source."""

    system: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,38}$")]
    """Goes into every id: two files of one desk share it, and it never changes."""
    file: FileForm = FileForm()
    case: Column
    time: Time
    opened: Column | None = None
    state: State
    reopened: Column | None = None
    """A column that counts reopenings. Without it, leaving an ended state is one."""
    client: ClientColumn = ClientColumn()
    requester: RequesterColumn = RequesterColumn()
    actor: Named | None = None
    agent: AgentColumn | None = None
    team: Named | None = None
    priority: Coded[Priority] | None = None
    urgency: Coded[Urgency] | None = None
    channel: Coded[Channel] | None = None
    category: Named | None = None
    subject: Template = "Imported ticket"
    body: Template = "Imported from another desk, whose log holds no text."
    answers: dict[Column, Column] = Field(default_factory=dict)
    """Further columns of the first row to keep with the ticket: our name for it -> column."""
    note: Column | None = None
    """A column whose text becomes an internal note wherever it changes."""

    def columns(self) -> dict[str, str]:
        """Every column that the file must have -> where the map asks for it."""
        found: dict[str, str] = {}
        for where, column in self._asked():
            found.setdefault(column, where)
        return found

    def names(self) -> list[str]:
        """The columns that name something, as against those that may hold a text."""
        texts = {"subject", "body", "note"}
        return [column for column, where in self.columns().items() if where not in texts and "answers" not in where]

    def _asked(self) -> Iterator[tuple[str, str]]:
        yield "case", self.case
        yield "time.column", self.time.column
        yield from (("state.column", column) for column in self.state.column)
        for name in ("opened", "reopened", "note"):
            if getattr(self, name):
                yield name, getattr(self, name)
        for name in ("client", "requester", "actor", "agent", "team", "priority", "urgency", "channel", "category"):
            part = getattr(self, name)
            if part is not None and part.column is not None:
                yield f"{name}.column", part.column
        if self.requester.address:
            yield "requester.address", self.requester.address
        yield from ((f"answers.{name}", column) for name, column in self.answers.items())
        for name in ("subject", "body"):
            yield from ((name, column) for column in BRACED.findall(getattr(self, name)))
