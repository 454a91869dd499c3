"""The incident board in Chromium: one is told of by keyboard, and its tickets wear its badge."""

from __future__ import annotations

import json
import re

import httpx
from playwright.sync_api import Browser, expect

from tests.browser.conftest import PATIENCE_MS
from tests.browser.test_pages import serious
from tests.browser.visitors import ARTEFACTS, Visitors
from tests.browser.watching import arrived, fits, until_live
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

    until_live(page)
    page.keyboard.press("p")
    expect(page.locator("#title-what-everybody-reads")).to_be_focused()
    page.keyboard.type("Nobody at Acme Works can sign in")
    page.keyboard.press("Enter")
    expect(page.locator("#toast")).to_contain_text("names the client Acme Works")
    page.fill("#title-what-everybody-reads", "Sign-in is slow")
    page.locator(".incident-act[open] .act-box .button").click()
    expect(page.locator(".published")).to_contain_text("Sign-in is slow")

    page.goto(f"/tickets/{reference}")
    expect(page.locator(".incident-badge").first).to_contain_text("Incident")
    context.close()
    everybody_reads(browser, address, "Sign-in is slow")


def everybody_reads(browser: Browser, address: str, title: str) -> None:
    """A stranger's phone, at night, without scripts first: what was published, and no client's name."""
    phone = browser.new_context(
        base_url=address,
        viewport={"width": 390, "height": 844},
        color_scheme="dark",
        reduced_motion="reduce",
        java_script_enabled=False,
    )
    page = phone.new_page()
    page.set_default_timeout(PATIENCE_MS)
    for _ in range(30):  # an answer for everybody is kept for some seconds
        page.goto("/status")
        if page.get_by_role("heading", name=title).count():
            break
        page.wait_for_timeout(1_000)
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    told = page.content()
    assert not [inside for inside in ("Acme", "We are turning it back on", "Aisha") if inside in told]
    assert fits(page), "the page is wider than the window"
    page.screenshot(path=ARTEFACTS / "status-dark-phone.png", full_page=True)
    phone.close()
    context = browser.new_context(base_url=address, viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.goto("/status")
    assert not serious(page)
    page.screenshot(path=ARTEFACTS / "status.png", full_page=True)
    context.close()
