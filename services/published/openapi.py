"""The OpenAPI documents of intake and reporting -> one document: writes of the one, reads of the other. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

METHODS = ("get", "head", "put", "post", "patch", "delete")

TITLE = "Daybook"
DESCRIPTION = (
    "Everything that the screens do, for programs. JSON; errors are problem+json (RFC 9457) with a stable `code`; "
    "`Authorization: Bearer`, `Idempotency-Key` on POST, `If-Match: <version>`, cursors for pages, `as_of` on reads."
)


class Clash(ValueError):
    """Two apps say different things under one name."""


def merged(documents: Iterable[dict[str, Any]], version: str) -> dict[str, Any]:
    """One document with every operation and component, sorted. Raises Clash where the apps contradict each other."""
    paths: dict[str, dict[str, Any]] = {}
    components: dict[str, dict[str, Any]] = {}
    for document in documents:
        for path, item in document.get("paths", {}).items():
            _join(paths.setdefault(path, {}), item, f"path {path}")
        for kind, members in document.get("components", {}).items():
            _join(components.setdefault(kind, {}), members, f"components/{kind}")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "version": version,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {path: _by_method(item) for path, item in sorted(paths.items())},
        "components": {kind: dict(sorted(members.items())) for kind, members in sorted(components.items())},
    }


def _join(into: dict[str, Any], members: dict[str, Any], where: str) -> None:
    for name, member in members.items():
        if into.setdefault(name, member) != member:
            raise Clash(f"{where}: intake and reporting describe {name} differently; give one of them another name")


def _by_method(item: dict[str, Any]) -> dict[str, Any]:
    return {method: item[method] for method in sorted(item, key=lambda key: (key not in METHODS, key))}
