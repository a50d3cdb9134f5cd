"""A browser for the tests of the report page, if there is one."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 20_000


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Return a running Chromium; tests that need it are skipped where it, or Playwright, is not installed."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed: pip install playwright"
    )
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("Chromium is not installed: apt-get install chromium, or make gallery")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """A page that is open, and what must not have happened meanwhile.

    Attributes:
        page: Playwright's.
        asked: Addresses that the page asked for, apart from itself.
        said: What it wrote to the console, errors and dialogs.
    """

    def __init__(self, page: Any) -> None:
        self.page, self.asked, self.said = page, list[str](), list[str]()
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("dialog", lambda dialog: (self.said.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: self.asked.append(request.url))

    def find(self, script: str) -> Any:
        """Return what a JavaScript expression says."""
        return self.page.evaluate(script)

    def move_time(self, place: int) -> None:
        """Move the slider, from 0 to 1000."""
        self.page.evaluate(
            """place => { const slider = document.getElementById("time");
            slider.value = place; slider.dispatchEvent(new Event("input")); }""",
            place,
        )
        self.settle()

    def settle(self) -> None:
        """Wait until what was asked for is drawn."""
        self.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


@pytest.fixture
def visit(chromium: Any) -> Callable[..., contextlib.AbstractContextManager[Visit]]:
    """Return a function that opens a report in a window of its own, and fails if the page asks or complains."""

    @contextlib.contextmanager
    def visit(path: Path, width: int = 1024) -> Iterator[Visit]:
        context = chromium.new_context(viewport={"width": width, "height": 900})
        context.set_default_timeout(PATIENCE_MS)
        try:
            found = Visit(context.new_page())
            found.page.goto(path.as_uri())
            found.page.wait_for_selector("html[data-ready]")
            found.settle()
            yield found
            outside = [address for address in found.asked if not address.startswith(("data:", "blob:"))]
            assert outside == [path.as_uri()]
            assert found.said == []
        finally:
            context.close()

    return visit
