"""A script as users write one to be started again and again: it begins a run, or goes on with it."""

from __future__ import annotations

import sys
from pathlib import Path

import poptune as tune
from poptune.schedulers import PopulationBasedTraining

SPEED = tune.uniform(0.0, 10.0)


def climb(config):
    state = {"height": 0.0, "step": 0}
    if checkpoint := tune.get_checkpoint():
        state = checkpoint.to_dict()
    while True:
        state = {"height": state["height"] + config["speed"], "step": state["step"] + 1}
        saves = state["step"] % 2 == 0
        tune.report(state, checkpoint=tune.Checkpoint.from_dict(state) if saves else None)


def main(
    path: Path,
    iterations: int,
    executor: str = "processes",
    durability: str = "process",
    mode: str = "synchronous",
) -> None:
    if tune.Tuner.can_restore(path):
        tuner = tune.Tuner.restore(path, climb)
    else:
        scheduler = PopulationBasedTraining(
            "training_iteration",
            "height",
            "max",
            perturbation_interval=4,
            quantile_fraction=0.5,
            hyperparam_mutations={"speed": SPEED},
            synch=mode == "synchronous",
        )
        tuner = tune.Tuner(
            climb,
            param_space={"speed": SPEED},
            tune_config=tune.TuneConfig(scheduler=scheduler, num_samples=4, seed=3, max_concurrent_trials=2),
            run_config=tune.RunConfig(
                name=path.name,
                storage_path=path.parent,
                stop={"training_iteration": iterations},
                checkpoint_config=tune.CheckpointConfig(num_to_keep=1),
                failure_config=tune.FailureConfig(max_failures=-1 if executor == "processes" else 0),
                executor=executor,
                durability=durability,
                verbose=0,
            ),
        )
    tuner.fit()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
