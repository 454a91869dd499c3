"""Hours and policies in Chromium: what would be due changes as one types, and what is wrong stands at its field."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE_MS
from tests.browser.test_pages import serious
from tests.browser.visitors import ARTEFACTS
from tests.browser.watching import fits, until_live
from tests.desk_process import DeskProcess

OFFICE = {"zone": "Europe/Zurich", "hours": {day: [["08:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}}
STEP = {"at": 0.75, "action": "notify", "to": "lead"}
POLICY = {"rows": [{"priority": "P2", "targets": {"resolution": {"seconds": "4h", "escalations": [STEP]}}}]}


ALWAYS = {
    "zone": "UTC",
    "hours": {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")},
}
ASKED = {"client": "asked", "requester": {"email": "ann@asked.example"}, "subject": "Printer", "body": "It is off."}


def prepare(desk: DeskProcess) -> dict[str, str]:
    """A client with hours and a policy, one that is always open and has asked; and the administrator's login."""
    login: dict[str, str] = json.loads((desk.home / "administrator.json").read_text())
    with httpx.Client(base_url=f"{desk.running['address']}/api/v1", timeout=60) as http:
        told = http.post("/sessions", json={name: login[name] for name in ("email", "password")}).json()
        http.headers["Authorization"] = f"Bearer {told['token']}"
        for path, body in (("", {"name": "Hours Ltd", "prefix": "HRS"}), ("/calendar", OFFICE), ("/policy", POLICY)):
            assert http.put(f"/clients/hours{path}", json=body).is_success
        slow = {"rows": [{"targets": {"resolution": "8h"}}]}
        for path, terms in (("", {"name": "Asked Ltd", "prefix": "ASK"}), ("/calendar", ALWAYS), ("/policy", slow)):
            assert http.put(f"/clients/asked{path}", json=terms).is_success
        assert http.post("/tickets", json=ASKED).is_success
    return login


