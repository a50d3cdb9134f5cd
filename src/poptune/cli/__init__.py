"""The `poptune` command, one module for each of its commands.

Exit codes: 0 all went well, 1 something failed, 2 the command was used wrongly, or what it was given is not a run that
this version can read. Modules import what they need when a command runs, so that help comes at once.
"""

from __future__ import annotations

from typing import Any

import click

from poptune.cli.demo import demo
from poptune.cli.doctor import doctor
from poptune.cli.given import Refusal, said
from poptune.cli.ls import ls
from poptune.cli.ray_script import ray_script
from poptune.cli.repair import repair
from poptune.cli.replay import replay
from poptune.cli.report import report
from poptune.cli.show import show
from poptune.errors import PopTuneError, UsageError
from poptune.version import __version__


class _Commands(click.Group):
    """Commands in the order in which they are added; their mistakes are one message, not a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PopTuneError as error:
            kind = Refusal if isinstance(error, UsageError) else click.ClickException
            raise kind(said(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="poptune")
def commands() -> None:
    """Population Based Training: find hyperparameter schedules while your models train.

    Exit codes: 0 all went well; 1 something failed; 2 wrong use, or no run that this version can read.
    """


for _command in (demo, ls, show, report, replay, ray_script, repair, doctor):
    commands.add_command(_command)


def main() -> None:
    """Run the command that the command line asks for."""
    commands(prog_name="poptune")
