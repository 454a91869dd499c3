"""The incident board in Chromium: one is told of by keyboard, and its tickets wear its badge."""

from __future__ import annotations

import json
import re

import httpx
from playwright.sync_api import Browser, expect

from tests.browser.conftest import PATIENCE_MS
from tests.browser.test_pages import serious
from tests.browser.visitors import Visitors
from tests.browser.watching import arrived, until_live
from tests.desk_process import DeskProcess


def test_an_incident_is_opened_told_of_by_keyboard_and_its_ticket_wears_a_badge(
    browser: Browser, desk: DeskProcess, visitors: Visitors
) -> None:
    login = json.loads((desk.home / "administrator.json").read_text())
    address = str(desk.running["address"])
    reference = visitors.submit("Nobody can sign in at all")
    with httpx.Client(base_url=f"{address}/api/v1", timeout=30) as http:
        session = http.post("/sessions", json={name: login[name] for name in ("email", "password")}).json()
        http.headers["Authorization"] = f"Bearer {session['token']}"
        made = http.post("/incidents", json={"title": "Sign-in fails", "tickets": [reference]})
        assert made.status_code == 201, made.text

    context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto("/login?next=/incidents")
    page.fill("#email", login["email"])
    page.fill("#password", login["password"])
    page.click("button.primary")
    page.wait_for_url("**/incidents")
    until_live(page)
    expect(page.locator(".incident-row")).to_contain_text("Sign-in fails")
    page.get_by_role("link", name="Sign-in fails").click()
    arrived(page, re.compile("/incidents/"))
    until_live(page)
    expect(page.locator(".incident-tickets")).to_contain_text(reference)
    page.keyboard.press("w")
    expect(page.locator("#text-update")).to_be_focused()
    page.keyboard.type("We are turning it back on.")
    page.locator(".incident-act[open] .act-box .button").click()
    expect(page.locator(".incident-updates")).to_contain_text("We are turning it back on.")
    assert not serious(page)

    page.goto(f"/tickets/{reference}")
    expect(page.locator(".incident-badge").first).to_contain_text("Incident")
    context.close()