def open_page(
    browser: Browser, desk: DeskProcess, *, dark: bool = False, phone: bool = False, state: object = None
) -> Page:
    context = browser.new_context(
        base_url=str(desk.running["address"]),
        viewport={"width": 390, "height": 844} if phone else {"width": 1440, "height": 900},
        color_scheme="dark" if dark else "light",
        storage_state=state,  # type: ignore[arg-type]
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    return page


def signed_in(browser: Browser, desk: DeskProcess, path: str) -> Page:
    login = prepare(desk)
    page = open_page(browser, desk)
    page.goto(f"/login?next={path}")
    page.fill("#email", login["email"])
    page.fill("#password", login["password"])
    page.click("button.primary")
    page.wait_for_url(f"**{path}")
    until_live(page)
    return page


def test_a_policy_is_previewed_refused_at_its_field_and_saved(browser: Browser, desk: DeskProcess) -> None:
    page = signed_in(browser, desk, "/policies/hours")
    due = page.locator("#preview")
    expect(due).to_contain_text("Friday at 16:50 would be due Monday")
    expect(due).to_contain_text("at 11:50")
    steps = page.locator("#r0-steps")
    expect(steps).to_have_value("Solution 75%: notify lead")
    page.locator("#r0-resolution").fill("2h")
    expect(due).to_contain_text("at 09:50")
    page.locator("#hours-fri").fill("17:00-08:00")
    expect(due).to_contain_text("is inverted")
    page.screenshot(path=ARTEFACTS / "policies-problem.png", full_page=True)
    page.locator("button[value=calendar]").press("Enter")
    expect(page.locator("#hours-problem")).to_contain_text("is inverted")
    page.locator("#hours-fri").fill("08:00-16:55")
    page.locator("button[value=calendar]").press("Enter")
    page.wait_for_url("**/policies/hours?saved=calendar")
    page.locator("#r0-resolution").fill("0h")
    page.locator("button[value=policy]").press("Enter")
    expect(page.locator("#r0-resolution-problem")).to_contain_text("target of zero")
    page.wait_for_load_state()  # what is typed before its scripts run is not previewed
    page.locator("#r0-resolution").fill("3h")
    steps.fill("Solution 75%: notify lead\nSolution later: shout")
    expect(due).to_contain_text("'Solution later: shout' can't be read")
    steps.fill("Solution 75%: notify lead\nSolution +2h: move to level L9")
    page.locator("button[value=policy]").press("Enter")
    expect(page.locator("#r0-steps-problem")).to_contain_text("no level 'L9'")
    steps.fill("Solution 75%: notify lead\nSolution +2h: move to level L2, at any hour")
    page.locator("button[value=policy]").press("Enter")
    page.wait_for_url("**/policies/hours?saved=policy")
    expect(steps).to_have_value("Solution 75%: notify lead\nSolution +2h: move to level L2, at any hour")
    page.locator("#special").fill("2199-12-24 08:00–12:00")
    page.locator("#closed").fill("2199-12-24")
    page.locator("button[value=calendar]").press("Enter")
    expect(page.locator("#special-problem")).to_contain_text("is closed and has special hours")
    page.locator("#closed").fill("")
    page.locator("button[value=calendar]").press("Enter")
    page.wait_for_url("**/policies/hours?saved=calendar")
    expect(page.locator("#special")).to_have_value("2199-12-24 08:00–12:00")
    assert not serious(page)
    state = page.context.storage_state()
    page.screenshot(path=ARTEFACTS / "policies-light.png", full_page=True)
    page.context.close()
    for name, dark, phone, path in (
        ("policies-dark", True, False, "/policies/hours"),
        ("policies-phone", False, True, "/policies/hours"),
        ("portal-hours", True, True, "/portal/hours"),
    ):
        other = open_page(browser, desk, dark=dark, phone=phone, state=state)
        other.goto(path)
        expect(other.locator("h1")).to_be_visible()
        if path.startswith("/portal"):
            expect(other.locator("main")).to_contain_text("08:00–16:55")
            expect(other.locator("main")).to_contain_text("the solution: 3h")
        assert not serious(other)
        assert fits(other), f"{name} is wider than the window"
        other.screenshot(path=ARTEFACTS / f"{name}.png", full_page=True)
        other.context.close()


def test_a_replay_is_asked_watched_and_read(browser: Browser, desk: DeskProcess) -> None:
    page = signed_in(browser, desk, "/manage/replay")
    page.locator("button.primary", has_text="Replay").press("Enter")
    expect(page.locator("#set-problem")).to_contain_text("what is to be different")
    page.locator("#set").fill("P2.resolution=zero")
    page.locator("button.primary", has_text="Replay").press("Enter")
    expect(page.locator("#set-problem")).to_contain_text("is no duration")
    page.locator("#set").fill("resolution=1s")
    page.locator("#last").select_option("")
    today = datetime.now(UTC).date()
    page.locator("#from").fill((today - timedelta(days=1)).isoformat())
    page.locator("#to").fill((today + timedelta(days=1)).isoformat())
    page.wait_for_timeout(1_100)  # the ticket has waited longer than that by now
    page.locator("button.primary", has_text="Replay").press("Enter")
    page.wait_for_url("**/manage/replay/*")
    expect(page.locator("h1")).to_contain_text("solution 1s")
    expect(page.locator("#replay")).to_contain_text("breach gained")
    expect(page.locator("#replay a[href^='/tickets/ASK-']").first).to_be_visible()
    expect(page.locator(".replay-table tbody tr", has_text="asked").first).to_be_visible()
    assert not serious(page)
    page.screenshot(path=ARTEFACTS / "replay-light.png", full_page=True)
    state, url = page.context.storage_state(), page.url
    page.context.close()
    other = open_page(browser, desk, dark=True, phone=True, state=state)
    for name, path in (("replay-phone", url), ("replay-new-phone", "/manage/replay?client=hours&terms=1")):
        other.goto(path)
        expect(other.locator("h1")).to_be_visible()
        assert not serious(other)
        assert other.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than the window"
        other.screenshot(path=ARTEFACTS / f"{name}.png", full_page=True)
    other.context.close()
