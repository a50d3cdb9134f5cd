"""What a notebook shows: from records, and in a real kernel."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import nbformat
import pytest
from nbclient import NotebookClient

from poptune.core.decisions import Continue
from poptune.core.events import Overdue, TrialAdded, TrialFailed
from poptune.core.population import Population
from poptune.faces.chronicle import Chronicle
from poptune.faces.notebook import NotebookConsole, html_of, in_notebook
from poptune.faces.table import Layout
from runs import pbt
from watching import RUN_DIR, Clock, exploit, reported, two_trials, words


class Wall:
    """Remembers what was shown, newest last."""

    def __init__(self):
        self.html = []
        self.text = []

    def show(self, html, text):
        self.html.append(html)
        self.text.append(text)


def notebook(verbose=1, layout=None):
    wall, clock = Wall(), Clock()
    return NotebookConsole(Chronicle(pbt(), RUN_DIR, 7, verbose), sys.stdout, clock, wall, layout), wall, clock


def test_a_run_and_its_trials_are_shown():
    console, wall, clock = notebook()
    population = two_trials()
    records = [reported("b", 4, height=5.0), exploit()]
    for record in records:
        population.apply(record)
    console.on_records([], two_trials())
    console.on_records(records, population)
    clock.now = 2.0
    console.on_tick(population)
    shown = words(wall.html[-1])
    assert shown.startswith("1 PENDING, 1 RUNNING after 2.0 s PopulationBasedTraining: 0 checkpoints, 1 perturbs")
    assert "trial status iter height exploits speed time b ● PENDING 4 5 0 3 0.0 s a ● RUNNING 4 - 1 3.6" in shown
    assert "Latest events Exploit: a (height 1 at iteration 4) takes over from b" in shown
    assert wall.text[-1].splitlines()[4].split() == ["trial", "status", "iter", "height", "exploits", "speed", "time"]


def test_the_display_is_refreshed_once_a_second_at_most():
    console, wall, clock = notebook()
    counts = []
    for clock.now in (0.0, 0.5, 0.9, 1.0, 1.5, 2.5):
        console.on_tick(two_trials())
        counts.append(len(wall.html))
    assert counts == [1, 1, 1, 2, 2, 3]


def test_the_end_is_the_table_and_the_summary():
    console, wall, _ = notebook(layout=Layout(print_intermediate_tables=False))
    console.on_tick(two_trials())
    console.on_end(two_trials())
    assert "<table>" not in wall.html[0]
    assert "<table>" in wall.html[1]
    assert words(wall.html[1]).endswith(f"Results in {RUN_DIR}")


def test_advice_stays_and_other_events_give_way():
    console, wall, _ = notebook()
    population = two_trials()
    console.on_records([Overdue("a", 5, 5, None), Continue("a", "x failed")], population)
    console.on_records([exploit() for _ in range(9)], population)
    console.on_end(population)
    assert wall.html[-1].count("saved no checkpoint yet") == 1
    assert "Trial a goes on as it is: x failed" in wall.html[-1]
    assert wall.html[-1].count("takes over from") == 5


def test_every_report_is_printed_only_if_asked_for(capsys):
    for verbose, printed in ((1, ""), (2, "Report: a at iteration 3: height 0.5\n")):
        console, _, _ = notebook(verbose)
        console.on_records([reported("a", 3, height=0.5)], two_trials())
        assert capsys.readouterr().out == printed


def test_what_workers_print_goes_below_the_cell(capsys):
    console, _, _ = notebook()
    console.on_output(1, "hi\nend")
    console.on_end(two_trials())
    assert capsys.readouterr().out == "(worker 1) hi\n(worker 1) end\n"


def test_nothing_in_a_run_becomes_markup():
    evil = "<script>alert('x')</script>"
    population = Population.of([TrialAdded(evil, 0, {evil: evil}), TrialAdded("b", 1, {evil: 1})])
    console, wall, _ = notebook()
    failed = TrialFailed(evil, f"ValueError: {evil}", f"Traceback {evil}", False)
    console.on_tick(population)
    population.apply(failed)
    console.on_records([failed, TrialFailed("b", evil, evil, True), Continue("b", evil)], population)
    console.on_end(population)
    assert "<script" not in "".join(wall.html)
    assert wall.html[-1].count("&lt;script&gt;") >= 6
    assert "<script" not in html_of(None, above=[evil], advice=[evil], latest=[evil], below=[evil])


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colours_can_be_turned_off(monkeypatch, no_color, coloured):
    monkeypatch.setenv("NO_COLOR", no_color)
    console, wall, _ = notebook()
    console.on_tick(two_trials())
    assert ("color:" in wall.html[0]) is coloured


def test_this_is_no_notebook_and_ipython_is_not_imported_to_find_out():
    assert not in_notebook()
    code = "import sys, poptune.faces.console as c; sys.exit(c.in_notebook() or 'IPython' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# A real kernel.

CLIMB = """
    import sys
    import poptune as tune

    def climb(config):
        for step in range(1, 4):
            if config["speed"] == 2.0:
                raise ValueError("slipped <b>here</b>")
            tune.report({"height": config["speed"] * step})

    def fit(**options):
        return tune.Tuner(
            climb,
            param_space={"speed": tune.grid_search([1.0, 2.0, 3.0])},
            tune_config=tune.TuneConfig(metric="height", mode="max", seed=0),
            run_config=tune.RunConfig(storage_path=FOLDER, executor="inline", **options),
        ).fit()
