"""Draws the pictures of docs/figures.md from real runs, into docs/gallery/figures: `python docs/gallery/figures.py`.

The runs are those of `poptune demo` (PBT and random search on handwritten digits, the same seed and budget) and of
`examples/figure2_guide.py` (four trials on the toy of the paper). They take about a minute.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from poptune import plots
from poptune.demo import run_demo
from poptune.plots.style import COLUMN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HERE = Path(__file__).parent
PICTURES = HERE / "figures"
EXAMPLES = HERE.parents[1] / "examples"
DPI = 144


def wanted(theta0: float, theta1: float) -> float:
    """Return what the guide's toy wants to be high."""
    return 1.2 - (0.75 * theta0**2 + theta1**2)


# Each by the name of its picture; drawn from the directories of the three runs.
FIGURES: dict[str, Callable[[Path, Path, Path], Figure]] = {
    "learning_curves": lambda digits, search, toy: plots.learning_curves(digits, log=True),
    "learning_curves_compared": lambda digits, search, toy: plots.learning_curves(digits, other=search, log=True),
    "rescues": lambda digits, search, toy: plots.rescues(digits, log=True),
    "hyperparameter_schedules": lambda digits, search, toy: plots.hyperparameter_schedules(digits),
    "winner_schedule": lambda digits, search, toy: plots.winner_schedule(digits),
    "winner_schedule_column": lambda digits, search, toy: plots.winner_schedule(digits, "lr", width=COLUMN),
    "lineage_tree": lambda digits, search, toy: plots.lineage_tree(digits),
    "phylogenetic_tree": lambda digits, search, toy: plots.phylogenetic_tree(digits),
    "ancestor_shares": lambda digits, search, toy: plots.ancestor_shares(digits),
    "exploit_matrix": lambda digits, search, toy: plots.exploit_matrix(digits),
    "value_gains": lambda digits, search, toy: plots.value_gains(digits),
    "parallel_coordinates": lambda digits, search, toy: plots.parallel_coordinates(digits),
    "event_timeline": lambda digits, search, toy: plots.event_timeline(digits),
    "parameter_history": lambda digits, search, toy: plots.parameter_history(toy, "theta0", "theta1", objective=wanted),
    "objective_history": lambda digits, search, toy: plots.objective_history(toy, optimum=1.2),
}


def main() -> None:
    """Train, and draw everything."""
    with tempfile.TemporaryDirectory() as folder:
        draw(train(Path(folder)))


def draw(runs: tuple[Path, Path, Path]) -> None:
    """Draw everything from the directories of three runs."""
    PICTURES.mkdir(exist_ok=True)
    for name, figure in FIGURES.items():
        figure(*runs).savefig(PICTURES / f"{name}.png", dpi=DPI)
    moving = plots.animation(runs[-1], "theta0", "theta1", objective=wanted, frames=50)
    moving.save(PICTURES / "animation.gif", writer="pillow", dpi=96)


def train(folder: Path) -> tuple[Path, Path, Path]:
    """Return the directories of three runs: PBT and random search on digits, and the toy."""
    sys.path.insert(0, str(EXAMPLES))
    from figure2_guide import run_population_of_4

    run_demo(trials=16, iterations=100, seed=0, storage=folder, executor="inline", echo=lambda text: None)
    toy = run_population_of_4(seed=0, storage_path=folder, name="toy", executor="inline", verbose=0)
    return folder / "demo_pbt", folder / "demo_random_search", Path(toy.experiment_path)


if __name__ == "__main__":
    main()
