"""What commands are given: the directory of a run, trials of it. Says what is wrong with it, and completes it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from poptune.errors import PopTuneError, StorageError

RESULTS = "poptune_results"
_MOST_COMPLETIONS = 200


class Refusal(click.ClickException):
    """The command was used wrongly, or was given what is not a run that this version can read."""

    exit_code = 2


def said(error: Exception) -> str:
    """Return the message of an error, in which nothing is left that a terminal would obey: paths may hold anything."""
    from poptune.core.safe_text import inert

    return inert(str(error), lines=True)


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """Read a run that was given.

    Raises:
        Refusal: It is no run, is damaged, or was written by a newer version.
    """
    try:
        yield
    except StorageError as error:
        if isinstance(error.__cause__, OSError):  # a file beside it: the run is not to blame
            raise
        raise Refusal(said(error)) from error


class RunDirectory(click.Path):
    """The directory of a run; shells complete it with runs of the default directory and with other directories."""

    name = "directory"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the runs below the default directory of runs that begin so, or let the shell look for directories."""
        from poptune.run.listing import runs_below

        runs = (str(path) for path in islice(runs_below(RESULTS), _MOST_COMPLETIONS))
        found = [CompletionItem(path) for path in runs if path.startswith(incomplete)]
        return found or [CompletionItem(incomplete, type="dir")]


class OutputFile(click.Path):
    """A file to write, which has a name and is no directory."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path of the file."""
        if not str(value):
            self.fail("The name of the file is empty.", param, ctx)
        return super().convert(value, param, ctx)


class TrialId(click.types.StringParamType):
    """The id of a trial; shells complete it with those of the run that was given before it."""

    name = "trial"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the trials of the run that begin so."""
        given = [directory for directory in (ctx.params.get("directory"), *ctx.args) if directory]
        try:
            trials = _trials(Path(given[0])) if given else []
        except PopTuneError:
            trials = []
        return [CompletionItem(name) for name in ["best", *trials] if name.startswith(incomplete)]


def run_argument(command: Any) -> Any:
    """Let a command take the directory of a run."""
    return click.argument("directory", type=RunDirectory(path_type=Path))(command)


def _trials(run_dir: Path) -> list[str]:
    from poptune.core.events import TrialAdded
    from poptune.storage.journal import Journal

    with Journal.open(run_dir) as journal:
        return [record.trial for record in journal.records(TrialAdded)]
