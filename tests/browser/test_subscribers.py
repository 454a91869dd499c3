"""The Subscribers page in Chromium: who follows and how far, paused and replayed by keyboard; and every event."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE_MS
from tests.browser.test_pages import serious
from tests.browser.visitors import ARTEFACTS, Visitors
from tests.browser.watching import fits
from tests.desk_process import DeskProcess

Manager = Callable[..., Page]


@pytest.fixture(scope="module")
def administrator(desk: DeskProcess) -> dict[str, str]:
    login: dict[str, str] = json.loads((desk.home / "administrator.json").read_text())
    return login


@pytest.fixture(scope="module")
def api(desk: DeskProcess, visitors: Visitors, administrator: dict[str, str]) -> Iterator[httpx.Client]:
    """The API in the administrator's name, with webhooks: one whose receiver is not there, one that is paused."""
    assert visitors.references
    with httpx.Client(base_url=f"{desk.running['address']}/api/v1", timeout=30) as http:
        token = http.post("/sessions", json={name: administrator[name] for name in ("email", "password")}).json()[
            "token"
        ]
        http.headers["Authorization"] = f"Bearer {token}"
        for name, client in (("Billing", "acme"), ("Data warehouse", None)):
            made = http.post(
                "/webhooks",
                json={"name": name, "url": "https://hooks.invalid/d", "client": client, "after": "beginning"},
            )
            assert made.status_code == 201, made.text
        assert http.post(f"/webhooks/{made.json()['id']}/pause", json={}).is_success
        http.get("/events", params={"client": "acme", "limit": 5})
        yield http


@pytest.fixture(scope="module")
def state(browser: Browser, desk: DeskProcess, administrator: dict[str, str]) -> Any:
    """The administrator's cookies."""
    context = browser.new_context(timezone_id="Europe/Berlin")
    page = context.new_page()
    page.goto(f"{desk.running['address']}/login")
    page.fill("#email", administrator["email"])
    page.fill("#password", administrator["password"])
    page.click("button.primary")
    page.wait_for_url("**/inbox")
    found = context.storage_state()
    context.close()
    return found


