"""openapi.yaml holds every route of both apps, in a fixed order, and every reference in it leads somewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.published.openapi import METHODS

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"

Operation = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((CONTRACTS / "openapi.yaml").read_text())
    return loaded


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        yield from ((path, method, item[method]) for method in item if method in METHODS)


def test_paths_stand_in_order_below_the_version(document: dict[str, Any]) -> None:
    assert list(document["paths"]) == sorted(document["paths"])
    assert all(path.startswith("/api/v1/") for path in document["paths"])


def test_the_public_names_of_reads_and_writes_are_there(document: dict[str, Any]) -> None:
    paths = document["paths"]
    for path, methods in {
        "/api/v1/tickets": {"post"},
        "/api/v1/tickets/{ticket}": {"get"},
        "/api/v1/tickets/{ticket}/events": {"get"},
        "/api/v1/tickets/{ticket}/replies": {"post"},
        "/api/v1/queue": {"get"},
        "/api/v1/dashboard": {"get"},
        "/api/v1/clients/{client}": {"get", "put"},
    }.items():
        assert methods <= set(paths.get(path, ())), f"{path} lacks {methods - set(paths.get(path, ()))}"


def test_every_operation_has_an_id_of_its_own(document: dict[str, Any]) -> None:
    """A generated client makes one function of each."""
    counted = Counter(operation["operationId"] for _, _, operation in operations(document))
    assert [name for name, count in counted.items() if count > 1] == []


def test_every_operation_says_what_it_answers_when_it_refuses(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        refusals = [answer for code, answer in operation["responses"].items() if code == "default" or code >= "400"]
        assert any("application/problem+json" in answer.get("content", {}) for answer in refusals), (method, path)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in references(document):
        target: Any = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "$ref" and isinstance(item, str):
                yield item
            else:
                yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)
