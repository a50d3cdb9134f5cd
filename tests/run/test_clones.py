"""What a clone gets in a whole run, told by checkpoints that carry the name of who wrote them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

import poptune as tune
from poptune.core.decisions import Exploit
from poptune.core.events import Ready, Reported
from poptune.core.objective import Objective
from poptune.core.population import Population
from poptune.core.values import brief
from poptune.executors.inline import InlineExecutor
from poptune.executors.processes import ProcessExecutor
from poptune.faces.table import Layout, table_of
from poptune.testing.simulated import SimulatedExecutor
from runs import events, pbt

LIMIT = 24


def sign(config):
    """Climbs and saves at every iteration; each report says whose checkpoint this call of the function began with."""
    me = tune.get_context().get_trial_id()
    state = {"by": "", "step": 0, "height": 0.0}
    if checkpoint := tune.get_checkpoint():
        state = checkpoint.to_dict()
    began = {"began_with": state["by"], "began_at": state["step"], "began_height": state["height"]}
    while True:
        state = {"by": me, "step": state["step"] + 1, "height": state["height"] + config["speed"]}
        report = {"height": state["height"], "step": state["step"], "speed": config["speed"], **began}
        tune.report(report, checkpoint=tune.Checkpoint.from_dict(state))


class Sign(tune.Trainable):
    """The same as a class."""

    def setup(self, config):
        self.state = {"by": "", "step": 0, "height": 0.0}
        self.began = {"began_with": "", "began_at": 0, "began_height": 0.0}

    def step(self):
        step, height = self.state["step"] + 1, self.state["height"] + self.config["speed"]
        self.state = {"by": self.trial_id, "step": step, "height": height}
        return {"height": height, "step": step, "speed": self.config["speed"], **self.began}

    def save_checkpoint(self, checkpoint_dir):
        return self.state

    def load_checkpoint(self, checkpoint):
        self.state = checkpoint
        self.began = {f"began_{key}": checkpoint[name] for key, name in (("with", "by"), ("at", "step"))}
        self.began["began_height"] = checkpoint["height"]


def of_different_speed():
    """Two workers; later trials take longer for an iteration, so donors are ahead of their clones and behind them."""
    return SimulatedExecutor(workers=2, seconds=lambda trial, iteration: 1.0 + 0.7 * int(trial[-1]))


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((sign, InlineExecutor, True), id="inline, rounds"),
        pytest.param((sign, InlineExecutor, False), id="inline, asynchronous"),
        pytest.param((sign, lambda: ProcessExecutor(2), True), id="processes, rounds"),
        pytest.param((sign, lambda: ProcessExecutor(2), False), id="processes, asynchronous"),
        pytest.param((Sign, of_different_speed, True), id="class, rounds"),
        pytest.param((Sign, of_different_speed, False), id="class, asynchronous"),
    ],
)
def results(request, tmp_path_factory):
    trainable, executor, synch = request.param
    scheduler = pbt(interval=3, synch=synch, quantile_fraction=0.4)
    results = tune.Tuner(
        trainable,
        param_space={"speed": tune.grid_search([5.0, 4.0, 3.0, 2.0, 1.0])},
        tune_config=tune.TuneConfig(scheduler=scheduler, seed=0),
        run_config=tune.RunConfig(
            stop={"training_iteration": LIMIT},
            checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=0 if trainable is sign else 1),
            executor=executor(),
            storage_path=tmp_path_factory.mktemp("clones"),
            verbose=0,
        ),
    ).fit()
    assert results.errors == []
    assert len(results.exploits) >= 4
    return results


def first_reports_of_clones(results):
    """Return (exploit, the next report of the trial that became a clone)."""
    pairs, waiting = [], {}
    for record in events(results, Exploit, Reported):
        if isinstance(record, Exploit):
            waiting[record.trial] = record
        elif record.trial in waiting:
            pairs.append((waiting.pop(record.trial), record))
    assert pairs
    return pairs


def test_a_clone_begins_with_the_checkpoint_that_carries_its_donors_name_and_with_the_explored_config(results):
    for exploit, report in first_reports_of_clones(results):
        assert report.metrics["began_with"] == exploit.donor != exploit.trial
        assert report.metrics["speed"] == exploit.config["speed"]
        assert report.metrics["height"] == pytest.approx(exploit.donor_score + exploit.config["speed"])


def test_who_is_no_clone_trains_on_as_it_was_also_if_somebody_copied_it(results):
    newest, copied = {}, set()
    for record in events(results, Exploit, Reported):
        if isinstance(record, Exploit):
            newest.pop(record.trial, None)
            copied.add(record.donor)
            continue
        before, now = newest.get(record.trial), record.metrics
        newest[record.trial] = now
        if before:
            assert (now["step"], now["height"]) == (before["step"] + 1, before["height"] + before["speed"])
            assert all(now[key] == before[key] for key in ("speed", "began_with", "began_at", "began_height"))
    assert copied & newest.keys()


def test_iterations_and_seconds_go_on_from_the_donors(results):
    for exploit, report in first_reports_of_clones(results):
        donor = exploit.checkpoint.progress
        assert report.metrics["training_iteration"] == donor.iteration + 1
        assert report.metrics["iterations_since_restore"] == 1
        spent = report.metrics["time_this_iter_s"]
        assert report.metrics["time_total_s"] == pytest.approx(donor.time_total_s + spent)


def test_the_checkpoint_is_that_of_the_moment_the_donor_was_ranked_at(results):
    ranked = {}
    for record in events(results, Ready, Exploit):
        if isinstance(record, Ready):
            ranked[record.trial] = record
            continue
        moment = ranked[record.donor]
        assert record.checkpoint.trial == record.donor
        assert record.checkpoint.progress.iteration == moment.time == record.time
        assert record.donor_score == moment.score
    for exploit, report in first_reports_of_clones(results):
        assert report.metrics["began_at"] == exploit.checkpoint.progress.iteration
        assert report.metrics["began_height"] == exploit.donor_score


def test_iteration_and_weights_match_in_every_report(results):
    for report in events(results, Reported):
        assert report.metrics["step"] == report.metrics["training_iteration"] == report.progress.iteration


def test_config_tag_files_and_table_show_the_present_values(results):
    last = {exploit.trial: exploit.config for exploit in results.exploits}
    population = Population.of(events(results))
    table = table_of(list(population), Objective("height", "max"), ["speed"], Layout())
    shown = {row[0]: dict(zip(table.titles, row, strict=True)) for row in table.rows}
    for result in results:
        speed = result.config["speed"]
        assert result.config == last.get(result.trial_id, result.config)
        assert json.loads((Path(result.path) / "params.json").read_text()) == result.config
        assert shown[result.trial_id]["speed"] == brief(speed)
        if result.trial_id in last:
            assert population[result.trial_id].tag.endswith(f"@perturbed[speed={speed:.4f}]")
    assert last


def test_what_is_private_stays_and_everything_else_is_copied(fit):
    space = {
        "speed": tune.grid_search([1.0, 2.0, 3.0]),
        "fold": tune.sample_from(lambda config: int(config["speed"])),
        "name": tune.sample_from(lambda config: f"trial of speed {config['speed']}"),
    }

    def folds_and_names(**options):
        results = fit(sign, space, scheduler=pbt(**options), stop={"training_iteration": 4})
        assert len(results.exploits) == 1
        return [(result.config["fold"], result.config["name"][-3:]) for result in results]

    assert folds_and_names() == [(3, "3.0"), (2, "2.0"), (3, "3.0")]
    assert folds_and_names(private=["fold"]) == [(1, "3.0"), (2, "2.0"), (3, "3.0")]


@pytest.mark.parametrize("synch", [True, False])
@pytest.mark.parametrize("mode", ["max", "min"])
def test_a_trial_whose_metric_became_nan_is_rescued_at_its_next_decision_and_never_copied(fit, synch, mode):
    def fall_ill(config):
        height, step = 0.0, 0
        if checkpoint := tune.get_checkpoint():
            height, step = checkpoint.to_dict()["height"], checkpoint.to_dict()["step"]
        while True:
            step += 1
            height = math.nan if config["is_ill"] and step == 3 else height + config["speed"]
            tune.report({"height": height}, checkpoint=tune.Checkpoint.from_dict({"height": height, "step": step}))

    space = {
        "speed": tune.grid_search([2.0, 1.0, 3.0, 4.0]),
        "is_ill": tune.sample_from(lambda config: config["speed"] == 2.0),  # neither the best nor the worst
    }

    def cured(config):
        return {**config, "is_ill": False}

    scheduler = pbt(synch=synch, mode=mode, quantile_fraction=0.25, custom_explore_fn=cured)
    results = fit(fall_ill, space, scheduler=scheduler, stop={"training_iteration": 8})
    (rescue,) = [exploit for exploit in results.exploits if math.isnan(exploit.score)]
    assert (rescue.trial, rescue.iteration) == (results[0].trial_id, 4)
    assert not any(math.isnan(exploit.donor_score) for exploit in results.exploits)
    heights = [entry["height"] for entry in results[0].rows if entry["training_iteration"] > 4]
    assert heights
    assert all(map(math.isfinite, heights))
