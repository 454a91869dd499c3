"""The queue in Chromium: what stands in it, what arrives while somebody looks, and the way through it by keyboard."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage
from tests.browser.visitors import ARTEFACTS, Visitors
from tests.browser.watching import arrived, until_live

FOCUSED = "document.activeElement.id"


def row(page: Page, reference: str) -> str:
    return f'#queue .line[data-reference="{reference}"]'


def test_a_wrong_password_is_told_in_one_sentence_and_the_address_stays(new_page: NewPage) -> None:
    page = new_page("/login", stranger=True)
    page.fill("#email", "aisha@northdesk.example")
    page.fill("#password", "not this one")
    page.keyboard.press("Enter")
    expect(page.locator("#login-problem")).to_have_text("This mail address and password do not belong together.")
    expect(page.locator("#email")).to_have_value("aisha@northdesk.example")


def test_whoever_is_not_signed_in_is_led_to_the_login_and_back(new_page: NewPage, visitors: Visitors) -> None:
    page = new_page("/inbox?priority=P1", stranger=True)
    arrived(page, re.compile(r"/login\?next="))
    page.fill("#email", visitors.EMAIL)
    page.fill("#password", visitors.PASSWORD)
    page.keyboard.press("Enter")
    arrived(page, re.compile(r"/inbox\?priority=P1$"))


def test_the_queue_shows_every_open_ticket_with_its_deadline(new_page: NewPage, visitors: Visitors) -> None:
    page = new_page("/inbox")
    line = page.locator(row(page, visitors.references[0]))
    expect(line.locator(".subject")).to_contain_text("The VPN drops every ten minutes")
    expect(line.locator(".subject")).to_contain_text("Ana Ruiz")
    expect(line.locator(".c-client")).to_have_text("Acme Works")
    expect(line.locator(".due time")).to_be_visible()
    expect(line.locator(".priority")).to_have_text(re.compile("P[1-4]"))
    page.screenshot(path=ARTEFACTS / "queue.png")


def test_a_new_ticket_arrives_without_a_reload_and_moves_neither_focus_nor_text(
    new_page: NewPage, visitors: Visitors
) -> None:
    page = new_page("/inbox")
    until_live(page)
    page.evaluate("window.neverReloaded = true")
    page.keyboard.press("j")
    page.keyboard.press("j")
    focused = page.evaluate(FOCUSED)
    top = page.evaluate("document.activeElement.getBoundingClientRect().top")
    reference = visitors.fresh("Badge readers at the gate are dead")
    expect(page.locator(row(page, reference))).to_be_visible()
    assert page.evaluate(FOCUSED) == focused
    page.wait_for_timeout(200)
    assert abs(page.evaluate("document.activeElement.getBoundingClientRect().top") - top) < 2
    assert page.evaluate("window.neverReloaded")


def test_what_is_typed_into_the_search_stays_when_the_queue_changes(new_page: NewPage, visitors: Visitors) -> None:
    page = new_page("/inbox")
    until_live(page)
    page.keyboard.press("/")
    page.keyboard.type("VPN")
    arrived(page, re.compile(r"/inbox\?q=VPN$"))
    expect(page.locator("#queue .line")).to_have_count(1)
    visitors.fresh("Another VPN question")
    expect(page.locator("#queue .line")).to_have_count(2)
    expect(page.locator("#q")).to_be_focused()
    expect(page.locator("#q")).to_have_value("VPN")


def test_a_filter_that_fits_nothing_names_the_next_step(new_page: NewPage) -> None:
    page = new_page("/inbox?q=zebras+in+the+server+room")
    expect(page.locator(".empty")).to_contain_text("No ticket is like this")
    page.click("text=Show everything unresolved")
    arrived(page, re.compile(r"/inbox$"))


def test_the_queue_as_it_stood_before_the_first_ticket_was_empty(new_page: NewPage) -> None:
    page = new_page("/inbox?as_of=2020-01-01T00:00")
    expect(page.locator("#past-banner")).to_contain_text("The queue as it stood on 1 Jan 2020")
    expect(page.locator("#queue")).to_have_count(0)
    page.click("text=Back to now")
    expect(page.locator("#queue")).to_be_visible()


def test_the_whole_desk_can_be_walked_by_keyboard(new_page: NewPage) -> None:
    page = new_page("/inbox")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator("#queue .line").first.locator(".subject")).to_be_focused()
    first = page.locator("#queue .line").first.get_attribute("data-reference")
    page.keyboard.press("Enter")
    arrived(page, re.compile(f"/tickets/{first}$"))
    expect(page.locator("#neighbours-place")).to_have_text(re.compile(r"^1 of \d+$"))
    page.keyboard.press("j")
    expect(page.locator("#neighbours-place")).to_have_text(re.compile(r"^2 of \d+$"))
    page.keyboard.press("u")
    arrived(page, re.compile("/inbox$"))
    page.keyboard.press("?")
    expect(page.locator("#keys-list")).to_contain_text("Go to Dashboard")
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("d")
    arrived(page, re.compile("/manage$"))


def test_the_palette_finds_a_ticket_by_its_words(new_page: NewPage, visitors: Visitors) -> None:
    page = new_page("/manage")
    page.keyboard.press("Control+k")
    page.keyboard.type("copier on the second")
    expect(page.locator("#palette-list [role=option]").first).to_contain_text(visitors.references[1])
    page.keyboard.press("Enter")
    arrived(page, re.compile(f"/tickets/{visitors.references[1]}$"))


def test_the_first_stop_of_the_tab_key_skips_to_the_content(new_page: NewPage) -> None:
    page = new_page("/inbox")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
