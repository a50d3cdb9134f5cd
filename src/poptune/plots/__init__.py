"""Figures of a run: each function takes results or a run directory and returns a matplotlib figure.

Nothing is shown or saved: `plots.learning_curves(results).savefig("curves.png")` saves it, and a notebook shows what a
cell returns. `width` is in inches: 7 fills a page, 3.5 one of two columns. Needs `pip install "poptune[plots]"`.
"""

from __future__ import annotations

from poptune.plots.ancestors import ancestor_shares
from poptune.plots.curves import learning_curves, objective_history, rescues
from poptune.plots.exploits import exploit_matrix
from poptune.plots.gains import value_gains
from poptune.plots.guide import parameter_history
from poptune.plots.lineage import lineage_tree
from poptune.plots.moving import animation
from poptune.plots.parallel import parallel_coordinates
from poptune.plots.phylogeny import phylogenetic_tree
from poptune.plots.schedules import hyperparameter_schedules, winner_schedule
from poptune.plots.timeline import event_timeline

__all__ = [
    "ancestor_shares",
    "animation",
    "event_timeline",
    "exploit_matrix",
    "hyperparameter_schedules",
    "learning_curves",
    "lineage_tree",
    "objective_history",
    "parallel_coordinates",
    "parameter_history",
    "phylogenetic_tree",
    "rescues",
    "value_gains",
    "winner_schedule",
]
