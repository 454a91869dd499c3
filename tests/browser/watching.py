"""A page enters; it leaves once it stands: its live connection, or its scripts after a way to another page."""

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
