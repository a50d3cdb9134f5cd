"""Functions of the C library that a test replaces in processes of its own, by LD_PRELOAD."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def compiled(source: str, folder: Path) -> Path:
    """Return a library with functions that take the place of those of the C library; skip where none can be made."""
    compiler = shutil.which("cc")
    if sys.platform != "linux" or not compiler:
        pytest.skip("no C compiler on this machine, or not Linux")
    (folder / "shim.c").write_text(source)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", folder / "shim.so", folder / "shim.c"], check=True)
    return folder / "shim.so"
