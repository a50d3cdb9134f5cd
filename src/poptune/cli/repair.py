"""`poptune repair`."""

from __future__ import annotations

from pathlib import Path

import click

from poptune.cli.given import run_argument
from poptune.cli.output import say


@click.command(short_help="Copy what is whole of a damaged run, so that it can be restored.")
@run_argument
@click.argument("new", metavar="NEW_DIRECTORY", type=click.Path(path_type=Path))
def repair(directory: Path, new: Path) -> None:
    """Copy what stands before the damage in a run's journal into a new directory, which can be restored.

    DIRECTORY is that of the damaged run; nothing in it is changed. NEW_DIRECTORY gets the records before the damage,
    and all files. Checkpoints are linked where that is possible, so they take no space. What was reported after the
    damage is trained again; where a checkpoint was deleted since, a trial goes on from an older one, or begins anew.

    Example:

    \b
        poptune repair poptune_results/demo_pbt poptune_results/demo_pbt_repaired
    """
    from poptune.core.safe_text import inert
    from poptune.storage.salvage import salvage

    saved = salvage(directory, new)
    say(
        [
            inert(saved.damage),
            f"The {saved.records} records before that, and all checkpoints, are in {inert(str(new))} now. To go on:",
            f"    Tuner.restore({inert(repr(str(new)))}, train).fit()",
        ]
    )
