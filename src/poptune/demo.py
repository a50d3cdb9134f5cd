"""`poptune demo`: PBT and random search on the same real data with the same budget, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import poptune as tune
from poptune.errors import StorageError
from poptune.faces.digits import Network, Split, accuracy, load_digits_split, loss, train
from poptune.report_page import write_report
from poptune.schedulers import PopulationBasedTraining

_ROUNDS = 20  # decisions in the life of a trial

_SPACE = {
    "lr": tune.loguniform(1e-3, 1.0),
    "momentum": tune.uniform(0.0, 0.99),
    "weight_decay": tune.loguniform(1e-6, 1e-2),
}


@dataclass(frozen=True, slots=True)
class Figures:
    """How well one saved network reads digits.

    Attributes:
        epochs: How long its weights were trained.
        validation_loss: What it was chosen by, in nats per image.
        validation_accuracy: On the same images.
        test_accuracy: On images that no choice has looked at.
    """

    epochs: int
    validation_loss: float
    validation_accuracy: float
    test_accuracy: float


def run_demo(
    *,
    trials: int,
    iterations: int,
    seed: int,
    storage: str | Path,
    executor: Literal["processes", "inline"],
    echo: Callable[[str], object],
) -> None:
    """Evolve a population, show its schedule, and compare it with random search.

    Args:
        trials: Networks per run.
        iterations: Epochs per network.
        seed: Of both runs: both begin with the same networks and hyperparameters.
        storage: Directory for the directories of the runs.
        executor: Where to train.
        echo: Prints a paragraph.

    Raises:
        MissingExtra: scikit-learn is not installed.
        NoResultError: Every network diverged.
    """
    split = load_digits_split()
    interval = max(1, iterations // _ROUNDS)

    def tuner(name: str, scheduler: PopulationBasedTraining | None, verbose: int) -> tune.Tuner:
        return tune.Tuner(
            train,
            param_space={**_SPACE, "checkpoint_interval": interval},
            tune_config=tune.TuneConfig(
                metric="validation_loss", mode="min", num_samples=trials, seed=seed, scheduler=scheduler
            ),
            run_config=tune.RunConfig(
                name=name,
                storage_path=storage,
                stop={"training_iteration": iterations},
                executor=executor,
                verbose=verbose,
            ),
        )

    pbt = PopulationBasedTraining(
        time_attr="training_iteration",
        perturbation_interval=interval,
        hyperparam_mutations=_SPACE,
        synch=True,  # so that the same seed gives the same figures on any machine
    )
    echo(
        f"{trials} networks learn to read handwritten digits: {len(split.training)} real images, which every epoch"
        f" moves by up to a pixel.\nEvery {_epochs(interval)} the worst quarter copies one of the best quarter"
        " and varies its hyperparameters.\n"
    )
    grid = tuner("demo_pbt", pbt, verbose=1).fit()
    best = grid.get_best_result()
    echo(f"\nThe schedule behind the best network, {best.trial_id}:\n\n{best.schedule}\n")

    echo(f"Random search with the same budget, {trials} networks for {_epochs(iterations)} ...\n")
    other_grid = tuner("demo_random_search", None, verbose=0).fit()
    other = other_grid.get_best_result()

    echo(comparison({"PBT": figures(best, split), "random search": figures(other, split)}, len(split.test)))
    echo(f"\nPBT run: {grid.experiment_path}\nRandom search: {other_grid.experiment_path}")
    echo(f"What happened, as a page to open: {write_report(grid.experiment_path)}")


def figures(result: tune.Result, split: Split) -> Figures:
    """Return the figures of a result's saved network.

    Raises:
        StorageError: Its checkpoint is gone.
    """
    if result.checkpoint is None:
        raise StorageError(f"The checkpoint of trial {result.trial_id} is gone from {result.path}.")
    state = result.checkpoint.to_dict()
    network = Network.of(state)
    return Figures(
        state["epoch"],
        loss(network, split.validation),
        accuracy(network, split.validation),
        accuracy(network, split.test),
    )


def comparison(winners: dict[str, Figures], test_images: int) -> str:
    """Return the winners' figures as a table, and what they are worth.

    >>> print(comparison({"PBT": Figures(100, 0.14, 0.95, 0.94)}, 597).partition("\\n\\n")[0])
    winner  epochs  validation loss  validation accuracy  test accuracy
    PBT        100            0.140               95.0 %         94.0 %
    """
    table = [["winner", "epochs", "validation loss", "validation accuracy", "test accuracy"]]
    for name, found in winners.items():
        table.append(
            [
                name,
                str(found.epochs),
                f"{found.validation_loss:.3f}",
                f"{found.validation_accuracy:.1%}".replace("%", " %"),
                f"{found.test_accuracy:.1%}".replace("%", " %"),
            ]
        )
    return (
        f"{_aligned(table)}\n\n"
        "Both winners have the lowest validation loss of their run; the test images played no part in any choice.\n"
        f"This is one run of each: a difference of a point or two on {test_images} test images may be chance.\n"
        "Another --seed shows how much it varies."
    )


def _aligned(table: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = []
    for name, *cells in table:
        numbers = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
        lines.append("  ".join([name.ljust(widths[0]), *numbers]))
    return "\n".join(lines)


def _epochs(number: int) -> str:
    return "epoch" if number == 1 else f"{number} epochs"
