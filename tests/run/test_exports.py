"""The files that other programs know: every result exactly once, whatever happened to the trial."""

from __future__ import annotations

import json
import math
import os
import sys
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

import poptune as tune
from poptune.core.nested import flatten
from poptune.errors import MissingExtra
from poptune.executors.processes import ProcessExecutor
from poptune.run.exports import Exports
from poptune.testing.toys import Climber
from runs import events, pbt, three_climbers


def json_rows(result):
    """Return the results in `result.json`; reading refuses what is not JSON."""
    with open(Path(result.path) / "result.json") as file:
        return [json.loads(line, parse_constant=pytest.fail) for line in file]


def csv_rows(result):
    file = Path(result.path) / "progress.csv"
    return pd.read_csv(file, dtype={"experiment_tag": str}, keep_default_na=False, na_values=[""])


def assert_every_result_is_in_every_file_once(results):
    for result in results:
        rows = [json.loads(json.dumps(row)) for row in result.rows]
        assert [flatten(row) for row in json_rows(result)] == rows
        frame, table = result.metrics_dataframe, csv_rows(result)
        assert list(table.columns) == [name for name in frame.columns if not name.startswith("config/")]
        for name in table.columns:
            assert list(table[name].dropna()) == list(frame[name].dropna()), name
        assert json.loads((Path(result.path) / "params.json").read_text()) == result.config


def climb(config):
    """Climbs twelve steps and saves every third; with a `fate` the first that comes so far raises or dies, once."""
    height, step = 0.0, 0
    if checkpoint := tune.get_checkpoint():
        height, step = checkpoint.to_dict()["height"], checkpoint.to_dict()["step"]
    while step < 12:
        step += 1
        if step == 8 and config["fate"] and _is_first(config["marker"]):
            if config["fate"] == "kill":
                os._exit(3)
            raise ValueError("the loss exploded")
        height += config["speed"]
        saved = tune.Checkpoint.from_dict({"height": height, "step": step}) if step % 3 == 0 else None
        tune.report({"height": height, "eval": {"twice": 2 * height}}, checkpoint=saved)


def _is_first(marker):
    try:
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


@pytest.mark.parametrize("fate", ["", "raise"])
@pytest.mark.parametrize("synch", [True, False])
@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_the_files_hold_what_the_data_frame_holds(fit, tmp_path, executor, synch, fate):
    results = fit(
        climb,
        {
            "speed": tune.grid_search([1.0, 2.0, 3.0, 4.0]),
            "fate": fate,
            "marker": str(tmp_path / "marker"),
        },
        scheduler=pbt(interval=3, synch=synch, quantile_fraction=0.25),
        failure_config=tune.FailureConfig(max_failures=1),
        executor=executor,
    )
    assert results.errors == []
    assert (tmp_path / "marker").exists() == bool(fate)
    assert_every_result_is_in_every_file_once(results)
    assert [row["done"] for row in json_rows(results[0])][-2:] == [False, True]


def test_results_that_were_lost_with_a_worker_are_in_no_file(fit, tmp_path):
    results = fit(
        climb,
        {"speed": 1.0, "fate": "kill", "marker": str(tmp_path / "marker")},
        failure_config=tune.FailureConfig(max_failures=1),
        executor=ProcessExecutor(1),
    )
    assert [row["training_iteration"] for row in json_rows(results[0])] == list(range(1, 13))
    assert list(csv_rows(results[0])["training_iteration"]) == list(range(1, 13))


def test_what_stood_in_the_files_is_taken_out_when_a_failure_undoes_it(fit, tmp_path):
    results = fit(
        climb,
        {"speed": 1.0, "fate": "raise", "marker": str(tmp_path / "marker")},
        failure_config=tune.FailureConfig(max_failures=1),
    )
    records = events(results)
    again = Exports(tmp_path / "again", [], policies=None, is_ours=lambda: True)
    sizes = [0]
    for record in records:
        list(again.write([record]))
        if file := next((tmp_path / "again").glob("*/result.json"), None):
            sizes.append(len(file.read_text().splitlines()))
    assert [(before, after) for before, after in pairwise(sizes) if after < before] == [(7, 6)]
    assert_every_result_is_in_every_file_once(results)
    for name in ("result.json", "progress.csv", "params.json"):
        (one,) = (tmp_path / "again").glob(f"*/{name}")
        assert one.read_text() == (Path(results[0].path) / name).read_text()


def test_keys_that_come_late_get_a_column_and_lose_nothing(fit):
    def train(config):
        tune.report({"loss": 0.5})
        tune.report({"loss": 0.25, "note": 'a "note",\nin two lines'})
        tune.report({"loss": 0.125, "eval": {"acc": 0.75}})
        return {"final": 1}

    table = csv_rows(fit(train, {})[0])
    assert list(table["loss"].dropna()) == [0.5, 0.25, 0.125]
    assert list(table["note"].dropna()) == ['a "note",\nin two lines']
    assert table["eval/acc"].isna().tolist() == [True, True, False, True]
    assert table["final"].isna().tolist() == [True, True, True, False]


