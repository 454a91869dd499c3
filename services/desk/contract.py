"""contracts/asyncapi.yaml and the schemas that it names -> what a page shows of every event. I/O: those files, once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from services.kit.postgres import ROOT

CONTRACTS = ROOT / "contracts"


@dataclass(frozen=True)
class Field:
    """One value of an event."""

    name: str
    kind: str
    required: bool
    personal: bool
    says: str


@dataclass(frozen=True)
class EventPage:
    """One event type as it is told."""

    type: str
    title: str
    summary: str
    address: str
    schema: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Contract:
    """The whole document: events by family, and the attributes that every event has."""

    title: str
    version: str
    description: str
    families: Mapping[str, tuple[EventPage, ...]]
    attributes: tuple[Field, ...]


def read_contract(folder: Path = CONTRACTS) -> Contract:
    """The published contract."""
    document = yaml.load((folder / "asyncapi.yaml").read_text(), yaml.CSafeLoader)
    families: dict[str, list[EventPage]] = {}
    for name, channel in document["channels"].items():
        (message,) = (document["components"]["messages"][key] for key in channel["messages"])
        schema = message["payload"]["$ref"].removeprefix("./schemas/")
        page = EventPage(
            type=name,
            title=message["title"],
            summary=message.get("summary", ""),
            address=channel["address"],
            schema=schema,
            fields=fields_of(json.loads((folder / "schemas" / schema).read_text())),
        )
        families.setdefault(name.partition(".")[0], []).append(page)
    envelope = json.loads((folder / "schemas" / "cloudevent.v1.json").read_text())
    told = document["info"]
    pages = {family: tuple(pages) for family, pages in families.items()}
    return Contract(told["title"], told["version"], told["description"].replace("`", ""), pages, fields_of(envelope))


def fields_of(schema: Mapping[str, Any]) -> tuple[Field, ...]:
    """The values of an object, in the order in which they are told."""
    required = set(schema.get("required", ()))
    return tuple(
        Field(
            name,
            kind_of(value, schema.get("$defs", {})),
            name in required,
            is_personal(value),
            value.get("description", ""),
        )
        for name, value in schema.get("properties", {}).items()
    )


def is_personal(value: Any) -> bool:
    """Whether a value, or one inside it, is somebody's words."""
    if isinstance(value, Mapping):
        return value.get("personal") is True or any(is_personal(inner) for inner in value.values())
    return isinstance(value, list) and any(is_personal(inner) for inner in value)


def kind_of(value: Mapping[str, Any], named: Mapping[str, Any]) -> str:
    """What a value is, in a few words."""
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return kind_of(named[name], named) if "enum" in named.get(name, {}) else name
    if "enum" in value:
        return " | ".join(map(str, value["enum"]))
    if "const" in value:
        return str(value["const"])
    if "anyOf" in value:
        return " or ".join(dict.fromkeys(kind_of(part, named) for part in value["anyOf"]))
    if value.get("type") == "array":
        return f"list of {kind_of(value.get('items', {}), named)}"
    kind = str(value.get("format") or value.get("type") or "any")
    return {"date-time": "instant", "uuid": "UUID"}.get(kind, kind)
