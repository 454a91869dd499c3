"""The files of other people that are copied into the tree are those that package.json pins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PINS: dict[str, str] = {}
for part in ("dependencies", "devDependencies"):
    PINS |= json.loads((ROOT / "package.json").read_text())[part]

COPIES = {
    "services/desk/static/vendor/htmx-{}.min.js": ("htmx.org", '"{}"'),
    "services/desk/static/vendor/hx-sse-{}.min.js": ("htmx.org", ""),
    "tests/browser/vendor/axe-{}.min.js": ("axe-core", "axe v{}"),
}


@pytest.mark.parametrize("copy", COPIES)
def test_a_copied_file_bears_the_pinned_version(copy: str) -> None:
    package, inside = COPIES[copy]
    version = PINS[package]
    text = (ROOT / copy.format(version)).read_text()
    assert inside.format(version) in text


def test_every_pin_is_one_exact_version() -> None:
    assert all(version.replace(".", "").isdigit() for version in PINS.values())


def test_the_pages_load_the_copies_and_nothing_from_elsewhere() -> None:
    page = (ROOT / "services/desk/templates/base.html").read_text()
    assert f"vendor/htmx-{PINS['htmx.org']}.min.js" in page
    assert f"vendor/hx-sse-{PINS['htmx.org']}.min.js" in page
    assert "//" not in page.replace("<!doctype", "")