@pytest.fixture
def manager(browser: Browser, desk: DeskProcess, state: Any, api: httpx.Client) -> Iterator[Manager]:
    """`manager("/subscribers", dark=True)`: a page of the administrator's."""
    contexts: list[Any] = []
    assert api.headers

    def open_page(path: str, *, dark: bool = False, phone: bool = False) -> Page:
        context = browser.new_context(
            base_url=str(desk.running["address"]),
            storage_state=state,
            viewport={"width": 390, "height": 844} if phone else {"width": 1440, "height": 900},
            color_scheme="dark" if dark else "light",
            timezone_id="Europe/Berlin",
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize(
    ("path", "shade"),
    [
        ("/subscribers", "light"),
        ("/subscribers", "dark"),
        ("/subscribers", "phone"),
        ("/asyncapi", "phone"),
        ("/subscribers/new", "dark"),
        ("/subscribers/new", "phone"),
    ],
)
def test_the_page_has_no_serious_fault_against_wcag(manager: Manager, path: str, shade: str) -> None:
    page = manager(path, dark=shade == "dark", phone=shade == "phone")
    expect(page.locator("h1")).to_be_visible()
    assert not serious(page)
    assert fits(page), "the page is wider than the window"
    page.screenshot(path=ARTEFACTS / f"{path[1:].replace('/', '-')}-{shade}.png")


def test_a_webhook_is_paused_and_replayed_by_keyboard(manager: Manager, api: httpx.Client) -> None:
    page = manager("/inbox")
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url("**/subscribers")
    row = page.locator(".subscriber", has_text="Billing")
    expect(row.locator(".state")).to_contain_text(re.compile("Active|Failing"))
    expect(page.locator(".subscriber", has_text="reporting").first).to_contain_text("Active")
    page.keyboard.press("j")
    expect(row.locator("summary")).to_be_focused()
    page.keyboard.press("Enter")
    page.screenshot(path=ARTEFACTS / "subscribers-act.png")
    page.keyboard.press("Tab")
    expect(row.locator("button", has_text="Pause")).to_be_focused()
    page.keyboard.press("Enter")
    expect(row.locator(".state")).to_have_text("Paused")
    row.locator("summary").press("Enter")
    row.locator("select[name=from]").select_option("now")
    row.locator("button", has_text="Go on from there").press("Enter")
    expect(row.locator("dd").nth(1)).to_have_text("0")
    (hook,) = [item for item in api.get("/webhooks").json()["items"] if item["name"] == "Billing"]
    assert (hook["state"], hook["behind"]) == ("paused", 0)
    row.locator("summary").press("Enter")
    row.locator("input[name=after]").fill("not a place")
    row.locator("select[name=from]").select_option("place")
    row.locator("button", has_text="Go on from there").press("Enter")
    expect(page.locator("#toast")).to_contain_text("no place of ours")


def test_a_webhook_is_made_renewed_and_deleted_by_keyboard_and_told_what_is_wrong_where(
    manager: Manager, api: httpx.Client
) -> None:
    page = manager("/subscribers/new")
    expect(page.locator("#name")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#name-problem")).to_contain_text("Give it a name")
    expect(page.locator("#url-problem")).to_contain_text("https://")
    for url, types, field, sentence in (
        ("http://127.0.0.1/x", "", "url", "http"),
        ("https://127.0.0.1/x", "", "url", "private"),
        ("https://hooks.invalid/new", "ticket.exploded", "types", "no event of type"),
        ("https://hooks.invalid/new", "", "name", "of this name already"),
    ):
        values = {"name": "Billing", "url": url, "client": "acme", "types": types}
        for name, value in values.items():
            page.fill(f"#{name}", value)
        page.press("#types", "Enter")
        expect(page.locator(f"#{field}-problem")).to_contain_text(sentence, ignore_case=True)
        expect(page.locator(f"#{field}")).to_be_focused()
        assert {name: page.input_value(f"#{name}") for name in values} == values, "what was typed stays"
    page.screenshot(path=ARTEFACTS / "subscribers-new-problem.png")
    page.fill("#name", "Ledger")
    page.press("#name", "Enter")
    secret = page.locator("#secret")
    expect(secret).to_have_value(re.compile("^whsec_"))
    first = secret.input_value()
    hooks = [item for item in api.get("/webhooks").json()["items"] if item["name"] == "Ledger"]
    assert [(item["client"], item["types"], item["personal"]) for item in hooks] == [("acme", [], False)]
    page.goto("/subscribers")
    row = page.locator(".subscriber", has_text="Ledger")
    row.locator("summary").press("Enter")
    row.locator("button", has_text="Renew the secret").press("Enter")
    expect(secret).to_have_value(re.compile("^whsec_"))
    assert secret.input_value() != first
    page.goto("/subscribers")
    row.locator("summary").press("Enter")
    row.locator("input[name=sure]").press(" ")
    page.screenshot(path=ARTEFACTS / "subscribers-delete.png")
    row.locator("button", has_text="Delete the webhook").press("Enter")
    expect(page.locator(".subscriber", has_text="Billing")).to_be_visible()
    expect(row).to_have_count(0)
    assert "Ledger" not in api.get("/webhooks").text


def test_an_agent_is_told_that_the_page_is_not_for_them(desk: DeskProcess, visitors: Visitors) -> None:
    with httpx.Client(base_url=str(desk.running["address"]), follow_redirects=True, timeout=30) as http:
        form = re.search('name="csrf" value="([^"]+)"', http.get("/login").text)
        assert form is not None
        inbox = http.post("/login", data={"csrf": form[1], "email": visitors.EMAIL, "password": visitors.PASSWORD})
        answer = http.get("/subscribers")
    assert 'href="/subscribers"' not in inbox.text
    assert (answer.status_code, "This is not for you" in answer.text) == (403, True)


def test_every_event_is_described_and_its_schema_served(desk: DeskProcess) -> None:
    with httpx.Client(base_url=str(desk.running["address"]), timeout=30) as http:
        page = http.get("/asyncapi").text
        assert not re.search(r'(?:src|href)="(?:https?:)?//', page), "the page needs nothing from elsewhere"
        for name in ("ticket.submitted", "delivery.sent", "person.erased"):
            assert f'id="{name}"' in page
        assert http.get("/schemas/ticket.submitted.v1.json").json()["$id"] == "/schemas/ticket.submitted.v1.json"
        assert http.get("/schemas/../asyncapi.yaml").status_code in (200, 404)
        assert http.get("/schemas/nothing.json").status_code == 404
        assert http.get("/asyncapi.yaml").text.startswith("# Generated")
