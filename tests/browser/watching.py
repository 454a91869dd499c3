"""A page enters; it leaves once its live connection stands."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def until_live(page: Page) -> None:
    """Waits for the live connection."""
    expect(page.locator("#pulse")).to_have_attribute("data-state", "live")
