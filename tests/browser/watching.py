"""A page enters; it leaves once its live connection stands."""

from __future__ import annotations

from playwright.sync_api import Page, expect

LOOK_MS = 8_000  # a page that has found no connection by then is opened once more, as its reader would


def until_live(page: Page) -> None:
    """Waits for the live connection; a page that a busy machine kept from connecting is loaded again, twice at most."""
    pulse = page.locator("#pulse")
    for _ in range(2):
        try:
            expect(pulse).to_have_attribute("data-state", "live", timeout=LOOK_MS)
        except AssertionError:
            page.reload()
        else:
            return
    expect(pulse).to_have_attribute("data-state", "live")
