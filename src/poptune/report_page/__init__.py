"""The report: a run as one HTML file to open, keep and send, with nothing to install and nothing to load.

It is not called `poptune.report`, for that is the function which training code calls.
"""

from __future__ import annotations

import time
from pathlib import Path

from poptune.errors import StorageError
from poptune.report_page.document import document
from poptune.report_page.page import html
from poptune.run.files import replace_file
from poptune.run.history import History
from poptune.run.listing import state_of

FILE_NAME = "report.html"


def write_report(run: str | Path, output: str | Path | None = None) -> Path:
    """Write the report of a run, which may be going on, and return where it is. Nothing in the run is executed.

    Args:
        run: The directory of the run, such as `results.experiment_path`.
        output: The file to write; None: `report.html` in the directory of the run.

    Raises:
        StorageError: It is not the directory of a run, or the file cannot be written.

    >>> import tempfile
    >>> import poptune as tune
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run_config = tune.RunConfig(name="run", storage_path=folder, executor="inline", verbose=0)
    ...     results = tune.Tuner(lambda config: None, run_config=run_config).fit()
    ...     write_report(results.experiment_path).name
    'report.html'
    """
    history = History.read(run)
    state = state_of(history.run_dir, has_live_trials=history.population.live > 0)
    made = document(history, state, made=time.time())
    path = Path(output).expanduser() if output is not None else history.run_dir / FILE_NAME
    try:
        replace_file(path, html(made))
    except OSError as error:
        raise StorageError(f"Cannot write the report {path}: {error.strerror or error}.") from error
    return path
