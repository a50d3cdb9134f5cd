"""Figures of a run: each function takes results or a run directory and returns a matplotlib figure.

Nothing is shown or saved: `plots.learning_curves(results).savefig("curves.png")` saves it, and a notebook shows what a
cell returns. `width` is in inches: 7 fills a page, 3.5 one of two columns. Needs `pip install "poptune[plots]"`.
"""

from __future__ import annotations

from poptune.plots.curves import learning_curves, objective_history, rescues
from poptune.plots.guide import parameter_history
from poptune.plots.moving import animation
from poptune.plots.schedules import hyperparameter_schedules, winner_schedule

__all__ = [
    "animation",
    "hyperparameter_schedules",
    "learning_curves",
    "objective_history",
    "parameter_history",
    "rescues",
    "winner_schedule",
]
