"""All pages in Chromium: readable for everybody, safe by their headers, honest when the connection is lost."""

from __future__ import annotations

import os
import re
import signal
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import NewPage
from tests.browser.visitors import ARTEFACTS, AXE, Visitors
from tests.browser.watching import fits, until_live
from tests.desk_process import DeskProcess

LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PAGES = (
    "/login", "/inbox", "/tickets/{reference}", "/manage", "/manage/questions", "/wallboard", "/mailbox", "/styleguide",
    "{portal}",
)  # fmt: skip


def serious(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2 AA, the serious and the critical. It runs beside the page's own policy."""
    page.context.new_cdp_session(page).send("Page.setBypassCSP", {"enabled": True})
    page.reload()
    page.wait_for_timeout(300)
    page.add_script_tag(path=AXE)
    found: dict[str, Any] = page.evaluate("levels => axe.run(document, {runOnly: levels})", LEVELS)
    return [
        f"{fault['id']}: {fault['help']}: {fault['nodes'][0]['html'][:200]}"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize(
    ("phone", "dark"), [(False, False), (False, True), (True, False)], ids=["light", "dark", "phone"]
)
@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_no_serious_fault_against_wcag(
    new_page: NewPage, visitors: Visitors, path: str, phone: bool, dark: bool
) -> None:
    reference = visitors.references[0]
    place = path.format(reference=reference, portal=visitors.links[reference])
    page = new_page(place, dark=dark, phone=phone, stranger=path in ("/login", "{portal}"))
    assert not serious(page)
    assert fits(page), "the page is wider than the window"


def test_the_receipt_in_the_mailbox_leads_its_requester_to_their_request(new_page: NewPage, visitors: Visitors) -> None:
    reference = visitors.fresh("The beamer shows green only")
    mailbox = new_page("/mailbox")
    letter = mailbox.locator(".letters a", has_text=reference)
    for _ in range(40):
        if letter.count():
            break
        mailbox.wait_for_timeout(250)
        mailbox.reload()
    letter.first.click()
    link = mailbox.locator(".mail-text a", has_text="/portal/").first.get_attribute("href")
    assert link is not None
    portal = new_page(link, stranger=True)
    expect(portal.locator("h1")).to_contain_text("The beamer shows green only")
    expect(portal.locator(".answer")).to_contain_text("Next update by")
    expect(portal.locator(".answer")).to_contain_text("What is being done now")


def test_a_requester_answers_on_their_page_and_sees_no_note(new_page: NewPage, visitors: Visitors) -> None:
    reference = visitors.fresh("The coffee machine asks for a password")
    visitors.act(reference, "notes", body="Do not tell them about the service code.")
    visitors.act(reference, "replies", body="We found its manual and call you at ten.")
    portal = new_page(visitors.links[reference], stranger=True)
    expect(portal.locator(".said")).to_contain_text("We found its manual")
    assert "service code" not in portal.content()
    agent = new_page(f"/tickets/{reference}")
    until_live(agent)
    portal.fill("#words", "It works with 0000, thank you!")
    portal.click("text=Send")
    expect(portal.locator(".said")).to_contain_text("It works with 0000")
    expect(agent.locator(".letter.message").last).to_contain_text("It works with 0000")
    portal.screenshot(path=ARTEFACTS / "portal.png", full_page=True)


def test_a_link_with_another_key_opens_nothing(new_page: NewPage, visitors: Visitors) -> None:
    page = new_page(
        re.sub("key=.*", "key=" + "0" * 32, visitors.links[visitors.references[0]]), stranger=True, may_complain=True
    )
    expect(page.locator("h1")).to_have_text("There is no such page")


def test_each_figure_of_the_dashboard_leads_to_its_tickets(new_page: NewPage, visitors: Visitors) -> None:
    page = new_page("/manage")
    for label in ("Unassigned", "Overdue", "Created today"):
        figure = page.locator(".figure", has_text=label)
        told = figure.locator(".n").inner_text()
        figure.click()
        expect(page.locator("#inbox-total")).to_have_text(told)
        page.goto("/manage")
    page.screenshot(path=ARTEFACTS / "manage.png")


def test_a_recurring_question_is_counted_with_examples_that_open(new_page: NewPage, visitors: Visitors) -> None:
    asked = [
        visitors.submit("Barcode scanner lost calibration", name=name) for name in ("Ana Ruiz", "Bo Lind", "Cy Ray")
    ]
    page = new_page("/manage/questions?client=acme&limit=100", may_complain=True)
    first, *others = [f'a[href="/tickets/{one}"]' for one in asked]
    question = page.locator(".question", has=page.locator(first))
    for _ in range(120):
        if all(question.locator(one).count() for one in others):
            break
        page.wait_for_timeout(250)
        page.reload()
    expect(question.locator("h3")).to_contain_text("calibration")
    expect(question.locator(".bar .n")).to_have_text(re.compile(r"^[3-9]\d* tickets"))
    expect(question.locator(".question-facts")).to_contain_text("Requesters")
    expect(page.locator("#bound")).to_contain_text("Looked at all")
    page.screenshot(path=ARTEFACTS / "questions.png", full_page=True)
    question.locator(first).click()
    page.wait_for_url(f"**/tickets/{asked[0]}")
    page.goto("/manage/questions?client=acme&to=2001-01-01")
    expect(page.locator(".empty")).to_contain_text("Choose other days")


def test_the_wallboard_counts_a_new_ticket_by_itself(new_page: NewPage, visitors: Visitors) -> None:
    page = new_page("/wallboard")
    until_live(page)
    unresolved = page.locator(".wall-figure .n").first
    before = int(unresolved.inner_text().replace(",", ""))
    visitors.fresh("The gate is stuck")
    expect(unresolved).to_have_text(f"{before + 1:,}")


def test_a_lost_connection_is_said_and_comes_back(new_page: NewPage, desk: DeskProcess) -> None:
    page = new_page("/inbox", may_complain=True)
    until_live(page)
    page.route("**/live", lambda route: route.abort())
    os.kill(desk.running["pids"]["web"], signal.SIGKILL)
    expect(page.locator("#lost")).to_be_visible(timeout=20_000)
    page.unroute("**/live")
    expect(page.locator("#lost")).to_be_hidden(timeout=40_000)
    until_live(page)


def test_a_slow_script_does_not_cost_the_live_connection(new_page: NewPage) -> None:
    page = new_page("/login")

    def late(route: Route) -> None:
        page.wait_for_timeout(500)
        route.continue_()

    page.route("**/hx-sse-*", late)
    page.goto("/wallboard")
    until_live(page)


def test_a_page_may_run_only_its_own_scripts(desk: DeskProcess) -> None:
    answer = httpx.get(f"{desk.running['address']}/login")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=", answer.text)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "httponly" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_a_form_from_elsewhere_is_refused(desk: DeskProcess, headers: dict[str, str]) -> None:
    with httpx.Client(base_url=str(desk.running["address"])) as http:
        token = re.search('name="csrf" value="([^"]+)"', http.get("/login").text)
        assert token is not None
        csrf = token[1] if headers else "of another browser"
        answer = http.post("/login", data={"csrf": csrf, "email": "a@b.example", "password": "x"}, headers=headers)
    assert answer.status_code == 403
