"""Clocks and promises on the screens: the ticket's popover, the dashboard, and the page of a client's SLA."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage
from tests.browser.test_pages import serious
from tests.browser.visitors import ARTEFACTS, Visitors
from tests.browser.watching import arrived, fits, until_live

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALWAYS = {"zone": "Europe/Berlin", "hours": {day: ["00:00-24:00"] for day in DAYS}}
TARGETS = {"first_reply": "1s", "resolution": "8h", "update": "2h", "promise": "4h"}
"""A ticket that the desk itself writes down asks for a first reply with its requester's first message."""
PATIENCE_SECONDS = 60.0


def until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < end, f"not in time: {what}"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def ticket(visitors: Visitors) -> str:
    """A ticket of a client with a policy: paused, resumed by its requester, and late with the answer to them."""
    visitors.configure("/clients/clockworks", {"name": "Clock Works", "prefix": "CLOCK"})
    visitors.configure("/clients/clockworks/calendar", ALWAYS)
    visitors.configure("/clients/clockworks/policy", {"rows": [{"targets": TARGETS}]})
    reference = visitors.submit("The tower clock is five minutes late", client="clockworks")
    visitors.act(reference, "replies", body="We found a worn tooth.", status="waiting_for_customer")
    visitors.write(reference, "The key to the tower is with the sexton.")
    until(lambda: late(visitors, reference), "a second for the first answer has passed")
    visitors.act(reference, "replies", body="The tooth is replaced, the clock runs.")

    def told() -> bool:
        metrics = {line["metric"]: line for line in visitors.read("/clients/clockworks/sla")["metrics"]}
        return bool(metrics.get("first_reply", {}).get("breached") == 1)

    until(told, "reporting has judged the clock")
    return reference


def late(visitors: Visitors, reference: str) -> bool:
    shown = visitors.read(f"/tickets/{reference}/clocks")["clocks"]
    return any(clock["metric"] == "first_reply" and clock["outcome"] == "breached" for clock in shown)


def opened(page: Page) -> Page:
    page.keyboard.press("w")
    expect(page.locator("#clocks .clock").first).to_be_visible()
    return page


def test_the_clocks_of_a_ticket_are_drawn_and_explained_by_keyboard(new_page: NewPage, ticket: str) -> None:
    page = new_page(f"/tickets/{ticket}")
    until_live(page)
    opened(page)
    clock = page.locator(".clock", has_text="Our first reply")
    expect(clock).to_contain_text("was due by")
    expect(clock.locator("rect.late")).to_have_count(1)
    solution = page.locator(".clock", has_text="The solution")
    expect(solution.locator("rect.pause")).to_have_count(1)
    solution.locator("summary").click()
    for words in ("Starts", "Paused", "Goes on"):
        expect(solution.locator(".moments")).to_contain_text(words)
    page.screenshot(path=ARTEFACTS / "clocks.png")
    page.keyboard.press("Escape")
    expect(page.locator("#clocks")).to_be_hidden()


def test_clocks_stand_as_they_stood_and_fit_a_phone_in_the_dark(
    new_page: NewPage, ticket: str, visitors: Visitors
) -> None:
    events = visitors.read(f"/tickets/{ticket}/events")["items"]
    born = next(event["time"] for event in events if event["type"] == "ticket.submitted")
    page = new_page(f"/tickets/{ticket}?as_of={born.replace('+', '%2B')}", phone=True, dark=True)
    until_live(page)
    page.locator("#open-clocks").click()
    expect(page.locator("#clocks .clock", has_text="The solution")).to_contain_text("is due by")
    expect(page.locator("#clocks .clock", has_text="Our first reply")).to_have_count(0)
    assert fits(page)
    page.screenshot(path=ARTEFACTS / "clocks-phone.png")


def test_the_dashboard_leads_to_a_client_s_sla_and_from_there_to_the_tickets(new_page: NewPage, ticket: str) -> None:
    page = new_page("/manage")
    expect(page.locator(".soon-list a", has_text=ticket)).to_contain_text(re.compile("in |today|tomorrow"))
    page.screenshot(path=ARTEFACTS / "manage-promises.png", full_page=True)
    page.locator("section", has_text="Promises by client").get_by_role("link", name="Clock Works").click()
    arrived(page, re.compile(r"/manage/sla/clockworks"))
    expect(page.locator(".attained-row", has_text="First reply")).to_contain_text("0 %")
    page.screenshot(path=ARTEFACTS / "sla.png", full_page=True)
    page.locator("section", has_text="Why clocks ran late").get_by_role("link", name="1").first.click()
    arrived(page, re.compile(r"breach=ran_out"))
    expect(page.locator("#list tbody tr")).to_have_count(1)
    expect(page.locator("#list tbody")).to_contain_text(ticket)
    page.goto("/manage/sla/clockworks?show=pauses")
    expect(page.locator("#list .pause-row")).to_contain_text("ended by their word")


@pytest.mark.parametrize(("phone", "dark"), [(False, True), (True, False)], ids=["dark", "phone"])
def test_the_sla_page_has_no_serious_fault_against_wcag(
    new_page: NewPage, ticket: str, phone: bool, dark: bool
) -> None:
    page = new_page("/manage/sla/clockworks?show=pauses", phone=phone, dark=dark)
    assert not serious(page)
    assert fits(page), "the page is wider than the window"
    page.screenshot(path=ARTEFACTS / f"sla-{'dark' if dark else 'phone'}.png", full_page=True)
