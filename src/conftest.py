"""What the examples in docstrings may use without making it."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def results_for_figures(request: pytest.FixtureRequest, doctest_namespace: dict[str, Any]) -> None:
    """Give the examples of figures the `results` of a run, and `plots`."""
    if ".plots." in request.node.name:
        doctest_namespace |= {"plots": pytest.importorskip("poptune.plots"), "results": _a_run(request)}


def _a_run(request: pytest.FixtureRequest) -> Any:
    """Four trials climb nine steps; every second step the worst copies the best."""
    import poptune as tune
    from poptune.schedulers import PopulationBasedTraining
    from poptune.testing.toys import Climber

    speed = tune.uniform(0.0, 10.0)
    scheduler = PopulationBasedTraining(
        time_attr="training_iteration", perturbation_interval=2, hyperparam_mutations={"speed": speed}, synch=True
    )
    return tune.Tuner(
        Climber,
        param_space={"speed": speed},
        tune_config=tune.TuneConfig(metric="height", mode="max", num_samples=4, seed=0, scheduler=scheduler),
        run_config=tune.RunConfig(
            storage_path=request.getfixturevalue("tmp_path"),
            executor="inline",
            verbose=0,
            stop={"training_iteration": 9},
        ),
    ).fit()
