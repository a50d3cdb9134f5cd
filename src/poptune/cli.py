"""The `poptune` command. Each command imports what it needs when it runs, so that help comes at once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from poptune.errors import PopTuneError, UsageError, nearest
from poptune.version import __version__

if TYPE_CHECKING:
    from poptune.run.results import Result, ResultGrid


class _Commands(click.Group):
    """Commands whose mistakes of use are one message, not a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PopTuneError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="poptune")
def commands() -> None:
    """Population Based Training: find hyperparameter schedules while your models train."""


@commands.command()
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


@commands.command()
@click.argument("directory", type=click.Path())
@click.option(
    "--trial", default="best", show_default=True, help="Whose schedule: the id of a trial, or the best at the end."
)
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write the schedule to this CSV file.")
def replay(directory: str, trial: str, output: str | None) -> None:
    """Print the hyperparameter schedule that made a trial's weights.

    DIRECTORY is that of a run. The best trial is the one with the best last value of the run's metric. A CSV file can
    be edited, and trained with: PopulationBasedTrainingReplay(Schedule.from_csv("schedule.csv")).

    Example:

    \b
        poptune replay poptune_results/demo_pbt --trial best -o schedule.csv
    """
    from poptune.run.results import ResultGrid

    results = ResultGrid.from_path(directory)
    chosen = results.get_best_result() if trial == "best" else _result_of(trial, results)
    if output is None:
        click.echo(chosen.schedule)
        return
    try:
        chosen.schedule.to_csv(output)
    except OSError as error:
        raise click.ClickException(f"Cannot write {output}: {error.strerror}.") from error
    click.echo(f"Wrote the schedule of trial {chosen.trial_id} to {output}.")


@commands.command(
    "ray-script",
    options_metavar="",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="SCRIPT.py | -m MODULE [ARGS]...")
def ray_script(arguments: tuple[str, ...]) -> None:
    """Run a script that was written for Ray Tune, unchanged."""
    from poptune.compat.ray import run

    sys.exit(run(arguments))


def _result_of(trial: str, results: ResultGrid) -> Result:
    found = {result.trial_id: result for result in results}
    if trial not in found:
        raise UsageError(f"The run has no trial {trial!r}.{nearest(trial, found)} Its trials: {', '.join(found)}.")
    return found[trial]


def main() -> None:
    """Run the command that the command line asks for."""
    commands(prog_name="poptune")
