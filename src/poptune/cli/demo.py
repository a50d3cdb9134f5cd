"""`poptune demo`."""

from __future__ import annotations

from typing import Any

import click


@click.command(short_help="Watch PBT evolve networks that read real digits.")
@click.option("--trials", default=8, show_default=True, type=click.IntRange(min=2), help="Networks in the population.")
@click.option(
    "--iterations", default=100, show_default=True, type=click.IntRange(min=1), help="Epochs each network trains."
)
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(min=0), help="The same seed gives the same figures."
)
@click.option(
    "--storage",
    default="poptune_results",
    show_default=True,
    type=click.Path(file_okay=False),
    help="Directory for the directories of the two runs.",
)
@click.option(
    "--executor",
    default="processes",
    show_default=True,
    type=click.Choice(["processes", "inline"]),
    help="Train in worker processes, or in this process.",
)
def demo(**options: Any) -> None:
    """Train a population on real handwritten digits and watch its hyperparameters evolve.

    Small networks learn to read scikit-learn's digits; learning rate, momentum and weight decay evolve. Then random
    search gets the same budget, and both winners are tried on test images that neither has seen. Takes about
    ten seconds.

    Example:

    \b
        poptune demo --trials 8 --iterations 100 --seed 1
    """
    from poptune.demo import run_demo

    run_demo(**options, echo=click.echo)
