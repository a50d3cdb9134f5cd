"""Runs scripts as the command line does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent / "scripts"
collect_ignore_glob = ["scripts/*"]  # written for Ray Tune: only `poptune ray-script` can import them

Ran = subprocess.CompletedProcess[str]


@pytest.fixture
def ray_script(tmp_path: Path) -> Callable[..., Ran]:
    """Return a function that runs `poptune ray-script ...` in a folder of the test, which is its home, too."""

    def run(*arguments: str, command: tuple[str, ...] = ("-m", "poptune", "ray-script"), **variables: str) -> Ran:
        environment = {**os.environ, "HOME": str(tmp_path), **variables}
        return subprocess.run(
            [sys.executable, *command, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """Return a folder with the scripts that were written for Ray Tune."""
    shutil.copytree(SCRIPTS, tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "scripts"


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """Return a function that writes a script and returns its name."""

    def write(text: str, name: str = "script.py") -> str:
        (tmp_path / name).write_text(text)
        return name

    return write
