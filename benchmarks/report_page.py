"""How large the report page of 64 trials x 5,000 iterations is, and how long it takes to write, open and follow."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from edge_runs import large
from poptune.report_page import write_report

# When the page has drawn itself, in milliseconds since it was asked for.
DRAWN = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))"
# How long one move of the slider takes until all pictures follow.
MOVED = """new Promise(done => {
  const began = performance.now();
  const slider = document.getElementById("time");
  slider.value = 600;
  slider.dispatchEvent(new Event("input"));
  requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));
})"""


def browse(page: Path) -> dict[str, float]:
    """Return the seconds that a browser takes to draw the page, and to follow the slider; nothing without a browser."""
    program = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return {}
    if program is None:
        return {}
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=program, args=["--no-sandbox"])
        opened, moved = [], []
        for _ in range(5):
            tab = browser.new_page(viewport={"width": 1440, "height": 900})
            tab.goto(page.as_uri())
            tab.wait_for_selector("html[data-ready]")
            opened.append(tab.evaluate(DRAWN) / 1000)
            moved.append(tab.evaluate(MOVED) / 1000)
            tab.close()
        browser.close()
    return {"seconds to open": sorted(opened)[2], "seconds to follow": sorted(moved)[2]}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run_dir = large(Path(folder), trials=64, iterations=5000)
        began = time.perf_counter()
        page = write_report(run_dir)
        found = {
            "seconds to write": time.perf_counter() - began,
            "megabytes": page.stat().st_size / 1e6,
            **browse(page),
        }
    for name, value in found.items():
        print(f"{name}: {value:.3g}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
