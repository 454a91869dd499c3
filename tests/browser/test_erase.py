"""A manager erases a requester's data from the ticket's page, by keyboard alone; an agent is not offered it."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage
from tests.browser.visitors import ARTEFACTS, AXE, Visitors
from tests.desk_process import DeskProcess

NAME = "Zenobia Quince"
WORDS = "The kettle of the third floor whistles"


def signed_in(page: Page, desk: DeskProcess) -> None:
    login = json.loads((desk.home / "administrator.json").read_text())
    page.fill("#email", login["email"])
    page.fill("#password", login["password"])
    page.click("button.primary")
    page.wait_for_url("**/inbox")


def test_a_requester_is_erased_by_keyboard_and_the_ticket_goes_on(
    new_page: NewPage, visitors: Visitors, desk: DeskProcess
) -> None:
    reference = visitors.submit(WORDS, name=NAME)
    agents = new_page(f"/tickets/{reference}")
    expect(agents.locator("#beside")).to_contain_text(NAME)
    expect(agents.locator("[data-open=erase], #erase")).to_have_count(0)

    page = new_page("/login", stranger=True)
    signed_in(page, desk)
    page.context.new_cdp_session(page).send("Page.setBypassCSP", {"enabled": True})  # for axe, which is no part of it
    page.goto(f"/tickets/{reference}")
    expect(page.locator("#ticket-head h1")).to_have_text(WORDS)
    page.keyboard.press("Control+k")
    page.keyboard.type("erase")
    page.keyboard.press("Enter")
    dialog = page.locator("#erase")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("nobody can undo this")
    page.screenshot(path=ARTEFACTS / "erase.png")
    page.add_script_tag(path=AXE)
    assert page.evaluate("async () => (await axe.run('#erase')).violations.map(fault => fault.help)") == []
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()

    page.locator("[data-open=erase]").focus()
    page.keyboard.press("Enter")
    dialog.locator("[name=sure]").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")

    expect(page.locator("#ticket-head h1")).to_have_text("[erased]")
    expect(page.locator(".letter.message")).to_contain_text("These words were erased.")
    expect(page.locator("#beside")).to_contain_text("[erased]")
    expect(page.locator("[data-open=erase], #erase")).to_have_count(0)
    assert not re.search("Zenobia|kettle", page.content())
    page.keyboard.press("n")
    page.keyboard.type("Closed for the record.")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".letter.note")).to_contain_text("Closed for the record.")
    page.goto("/inbox?sort=newest")
    expect(page.locator(f"a.subject[href='/tickets/{reference}']")).to_have_text("[erased]")
    page.screenshot(path=ARTEFACTS / "erased.png")
