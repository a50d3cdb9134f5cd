"""Draws all that PopTune shows, of a real run and of runs at the edges: `make gallery`.

What docs show goes into this directory. Everything goes into `all` below it, which git ignores: each report in three
sizes, light and dark, and each figure of each run. What needs Chromium is left out where there is none.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "tests")]

from figures import draw, train

from edge_runs import EDGE_RUNS, large
from poptune import plots
from poptune.errors import OptionError
from poptune.report_page import write_report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ALL = HERE / "all"
WIDTHS = (360, 1024, 1920)
LOOKS = ("light", "dark")
COLOURS = 128  # of a picture that is kept

# Every figure that one run is enough for.
OF_A_RUN: dict[str, Callable[[Path], Figure]] = {
    name: getattr(plots, name) for name in plots.__all__ if name not in ("animation", "parameter_history")
}


def main() -> None:
    """Train, draw everything, and say where it is."""
    shutil.rmtree(ALL, ignore_errors=True)
    ALL.mkdir()
    with tempfile.TemporaryDirectory() as folder:
        runs = train(Path(folder))
        draw(runs)
        reports = {"digits": write_report(runs[0], ALL / "digits.html")}
        edges = {name: make(_new(Path(folder) / name)) for name, make in EDGE_RUNS.items()}
        edges["large"] = large(_new(Path(folder) / "large"), iterations=1000)
        for name, run_dir in edges.items():
            reports[name] = write_report(run_dir, ALL / f"{name}.html")
            for figure, drawn in OF_A_RUN.items():
                with suppress(OptionError):  # a run without a metric has no learning curves
                    drawn(run_dir).savefig(ALL / f"{name}_{figure}.png", dpi=72)
    sheet([[ALL / f"{name}_{figure}.png" for name in edges] for figure in OF_A_RUN], 190, 140).save(
        HERE / "edge_figures.png", optimize=True
    )
    with browser() as chromium:
        if chromium is None:
            print("No Chromium, no pictures of the reports: apt-get install chromium")
        else:
            photograph(chromium, reports)
    print(f"Everything is in {ALL}.")


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


@contextmanager
def browser() -> Iterator[Any]:
    """Give a running Chromium, None if there is none."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        yield None
        return
    with sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def photograph(chromium: Any, reports: dict[str, Path]) -> None:
    """Take pictures of all reports, and those that docs show."""
    for name, page in reports.items():
        for width in WIDTHS:
            for looks in LOOKS:
                with opened(chromium, page, width, looks) as tab:
                    tab.screenshot(path=ALL / f"{name}_{width}_{looks}.png", full_page=True)
    with opened(chromium, reports["digits"], 1440, "light") as tab:
        tab.screenshot(path=HERE / "report_1440_light.png", full_page=True)
    with opened(chromium, reports["digits"], 1440, "dark", height=1200) as tab:
        replayed(tab)
        tab.screenshot(path=HERE / "report_1440_dark_replayed.png")
    sheet([[ALL / f"digits_360_{looks}.png" for looks in LOOKS]], 360, 1800).save(
        HERE / "report_360.png", optimize=True
    )
    edges = [ALL / f"{name}_1024_light.png" for name in reports if name != "digits"]
    sheet([edges[:7], edges[7:]], 300, 900).save(HERE / "edge_reports.png", optimize=True)
    for name in ("report_1440_light.png", "report_1440_dark_replayed.png"):
        Image.open(HERE / name).convert("RGB").quantize(COLOURS).save(HERE / name, optimize=True)


@contextmanager
def opened(chromium: Any, page: Path, width: int, looks: str, height: int = 900) -> Iterator[Any]:
    """Give a tab in which a report has drawn itself."""
    context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=looks)
    tab = context.new_page()
    tab.goto(page.as_uri())
    tab.wait_for_selector("html[data-ready]")
    yield tab
    context.close()


def replayed(tab: Any) -> None:
    """Move the slider to two thirds of the run, and point at a trial."""
    tab.evaluate("""() => {
        const slider = document.getElementById("time");
        slider.value = 660;
        slider.dispatchEvent(new Event("input"));
        document.getElementById("replay").scrollIntoView({ behavior: "instant" });
    }""")
    box = tab.locator("#curves .u-over").bounding_box()
    tab.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.8)
    tab.wait_for_timeout(300)


def sheet(rows: list[list[Path]], width: int, height: int) -> Image.Image:
    """Return pictures in rows, each as wide as said, and cut below."""
    gap = 12
    most = max(map(len, rows))
    whole = Image.new("RGB", (most * (width + gap) + gap, len(rows) * (height + gap) + gap), "#d8d8d4")
    for down, row in enumerate(rows):
        for along, path in enumerate(row):
            if not path.exists():
                continue
            picture = Image.open(path).convert("RGB")
            picture = picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS)
            picture = picture.crop((0, 0, width, min(height, picture.height)))
            whole.paste(picture, (gap + along * (width + gap), gap + down * (height + gap)))
    return whole.quantize(COLOURS)


if __name__ == "__main__":
    main()
