"""The generated files stand as the contracts say, and say what readers may rely on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contracts.catalogue import EVENTS
from contracts.model import Event
from services.cli.contracts import FOLDER, drifted, generated, write_files
from services.published.openapi import Clash, merged
from services.published.schemas import all_schemas, command_schema, commands, event_schema


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return generated()


def test_the_committed_files_are_what_the_contracts_say(files: dict[str, bytes]) -> None:
    assert drifted(FOLDER, files) == [], "run `make contracts` and commit what it wrote"


def test_writing_twice_changes_nothing_more(files: dict[str, bytes], tmp_path: Path) -> None:
    assert len(write_files(tmp_path, files)) == len(files)
    assert write_files(tmp_path, files) == []
    assert generated() == files


def test_drift_is_named_by_file(files: dict[str, bytes], tmp_path: Path) -> None:
    write_files(tmp_path, files)
    (tmp_path / "asyncapi.yaml").write_text("asyncapi: 2.6.0\n")
    (tmp_path / "schemas/ticket.closed.v1.json").unlink()
    (tmp_path / "schemas/ticket.forgotten.v1.json").write_text("{}")
    assert drifted(tmp_path, files) == [
        "contracts/schemas/ticket.closed.v1.json is missing",
        "contracts/asyncapi.yaml differs",
        "contracts/schemas/ticket.forgotten.v1.json belongs to no contract",
    ]


def test_the_schema_of_an_earlier_version_is_kept(
    files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path, files)
    monkeypatch.setattr(EVENTS["ticket.closed"], "schema_version", 2)
    now = generated()
    assert "schemas/ticket.closed.v2.json" in now
    write_files(tmp_path, now)
    assert (tmp_path / "schemas/ticket.closed.v1.json").exists()
    assert drifted(tmp_path, now) == []


@pytest.mark.parametrize("event", EVENTS.values(), ids=list(EVENTS))
def test_a_field_with_a_default_is_required_and_one_that_may_say_nothing_is_not(event: type[Event]) -> None:
    required = event_schema(event).get("required", [])
    for name, field in event.model_fields.items():
        assert (name in required) == (field.default is not None), name


@pytest.mark.parametrize("event", EVENTS.values(), ids=list(EVENTS))
def test_a_field_that_may_be_none_has_none_as_its_default(event: type[Event]) -> None:
    """encode leaves None out, so without the default what was written could not be read again."""
    for model in _models(event):
        for name, field in model.model_fields.items():
            nullable = type(None) in getattr(field.annotation, "__args__", ())
            assert not (nullable and field.is_required()), f"{model.__name__}.{name}"


def _models(model: Any) -> list[Any]:
    found = [model]
    for field in model.model_fields.values():
        found += [
            part
            for part in getattr(field.annotation, "__args__", (field.annotation,))
            if hasattr(part, "model_fields") and part is not model
        ]
    return found


def test_personal_fields_are_marked() -> None:
    schema = event_schema(EVENTS["ticket.submitted"])
    marked = {name for name, field in schema["properties"].items() if _is_personal(field)}
    assert marked == {"subject", "body", "answers"}
    assert schema["$defs"]["Attachment"]["properties"]["name"]["personal"] is True
    assert schema["$defs"]["Sealed"]["required"] == ["sealed", "person"]


def _is_personal(field: dict[str, Any]) -> bool:
    return bool(field.get("personal") or field.get("additionalProperties", {}).get("personal"))


def test_nothing_on_the_wire_may_be_null() -> None:
    for name, schema in all_schemas().items():
        if not name.startswith("commands/"):
            assert '"null"' not in str(schema).replace("'", '"'), name


@pytest.mark.parametrize("command", commands(), ids=lambda command: command.__name__)
def test_a_command_refuses_unknown_fields_and_needs_no_default(command: Any) -> None:
    schema = command_schema(command)
    assert schema["additionalProperties"] is False
    for name, field in command.model_fields.items():
        assert (name in schema.get("required", [])) == field.is_required()


def test_reads_and_writes_of_one_path_stand_together_in_order() -> None:
    reads = {"paths": {"/b": {"get": {}}, "/a": {"get": {}}}, "components": {"schemas": {"T": {"type": "object"}}}}
    writes = {"paths": {"/b": {"post": {}, "delete": {}}}, "components": {"schemas": {"T": {"type": "object"}}}}
    document = merged([writes, reads], "1")
    assert list(document["paths"]) == ["/a", "/b"]
    assert list(document["paths"]["/b"]) == ["delete", "get", "post"]


def test_two_apps_that_contradict_each_other_are_refused() -> None:
    one = {"components": {"schemas": {"Ticket": {"type": "object"}}}}
    other = {"components": {"schemas": {"Ticket": {"type": "string"}}}}
    with pytest.raises(Clash, match="Ticket"):
        merged([one, other], "1")
