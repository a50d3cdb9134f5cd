"""Secrets stay out of every view, and nothing that a run holds is obeyed by a terminal, a page or a spreadsheet."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

import poptune as tune
from poptune.core.population import Population
from poptune.core.trial import Trial
from poptune.faces.chronicle import Chronicle
from poptune.faces.console import console_for
from poptune.faces.live import LiveConsole
from poptune.faces.notebook import NotebookConsole
from poptune.faces.table import Layout, lines_of, table_of
from poptune.run.results import ResultGrid
from poptune.schedulers import PopulationBasedTraining, PopulationBasedTrainingReplay
from poptune.testing.toys import Climber
from runs import pbt
from watching import RUN_DIR, added, exploit, reported

SECRETS = ["s3cr3t-one", "s3cr3t-two"]
KEPT_WHOLE = ("journal.sqlite", "checkpoint_")  # what a run goes on from


def with_secrets(**options):
    mutations = {"speed": tune.uniform(0.0, 10.0), "auth": {"token": SECRETS}}
    return pbt(interval=2, hyperparam_mutations=mutations, **options)


SPACE = {"speed": tune.grid_search([1.0, 2.0]), "auth": {"token": tune.grid_search(SECRETS)}, "password": SECRETS[0]}


def test_secrets_of_configs_are_in_no_file_but_the_journal_and_in_no_output(fit, capsys, tmp_path):
    layout = tune.CLIReporter(parameter_columns=["speed", "auth/token", "password"], max_report_frequency=0)
    options = {"stop": {"training_iteration": 6}, "verbose": 2, "progress_reporter": layout, "tensorboard": True}
    results = fit(Climber, SPACE, scheduler=with_secrets(), name="run", **options)
    assert results.exploits
    assert results[0].config["password"] == SECRETS[0]
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    views = [path for path in files if not str(path.relative_to(tmp_path / "run")).startswith(KEPT_WHOLE)]
    views = [path for path in views if "/checkpoint_" not in str(path)]
    names = {path.name for path in views}
    assert {"result.json", "params.json", "progress.csv", "pbt_global.txt"} <= names
    output = "".join(capsys.readouterr()) + str(results[0].schedule) + repr(results)
    for secret in SECRETS:
        assert secret not in output
        assert [path for path in views if secret.encode() in path.read_bytes()] == []
        assert [path for path in files if secret in str(path)] == []
    assert "***" in output


def test_a_policy_file_is_replayed_with_the_secrets_of_whoever_replays_it(fit, tmp_path):
    results = fit(Climber, SPACE, scheduler=with_secrets(), stop={"training_iteration": 6}, name="run")
    (policy, *_) = (tmp_path / "run").glob("pbt_policy_*.txt")
    replay = PopulationBasedTrainingReplay(policy)
    with pytest.raises(ValueError, match="does not tell auth, password: give it in param_space"):
        fit(Climber, {}, scheduler=replay)
    own = {"auth": {"token": "my own"}, "password": "mine"}
    (replayed,) = fit(Climber, own, scheduler=replay, stop={"training_iteration": 6})
    assert {key: replayed.config[key] for key in own} == own
    assert replayed.config["speed"] in [result.config["speed"] for result in results]


EVIL = "\x1b[2J\x1b]0;owned\x07\u202etxt.exe\r\n[/red][bold]<script>alert(1)</script>"


def of_evil_names():
    objective = PopulationBasedTraining(time_attr=EVIL, metric=EVIL, mode="max", hyperparam_mutations={EVIL: [1, 2]})
    population = Population.of(added({EVIL: EVIL}, {EVIL: 2}))
    records = [reported("a", 4, **{EVIL: 1.0}), exploit(operations=())]
    return objective, population, records


@pytest.mark.parametrize("face", ["plain", "live", "reporter"])
def test_names_and_messages_reach_a_terminal_without_its_commands(face, capsys):
    scheduler, population, records = of_evil_names()
    stream = io.StringIO()
    chronicle = Chronicle(scheduler, RUN_DIR / EVIL, 0, 2)
    if face == "live":
        from rich.console import Console

        console = LiveConsole(chronicle, stream, console=Console(file=stream, width=300, force_terminal=False))
    else:
        reporter = tune.CLIReporter(metric_columns=[EVIL], max_column_length=300) if face == "reporter" else None
        console = console_for(scheduler, RUN_DIR / EVIL, 0, 2, stream, reporter=reporter)
    console.on_records(records, population)
    console.on_tick(population)
    console.on_end(population)
    shown = stream.getvalue() + capsys.readouterr().out
    assert not set(shown) & set("\x1b\x07\u202e\r")
    assert "\\x1b[2J" in shown
    assert "[/red][bold]<script>" in shown


def test_names_and_messages_reach_a_page_as_text():
    shown = []

    class Place:
        def show(self, html, text):
            shown.extend([html, text])

    scheduler, population, records = of_evil_names()
    console = NotebookConsole(Chronicle(scheduler, RUN_DIR / EVIL, 0, 1), io.StringIO(), place=Place())
    console.on_records(records, population)
    console.on_end(population)
    html, text = shown[-2:]
    assert "<script>" not in html
    assert not set(html + text) & set("\x1b\x07\u202e\r")


def test_an_error_with_commands_for_terminals_is_shown_without_them():
    trial = Trial("a", 0, {}, error=f"ValueError: {EVIL}\n  line 2")
    table = table_of([trial], None, [], Layout())
    assert not set("".join(lines_of(table))) & set("\x1b\x07\u202e\r")


def test_a_spreadsheet_finds_no_formula_in_the_files_of_a_run(fit):
    formula = '=HYPERLINK("http://evil","x")'

    def train(config):
        tune.report({"height": -1.5, "note": formula, "@cmd": "+1+1", "rate": "-0.5"})

    (result,) = fit(train, {})
    with open(Path(result.path, "progress.csv"), newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["note"] == f"'{formula}"
    assert row["'@cmd"] == "'+1+1"
    assert (row["height"], row["rate"]) == ("-1.5", "-0.5")


def test_a_schedule_with_a_formula_in_it_is_safe_and_comes_back_as_it_was(fit, tmp_path):
    (result,) = fit(Climber, {"speed": 1.0, "=1+1": "@cmd"}, stop={"training_iteration": 2})
    result.schedule.to_csv(tmp_path / "schedule.csv")
    with open(tmp_path / "schedule.csv", newline="") as file:
        cells = [cell for line in csv.reader(file) for cell in line]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@")]
    assert tune.Schedule.from_csv(tmp_path / "schedule.csv").segments == result.schedule.segments
    assert ResultGrid.from_path(Path(result.path).parent)[0].config == result.config
