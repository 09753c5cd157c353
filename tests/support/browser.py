"""Chromium of the machine, driven by playwright, and what a page reported while it was open."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

UNTESTED = "the page is NOT TESTED in a browser"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def find_browser() -> str:
    """Return the path of Chromium. Skip the test without it or without playwright."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip(f"no chromium: {UNTESTED}: apt-get install chromium")
    if find_spec("playwright") is None:
        pytest.skip(f"no playwright: {UNTESTED}: pip install 'playwright>=1.49'")
    return program


@contextmanager
def start_browser(program: str) -> Iterator[Browser]:
    """Start a headless browser. Skip the test if it does not start.

    Playwright runs an event loop in this thread, so start servers before.
    """
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        try:
            # The sandbox needs a user namespace, which containers rarely have.
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        except Error as error:
            pytest.skip(f"chromium does not start: {UNTESTED}: {error.message[:200]}")
        with browser:
            yield browser


@dataclass
class OpenPage:
    """A page, and its console errors and failed requests."""

    page: Page
    problems: list[str] = field(default_factory=list[str])


@contextmanager
def open_page(browser: Browser, url: str, **options: Any) -> Iterator[OpenPage]:
    """Open a URL in a context of its own, with options such as `locale` and `color_scheme`."""
    with browser.new_context(**options) as context:
        opened = OpenPage(context.new_page())
        page = opened.page
        page.set_default_timeout(15_000)
        page.on(
            "console",
            lambda message: (
                opened.problems.append(message.text)
                if message.type in ("error", "warning")
                else None
            ),
        )
        page.on("pageerror", lambda error: opened.problems.append(str(error)))
        page.on("dialog", lambda dialog: opened.problems.append(dialog.message))
        page.goto(url)
        yield opened


def read_module(page: Page, name: str, expression: str) -> Any:
    """Return a value of a module of the page: `expression` names the module `m`."""
    return page.evaluate(f"import('/static/{name}').then((m) => ({expression}))")
