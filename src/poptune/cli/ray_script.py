"""`poptune ray-script`."""

from __future__ import annotations

import sys

import click


@click.command(
    "ray-script",
    short_help="Run a script for Ray Tune, unchanged.",
    options_metavar="",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="SCRIPT.py | -m MODULE [ARGS]...")
def ray_script(arguments: tuple[str, ...]) -> None:
    """Run a script that was written for Ray Tune, unchanged."""
    from poptune.compat.ray import run

    sys.exit(run(arguments))
