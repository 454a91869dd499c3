"""A whole desk as `make up` starts it, with a few tickets, and Chromium to look at it.

Without a Chromium the tests here are skipped with a sentence; with DAYBOOK_REQUIRE_BROWSER=1 they fail.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.visitors import ARTEFACTS, Visitors
from tests.desk_process import DeskProcess

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE_MS = 20_000  # the whole desk and Chromium may share two busy cores
NO_CHROMIUM = "the pages are looked at with Chromium, and there is none here: apt-get install chromium"
SANDBOX = ["--no-sandbox"] if os.geteuid() == 0 else []

NewPage = Callable[..., Page]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is."""
    if CHROMIUM is None:
        if os.environ.get("DAYBOOK_REQUIRE_BROWSER") == "1":
            pytest.fail(NO_CHROMIUM, pytrace=False)
        pytest.skip(NO_CHROMIUM)
    return CHROMIUM


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A Chromium for one file: playwright keeps an event loop running, and the worker's next file may need its own."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        arguments = [*SANDBOX, "--disable-background-networking"]
        opened = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def desk(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskProcess]:
    """The desk, running. It asks for Chromium first, so that a machine without one starts nothing."""
    assert chromium
    with DeskProcess(tmp_path_factory.mktemp("browser") / "home") as process:
        process.start()
        yield process


@pytest.fixture(scope="session")
def visitors(desk: DeskProcess) -> Iterator[Visitors]:
    """Requesters and agents who use the public API, and the tickets that they made."""
    address = str(desk.running["address"])
    login = json.loads((desk.home / "administrator.json").read_text())
    with httpx.Client(base_url=f"{address}/api/v1", timeout=30) as http:
        found = Visitors(http, login["email"], login["password"])
        found.populate()
        yield found


@pytest.fixture(scope="module")
def signed_in(browser: Browser, desk: DeskProcess, visitors: Visitors) -> str:
    """Aisha's cookies, as JSON that a new context takes."""
    context = browser.new_context(timezone_id="Europe/Berlin")
    page = context.new_page()
    page.goto(f"{desk.running['address']}/login")
    page.fill("#email", visitors.EMAIL)
    page.fill("#password", visitors.PASSWORD)
    page.click("button.primary")
    page.wait_for_url("**/inbox")
    state = json.dumps(context.storage_state())
    context.close()
    return state


@pytest.fixture
def new_page(browser: Browser, desk: DeskProcess, signed_in: str, request: pytest.FixtureRequest) -> Iterator[NewPage]:
    """`new_page("/inbox", dark=True, phone=True)`: a page of Aisha's. Errors on its console fail the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(
        path: str, *, dark: bool = False, phone: bool = False, stranger: bool = False, may_complain: bool = False
    ) -> Page:
        context = browser.new_context(
            base_url=str(desk.running["address"]),
            storage_state=None if stranger else json.loads(signed_in),
            viewport={"width": 390, "height": 844} if phone else {"width": 1440, "height": 900},
            color_scheme="dark" if dark else "light",
            timezone_id="Europe/Berlin",
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        if not may_complain:
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto(path)
        return page

    yield open_page
    ARTEFACTS.mkdir(exist_ok=True)
    for number, context in enumerate(contexts):
        context.pages[0].screenshot(path=ARTEFACTS / f"{Path(request.node.name).name}-{number}.png")
        context.close()
    assert not [text for text in complaints if "status of 422" not in text], complaints
