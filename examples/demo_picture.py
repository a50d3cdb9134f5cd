"""Draw the picture of the README: who copied whom in the demo, and what became of the learning rate."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from poptune import plots
from poptune.demo import run_demo

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "demo_run.png"
DPI = 150


def drawn(run: Path) -> Image.Image:
    """Return the picture of a run: its lineage above its learning rates, with iterations below each other."""
    lineage, rates = plots.lineage_tree(run), plots.hyperparameter_schedules(run, "lr")
    for figure in (lineage, rates):
        figure.draw_without_rendering()  # places its parts
        figure.set_layout_engine("none")
    above, below = lineage.axes[0], rates.axes[0]
    left, right = above.get_position().intervalx
    bottom, top = below.get_position().intervaly
    below.set_position((left, bottom, right - left, top - bottom))
    below.set_xlim(above.get_xlim())
    return stacked([lineage, rates])


def stacked(figures: list[Figure]) -> Image.Image:
    """Return figures of one width, one below the other."""
    images = []
    for figure in figures:
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=DPI)
        images.append(Image.open(file).convert("RGB"))
    whole = Image.new("RGB", (images[0].width, sum(image.height for image in images)), "white")
    top = 0
    for image in images:
        whole.paste(image, (0, top))
        top += image.height
    return whole


def main() -> None:
    """Run the demo and draw it."""
    with tempfile.TemporaryDirectory() as folder:
        run_demo(trials=8, iterations=100, seed=0, storage=folder, executor="processes", echo=print)
        drawn(Path(folder) / "demo_pbt").quantize(160).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
