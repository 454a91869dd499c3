"""One ticket in Chromium: its timeline, the way back in time, and what an agent does to it."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage
from tests.browser.visitors import ARTEFACTS, Visitors
from tests.browser.watching import arrived, until_live


def send(page: Page, text: str, key: str = "r") -> None:
    page.keyboard.press(key)
    page.keyboard.type(text)
    page.keyboard.press("Control+Enter")


def test_one_timeline_tells_everything_and_a_note_cannot_be_mistaken(new_page: NewPage, visitors: Visitors) -> None:
    page = new_page(f"/tickets/{visitors.references[0]}")
    note = page.locator(".letter.note")
    expect(note).to_contain_text("Internal note, never shown to the requester")
    expect(note).to_contain_text("The certificate of the second gateway ran out last night.")
    expect(page.locator(".letter.reply")).to_contain_text("choose gateway 1")
    expect(page.locator(".letter.message").first).to_contain_text("<b>Please</b> look at it.")
    expect(page.locator(".fact-line").first).to_contain_text("Next update promised for")
    page.screenshot(path=ARTEFACTS / "ticket.png")


def test_the_page_says_why_the_ticket_has_its_priority(new_page: NewPage, visitors: Visitors) -> None:
    page = new_page(f"/tickets/{visitors.references[0]}")
    why = page.locator("section[aria-labelledby=h-priority]")
    expect(why.locator("h2")).to_have_text(re.compile("Why P[1-4]"))
    expect(why.locator(".why li").first).to_contain_text(re.compile(r"[+-]\d"))


def test_the_slider_shows_the_ticket_as_it_stood(new_page: NewPage, visitors: Visitors) -> None:
    page = new_page(f"/tickets/{visitors.references[0]}")
    expect(page.locator(".letter")).to_have_count(4)
    page.locator("#as-of-stop").focus()
    page.keyboard.press("Home")
    expect(page.locator(".past-ticket")).to_contain_text("as it stood on")
    expect(page.locator(".letter")).to_have_count(1)
    expect(page.locator("#composer")).to_be_hidden()
    arrived(page, re.compile("as_of="))
    page.screenshot(path=ARTEFACTS / "ticket-past.png")
    page.keyboard.press("End")
    expect(page.locator(".letter")).to_have_count(4)
    expect(page.locator("#composer")).to_be_visible()


def test_an_address_with_an_instant_shows_that_instant(new_page: NewPage, visitors: Visitors) -> None:
    page = new_page(f"/tickets/{visitors.references[0]}")
    stops = page.locator("#as-of-stop").evaluate("range => JSON.parse(range.dataset.stops)")
    page.goto(f"/tickets/{visitors.references[0]}?as_of={stops[0][0].replace('+', '%2B')}")
    expect(page.locator(".letter")).to_have_count(1)
    page.click("text=Back to now")
    expect(page.locator(".letter")).to_have_count(4)


def test_a_reply_is_sent_by_keyboard_and_the_field_is_free_again(new_page: NewPage, visitors: Visitors) -> None:
    page = new_page(f"/tickets/{visitors.fresh('The scanner sends empty files')}")
    send(page, "We found that its memory is full. We empty it by noon and write to you then.")
    expect(page.locator(".letter.reply")).to_contain_text("We empty it by noon")
    expect(page.locator("#composer-body")).to_have_value("")
    expect(page.locator("#toast")).to_have_text("Reply sent")


def test_what_the_desk_refuses_is_told_beside_the_words_and_they_stay(new_page: NewPage, visitors: Visitors) -> None:
    page = new_page(f"/tickets/{visitors.fresh('The lift calls itself')}")
    page.click("#composer-body")
    page.fill("#composer-body", "We are looking at it.")
    page.select_option("#due", "pick")
    page.fill("#due_at", "2020-01-01T09:00")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#composer-problem")).to_contain_text("is over already")
    expect(page.locator("#composer-body")).to_have_value("We are looking at it.")
    expect(page.locator("#due_at")).to_have_attribute("aria-invalid", "true")
    expect(page.locator(".letter.reply")).to_have_count(0)


def test_a_draft_outlives_the_page(new_page: NewPage, visitors: Visitors) -> None:
    page = new_page(f"/tickets/{visitors.fresh('The clock in the hall is late')}")
    page.keyboard.press("n")
    page.keyboard.type("Ask the janitor first")
    expect(page.locator("#draft-state")).to_have_text("Draft kept")
    page.reload()
    expect(page.locator("#composer-body")).to_have_value("Ask the janitor first")
    expect(page.locator("[name=mode][value=note]")).to_be_checked()


def test_an_answer_waits_until_the_newest_message_was_read(new_page: NewPage, visitors: Visitors) -> None:
    reference = visitors.fresh("The fax is back")
    for line in range(8):
        visitors.act(reference, "notes", body=f"Finding {line}: nothing yet.\n\n" + "It takes a while. " * 20)
    page = new_page(f"/tickets/{reference}")
    until_live(page)
    page.keyboard.press("r")
    page.keyboard.type("We are on it.")
    page.evaluate("scrollTo(0, 0)")
    visitors.write(reference, "It has stopped by itself.")
    expect(page.locator("#news")).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#composer-problem")).to_contain_text("The ticket changed while you were writing")
    expect(page.locator("#composer-body")).to_have_value("We are on it.")
    page.locator(".letter.message").last.scroll_into_view_if_needed()
    expect(page.locator("#news")).to_be_hidden()
    page.focus("#composer-body")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".letter.reply")).to_contain_text("We are on it.")


def test_the_facts_beside_a_ticket_can_be_changed(new_page: NewPage, visitors: Visitors) -> None:
    page = new_page(f"/tickets/{visitors.fresh('The door opens at night')}")
    page.keyboard.press("a")
    expect(page.locator("#beside")).to_contain_text("Aisha Rahmani")
    page.keyboard.press("p")
    page.select_option("#pr", "P1")
    page.fill("#pr-why", "A break-in is possible.")
    page.keyboard.press("Enter")
    expect(page.locator(".ticket-head .priority")).to_contain_text("P1")
    expect(page.locator(".timeline")).to_contain_text("A break-in is possible.")
    expect(page.locator("#pr-why")).to_be_hidden()  # the live update may be there before the answer, which ends typing
    page.keyboard.press("t")
    page.fill("#tag-add", "door, security")
    page.keyboard.press("Enter")
    expect(page.locator("#beside .tag")).to_have_count(2)
    expect(page.locator("#tag-add")).to_be_hidden()
    page.keyboard.press("s")
    page.select_option("#st", "waiting_for_supplier")
    page.fill("#st-why", "The locksmith comes at 14:00.")
    page.keyboard.press("Enter")
    expect(page.locator(".ticket-head .status")).to_contain_text("Waiting for supplier")


def test_an_open_form_and_what_is_typed_in_it_outlive_what_others_change(new_page: NewPage, visitors: Visitors) -> None:
    reference = visitors.fresh("The gate stays open")
    page = new_page(f"/tickets/{reference}")
    until_live(page)
    page.keyboard.press("s")
    page.select_option("#st", "waiting_for_supplier")
    page.fill("#st-why", "The locksmith comes at 14:00.")
    visitors.act(reference, "tags", add=["gate"])
    visitors.act(reference, "category", category="building")
    visitors.act(reference, "notes", body="It is the motor.")
    expect(page.locator("#beside .tag")).to_have_count(1)
    expect(page.locator("#beside")).to_contain_text(re.compile("building", re.IGNORECASE))
    expect(page.locator(".letter.note")).to_have_count(1)
    expect(page.locator("#st")).to_have_value("waiting_for_supplier")
    expect(page.locator("#st-why")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".ticket-head .status")).to_contain_text("Waiting for supplier")
    expect(page.locator("#act-status summary")).to_be_focused()


def test_a_ticket_is_resolved_and_opened_again(new_page: NewPage, visitors: Visitors) -> None:
    page = new_page(f"/tickets/{visitors.fresh('The keyboard types double')}")
    send(page, "We exchanged the keyboard, it was worn out.", "e")
    expect(page.locator(".ticket-head .status")).to_contain_text("Resolved")
    expect(page.locator(".closed-box")).to_contain_text("This ticket is resolved")
    page.keyboard.press("o")
    page.fill("#re-why", "It does so again.")
    page.keyboard.press("Enter")
    expect(page.locator(".ticket-head .status")).to_contain_text("Open")


def test_a_colleagues_words_appear_while_the_page_is_open(new_page: NewPage, visitors: Visitors) -> None:
    reference = visitors.fresh("The heating is off")
    page = new_page(f"/tickets/{reference}")
    until_live(page)
    page.evaluate("window.neverReloaded = true")
    visitors.act(reference, "notes", body="The boiler was serviced this morning.")
    expect(page.locator(".letter.note")).to_contain_text("The boiler was serviced this morning.")
    assert page.evaluate("window.neverReloaded")


def test_a_similar_ticket_is_denied_and_confirmed_by_keyboard(new_page: NewPage, visitors: Visitors) -> None:
    denied, confirmed = (visitors.submit(f"Plotter stops with E7741 {when}") for when in ("again", "once more"))
    page = new_page(f"/tickets/{visitors.submit('Plotter stops with E7741')}")
    alike = page.locator("#similar .alike li", has_text="E7741")
    for _ in range(30):  # a new ticket's words are found once the view has read them
        expect(page.locator("#similar")).not_to_contain_text("Looking")
        if alike.count() == 2:
            break
        page.wait_for_timeout(1_000)
        page.reload()
    expect(alike).to_have_count(2)
    expect(alike.first).to_contain_text("Both name E7741")
    until_live(page)
    page.screenshot(path=ARTEFACTS / "ticket-similar.png", full_page=True)
    first = denied if denied in alike.first.inner_text() else confirmed
    page.keyboard.press("x")
    expect(alike).to_have_count(1)
    expect(alike).not_to_contain_text(f"{first} ")
    page.keyboard.press("y")
    expect(alike).to_contain_text("Said to be the same")


def test_a_message_goes_on_as_a_ticket_of_its_own_and_comes_back(new_page: NewPage, visitors: Visitors) -> None:
    reference = visitors.fresh("The blinds stay down")
    visitors.write(reference, "And the heating is off, too.")
    page = new_page(f"/tickets/{reference}")
    until_live(page)
    page.locator("#act-split summary").press("Enter")
    expect(page.locator("#sp-message")).to_contain_text("And the heating is off")
    page.fill("#sp-subject", "Heating")
    page.keyboard.press("Enter")
    expect(page.locator(".timeline")).to_contain_text("split part of this into")
    expect(page.locator("#act-split")).to_have_count(0)
    page.locator("#act-unsplit summary").press("Enter")
    page.screenshot(path=ARTEFACTS / "ticket-split.png")
    page.locator("#form-unsplit button").press("Enter")
    expect(page.locator(".timeline")).to_contain_text("took the messages of")
    expect(page.locator("#act-unsplit")).to_have_count(0)


def test_what_was_tried_and_found_goes_to_the_next_level_by_keyboard(new_page: NewPage, visitors: Visitors) -> None:
    page = new_page(f"/tickets/{visitors.fresh('Invoice totals are wrong')}")
    until_live(page)
    page.keyboard.press("d")
    expect(page.locator("#fs-step")).to_be_focused()
    page.fill("#fs-step", "Asked Ana to print it again")
    page.keyboard.press("Enter")
    expect(page.locator(".tried li")).to_contain_text("Asked Ana to print it again did not help")
    expect(page.locator("#fs-step")).to_be_hidden()
    page.keyboard.press("f")
    expect(page.locator("#ff-finding")).to_be_focused()
    expect(page.locator("#ff-record")).to_be_hidden()
    page.select_option("#ff-cause", "bad_data")
    page.fill("#ff-text", "The tax rate is 0.19 %.")
    page.focus("#ff-text")
    page.keyboard.press("Enter")
    expect(page.locator("#problem-finding")).to_contain_text("Name the bad record")
    page.fill("#ff-record", "Invoice 20418")
    page.focus("#ff-record")
    page.keyboard.press("Enter")
    expect(page.locator(".found-mark")).to_contain_text("Bad data: Invoice 20418")
    expect(page.locator("#ff-record")).to_be_hidden()
    page.keyboard.press("h")
    expect(page.locator("#fe-why")).to_have_value("The tax rate is 0.19 %.")
    expect(page.locator("#fe-out")).to_have_value("Asked Ana to print it again: did not help")
    page.focus("#fe-why")
    page.keyboard.press("Enter")
    expect(page.locator(".handed-over")).to_contain_text("Handed over to L2")
    expect(page.locator(".handed-over li")).to_have_text("Asked Ana to print it again: did not help")
    expect(page.locator(".timeline")).to_contain_text("Ruled out: Asked Ana to print it again")


def test_what_is_missing_is_asked_with_one_key_and_the_advice_stands_beside_the_words(
    new_page: NewPage, visitors: Visitors
) -> None:
    page = new_page(f"/tickets/{visitors.fresh('It is strange')}")
    page.keyboard.press("q")
    expect(page.locator("#composer-body")).to_have_value(re.compile("please tell us:\n– .+\n– "))
    expect(page.locator("#composer-body")).to_be_focused()
    expect(page.locator(".calm")).to_contain_text("Formal and plain")
    page.get_by_role("button", name="Begin so").click()
    expect(page.locator("#composer-body")).to_have_value(re.compile("^Dear Ana Ruiz,\n"))
    page.locator("[name=mode][value=note]").check()
    expect(page.locator(".composer-hints")).to_be_hidden()
