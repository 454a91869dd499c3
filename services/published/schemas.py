"""Contract models -> JSON Schemas of what stands on the wire. Pure.

An event is described as it is stored and sent: a field with a default is always there, so it stands in `required`; a
field that says nothing (None) is left out, so it is optional and never null. A command is described as it may be asked:
there a default need not be sent. Personal values carry `"personal": true`.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from contracts import calendars, clients, incident_commands, people, policies, ticket_commands
from contracts.catalogue import EVENTS
from contracts.envelope import CloudEvent
from contracts.model import SCHEMA_OF_SEALED, Command, Event

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ENVELOPE = "cloudevent.v1.json"


class Wire(GenerateJsonSchema):
    """The schema of JSON written with `exclude_none`, as contracts.catalogue.encode writes it."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,
    ) -> bool:
        return not may_be_left_out(field["schema"]) and super().field_is_required(field, total)


def may_be_left_out(schema: core_schema.CoreSchema) -> bool:
    """Whether a field's value may be None, and so absent on the wire."""
    match schema:
        case {"type": "default", "schema": inner}:
            return may_be_left_out(inner)
        case {"type": "nullable"}:
            return True
        case _:
            return False


def event_file(event: type[Event]) -> str:
    """The file of an event's schema, as `dataschema` names it: ticket.submitted.v1.json."""
    return f"{event.type}.v{event.schema_version}.json"


def event_schema(event: type[Event]) -> dict[str, Any]:
    """The schema of an event's data, of the version that is written today."""
    schema = event.model_json_schema(mode="serialization", schema_generator=Wire)
    named, found = _sealed_by_name(schema)
    if found:
        named["$defs"] = dict(sorted({**named.get("$defs", {}), "Sealed": SCHEMA_OF_SEALED}.items()))
    return {**_headed(event_file(event)), **named}


def _sealed_by_name(schema: Any) -> tuple[Any, bool]:
    """The same schema with what is a sealed value called by name; and whether one was met."""
    match schema:
        case {"title": "Sealed", "type": "object"}:
            return {"$ref": "#/$defs/Sealed"}, True
        case dict():
            members = {key: _sealed_by_name(value) for key, value in schema.items()}
            return {key: value for key, (value, _) in members.items()}, any(met for _, met in members.values())
        case list():
            items = [_sealed_by_name(value) for value in schema]
            return [value for value, _ in items], any(met for _, met in items)
        case _:
            return schema, False


def command_schema(command: type[Command]) -> dict[str, Any]:
    """The schema of what may be asked; unknown fields are refused."""
    return {**_headed(f"commands/{command.__name__}.json"), **command.model_json_schema(mode="validation")}


def envelope_schema() -> dict[str, Any]:
    """The schema of a whole event in structured CloudEvents form."""
    return {**_headed(ENVELOPE), **CloudEvent.model_json_schema(mode="serialization", schema_generator=Wire)}


def commands() -> list[type[Command]]:
    """Every command and the values that commands alone are made of, by name."""
    found = {
        name: value
        for module in (ticket_commands, incident_commands, clients, calendars, policies, people)
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Command) and value is not Command
    }
    return [found[name] for name in sorted(found)]


def all_schemas() -> dict[str, dict[str, Any]]:
    """Every schema by its file's path below contracts/schemas, sorted."""
    found = {ENVELOPE: envelope_schema()}
    found |= {event_file(event): event_schema(event) for event in EVENTS.values()}
    found |= {f"commands/{command.__name__}.json": command_schema(command) for command in commands()}
    return dict(sorted(found.items()))


def described(model: type[BaseModel]) -> str:
    """The first paragraph of a contract's own docstring; empty where its name speaks for itself."""
    text = model.__dict__.get("__doc__") or ""
    return text.strip().split("\n\n", maxsplit=1)[0].replace("\n    ", " ")


def _headed(path: str) -> dict[str, Any]:
    return {"$schema": DIALECT, "$id": f"/schemas/{path}"}