"""
CELLS = (
    "fit();",
    "fit(progress_reporter=tune.JupyterNotebookReporter(metric_columns={'height': 'up'}, max_progress_rows=1));",
    "fit(progress_reporter=tune.JupyterNotebookReporter(overwrite=False, max_report_frequency=0));",
    "fit(progress_reporter=tune.CLIReporter());",
    "fit(verbose=0);",
)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """Return what stands below each cell of a notebook that a kernel has executed."""
    folder = tmp_path_factory.mktemp("notebook")
    sources = [f"FOLDER = {str(folder / 'runs')!r}\n{textwrap.dedent(CLIMB)}", *CELLS]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    environment = {**os.environ, "IPYTHONDIR": str(folder), "JUPYTER_RUNTIME_DIR": str(folder)}
    client = NotebookClient(book, timeout=50, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute(env=environment)
    return [cell.outputs for cell in book.cells[1:]]


def shown(output):
    return words(output["data"]["text/html"])


def test_a_run_in_a_kernel_leaves_one_display_with_the_last_table(outputs):
    (only,) = outputs[0]
    assert only["output_type"] == "display_data"
    text = shown(only)
    assert "trial status iter height exploits speed time 652e5_00002 ● TERMINATED 3 9 0 3" in text
    assert "Run ended after" in text
    assert "Results in" in text
    assert "Failed trials: 1 trial failures error 652e5_00001 1 ValueError: slipped &lt;b&gt;here&lt;/b&gt;" in text
    assert "Traceback (most recent call last)" in text
    assert "652e5_00002  TERMINATED" in only["data"]["text/plain"]


def test_a_reporter_shapes_the_display(outputs):
    (only,) = outputs[1]
    assert "trial status up exploits speed 652e5_00000 ● TERMINATED 3 0 1 ... 2 more" in shown(only)


def test_without_overwriting_one_display_comes_below_the_other(outputs):
    displays = [output for output in outputs[2] if output["output_type"] == "display_data"]
    assert len(displays) > 1
    assert "PENDING" in shown(displays[0])
    assert "PENDING" not in shown(displays[-1])


def test_a_plain_reporter_prints_text(outputs):
    assert {output["output_type"] for output in outputs[3]} == {"stream"}
    assert "652e5_00002  TERMINATED" in "".join(output["text"] for output in outputs[3])


def test_a_quiet_run_shows_nothing(outputs):
    assert outputs[4] == []
