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
COLOURS = 256  # of a picture that is kept

# Every figure that one run is enough for.
OF_A_RUN: dict[str, Callable[[Path], Figure]] = {
    name: getattr(plots, name) for name in plots.__all__ if name not in ("animation", "parameter_history")
}


def main() -> None:
    """Train, draw everything, and say where it is."""
    ALL.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        runs = train(Path(folder))
        edges = {name: make(_new(Path(folder) / name)) for name, make in EDGE_RUNS.items()}
        edges["large"] = large(_new(Path(folder) / "large"), iterations=1000)
        photograph(
            {name: write_report(run, ALL / f"{name}.html") for name, run in {"digits": runs[0], **edges}.items()}
        )
        draw(runs)
        draw_edges(edges)
    print(f"Everything is in {ALL}.")


def draw_edges(edges: dict[str, Path]) -> None:
    """Draw each figure of each run at the edges, and one sheet of them all."""
    for name, run_dir in edges.items():
        for figure, drawn in OF_A_RUN.items():
            with suppress(OptionError):  # a run without a metric has no learning curves
                drawn(run_dir).savefig(ALL / f"{name}_{figure}.png", dpi=72)
    rows = [[ALL / f"{name}_{figure}.png" for name in edges] for figure in OF_A_RUN]
    sheet(rows, 190, 140).save(HERE / "edge_figures.png", optimize=True)


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


def photograph(reports: dict[str, Path]) -> None:
    """Take pictures of all reports, and those that docs show; if there is no browser, say so."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        print("No Chromium, no pictures of the reports: apt-get install chromium")
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name, page in reports.items():
            for width in WIDTHS:
                for looks in LOOKS:
                    with opened(chromium, page, width, looks) as tab:
                        tab.screenshot(path=ALL / f"{name}_{width}_{looks}.png", full_page=True)
        with opened(chromium, reports["digits"], 1440, "light") as tab:
            tab.screenshot(path=ALL / "digits_1440.png", full_page=True)
        with opened(chromium, reports["digits"], 1440, "dark", height=1200) as tab:
            replay(tab)
            tab.screenshot(path=ALL / "digits_replayed.png")
    keep(reports)


def keep(reports: dict[str, Path]) -> None:
    """Make the pictures that docs show."""
    sheet([[ALL / "digits_1440.png"]], 1200, 2900, gap=0).save(HERE / "report_light.png", optimize=True)
    sheet([[ALL / "digits_replayed.png"]], 1200, 1000, gap=0).save(HERE / "report_replayed.png", optimize=True)
    sheet([[ALL / f"digits_360_{looks}.png" for looks in LOOKS]], 360, 1800).save(
        HERE / "report_360.png", optimize=True
    )
    edges = [ALL / f"{name}_1024_light.png" for name in reports if name != "digits"]
    sheet([edges[:7], edges[7:]], 300, 900).save(HERE / "edge_reports.png", optimize=True)


@contextmanager
def opened(chromium: Any, page: Path, width: int, looks: str, height: int = 900) -> Iterator[Any]:
    """Give a tab in which a report has drawn itself."""
    context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=looks)
    tab = context.new_page()
    tab.goto(page.as_uri())
    tab.wait_for_selector("html[data-ready]")
    yield tab
    context.close()


def replay(tab: Any) -> None:
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


def sheet(rows: list[list[Path]], width: int, height: int, gap: int = 12) -> Image.Image:
    """Return pictures in rows, each as wide as said, and cut below where they are higher."""
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
