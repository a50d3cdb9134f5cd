"""What the tests of the commands share."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from edge_runs import EDGE_RUNS


@pytest.fixture(scope="session")
def edge_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that returns the directory of an edge run, which is written once."""

    @cache
    def written(name: str) -> Path:
        return EDGE_RUNS[name](tmp_path_factory.mktemp("edge"))

    return written
