"""`poptune replay`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from poptune.cli.given import OutputFile, TrialId, reading, run_argument
from poptune.cli.output import say, say_json
from poptune.errors import UsageError, nearest

if TYPE_CHECKING:
    from poptune.run.results import Result, ResultGrid


@click.command(short_help="Print or save the schedule behind a trial's weights.")
@run_argument
@click.option(
    "--trial",
    default="best",
    show_default=True,
    type=TrialId(),
    help="Whose schedule: the id of a trial, or the best at the end.",
)
@click.option("-o", "--output", type=OutputFile(), help="Write the schedule to this CSV file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def replay(directory: Path, trial: str, output: Path | None, as_json: bool) -> None:
    """Print the hyperparameter schedule that made a trial's weights.

    DIRECTORY is that of a run. The best trial is the one with the best last value of the run's metric. A CSV file can
    be edited, and trained with: PopulationBasedTrainingReplay(Schedule.from_csv("schedule.csv")). What is printed has
    secrets masked; the CSV file has all values.

    Example:

    \b
        poptune replay poptune_results/demo_pbt --trial best -o schedule.csv
    """
    from poptune.core.safe_text import inert
    from poptune.faces.overview import schedule_facts
    from poptune.run.results import ResultGrid

    with reading():
        results = ResultGrid.from_path(directory)
    chosen = results.get_best_result() if trial == "best" else _result_of(trial, results)
    if output is not None:
        try:
            chosen.schedule.to_csv(output)
        except OSError as error:
            raise click.ClickException(f"Cannot write {output}: {error.strerror}.") from error
    if as_json:
        say_json({"trial_id": chosen.trial_id, "schedule": schedule_facts(chosen.schedule)})
    elif output is not None:
        say([inert(f"Wrote the schedule of trial {chosen.trial_id} to {output}.")])
    else:
        say([str(chosen.schedule)])


def _result_of(trial: str, results: ResultGrid) -> Result:
    found = {result.trial_id: result for result in results}
    if trial not in found:
        raise UsageError(f"The run has no trial {trial!r}.{nearest(trial, found)} Its trials: {', '.join(found)}.")
    return found[trial]