def test_numbers_that_json_lacks_are_null_there_and_kept_in_the_table(fit):
    def train(config):
        tune.report({"loss": math.nan, "gap": math.inf})

    result = fit(train, {"lr": math.nan})[0]
    (row,) = json_rows(result)
    assert (row["loss"], row["gap"], row["config"]) == (None, None, {"lr": None})
    lines = (Path(result.path) / "progress.csv").read_text().splitlines()
    values = dict(zip(lines[0].split(","), lines[1].split(","), strict=True))
    assert (values["loss"], values["gap"]) == ("nan", "inf")


def test_what_has_no_json_form_becomes_text(fit):
    def train(config):
        tune.report({"kind": complex(1, 2), "by_step": {1: "one"}, "name": "\ud800"})

    result = fit(train, {"function": len, "pair": (1, 2)})[0]
    (row,) = json_rows(result)
    assert (row["kind"], row["by_step"]) == ("(1+2j)", {"1": "one"})
    assert row["config"] == {"function": "<built-in function len>", "pair": [1, 2]}
    assert json.loads((Path(result.path) / "params.json").read_text()) == row["config"]
    assert list(csv_rows(result)["by_step/1"]) == ["one"]


def test_the_tag_of_a_clone_says_what_was_varied(fit):
    results = three_climbers(fit)
    for result in results:
        own = [exploit for exploit in results.exploits if exploit.trial == result.trial_id]
        for row in result.rows:
            tag = row["experiment_tag"]
            passed = [exploit for exploit in own if exploit.iteration < row["training_iteration"]]
            speed = f"@perturbed[speed={passed[-1].config['speed']:.4f}]" if passed else ""
            assert tag.endswith(speed)
            assert tag.count("@") == bool(passed)
        assert result.metrics["experiment_tag"] == result.rows[-1]["experiment_tag"]


def test_files_that_cannot_be_written_are_reported_once_and_training_goes_on(fit, capsys):
    def train(config):
        Path(tune.get_context().get_trial_dir(), "result.json").mkdir(parents=True)
        for step in range(3):
            tune.report({"step": step})

    results = fit(train, {}, num_samples=2)
    assert results.errors == []
    assert [len(result.rows) for result in results] == [3, 3]
    said = capsys.readouterr().err
    assert said.count("are left as they are, until it is restored; training goes on.") == 1
    assert "result.json: Is a directory" in said
    assert "Traceback" not in said


def test_files_that_somebody_removed_meanwhile_are_written_when_the_run_is_restored(fit, capsys):
    def train(config):
        table = Path(tune.get_context().get_trial_dir(), "progress.csv")
        step = 0
        while not table.exists():
            tune.report({"step": (step := step + 1)})
        table.unlink()
        for _ in range(3):
            tune.report({"step": (step := step + 1)})

    results = fit(train, {})
    assert "progress.csv: No such file or directory" in capsys.readouterr().err
    (again,) = tune.Tuner.restore(results.experiment_path, trainable=train).fit()
    assert list(csv_rows(again)["step"]) == [row["step"] for row in again.rows]


def event_series(result):
    """Return (tag: [(step, value)], number of files) of a trial's event files, read as TensorBoard reads them."""
    from tensorboardX.proto.event_pb2 import Event

    (file,) = Path(result.path).glob("*tfevents*")
    data, series, at = file.read_bytes(), {}, 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 8], "little")
        event = Event.FromString(data[at + 12 : at + 12 + size])
        at += 16 + size
        if event.HasField("session_log"):
            series = {tag: [pair for pair in pairs if pair[0] < event.step] for tag, pairs in series.items()}
        for value in event.summary.value:
            series.setdefault(value.tag, []).append((event.step, value.simple_value))
    return series


def test_tensorboard_gets_one_file_per_trial_with_hyperparameters_over_time(fit):
    results = three_climbers(fit, tensorboard=True)
    for result in results:
        series = event_series(result)
        for tag, key in (("height", "height"), ("config/speed", "config/speed")):
            steps, values = zip(*series[tag], strict=True)
            assert list(steps) == list(range(1, 10))
            assert values == pytest.approx([row[key] for row in result.rows], rel=1e-6)
        assert not {"pid", "timestamp", "done"} & series.keys()


def test_tensorboard_drops_what_a_failure_undid(fit, tmp_path):
    results = fit(
        climb,
        {"speed": 1.0, "fate": "raise", "marker": str(tmp_path / "marker")},
        failure_config=tune.FailureConfig(max_failures=1),
        tensorboard=True,
    )
    assert event_series(results[0])["height"] == [(step, float(step)) for step in range(1, 13)]


def test_without_being_asked_nothing_is_written_for_tensorboard(fit):
    results = fit(Climber, {"speed": 1.0}, stop={"training_iteration": 1})
    assert list(Path(results[0].path).glob("*tfevents*")) == []


def test_tensorboard_without_its_package_is_refused_at_once(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(MissingExtra, match=r'pip install "poptune\[loggers\]"'):
        tune.RunConfig(tensorboard=True)
