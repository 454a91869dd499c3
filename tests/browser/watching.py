"""A page enters; it leaves once it stands: its live connection, its scripts after a way to another page; or its fit."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect


def until_live(page: Page) -> None:
    """Waits for the live connection."""
    expect(page.locator("#pulse")).to_have_attribute("data-state", "live")


def arrived(page: Page, address: re.Pattern[str]) -> None:
    """Waits for the page at `address` and its scripts: the address changes before they run, and a key would be lost."""
    expect(page).to_have_url(address)
    page.wait_for_load_state()


def fits(page: Page) -> bool:
    """Whether nothing makes the page wider than its window. A phone's innerWidth grows with what sticks out."""
    assert page.viewport_size
    return int(page.evaluate("document.documentElement.scrollWidth")) <= page.viewport_size["width"]
