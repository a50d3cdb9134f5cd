"""Whole synchronous runs: everybody comes to every round, nobody hangs, all slots are used at once."""

from __future__ import annotations

from pathlib import Path

import pytest

import poptune as tune
from poptune.core.events import Ready, Reported, TrialStarted
from poptune.executors.processes import ProcessExecutor
from poptune.schedulers import stay
from poptune.storage.journal import Journal
from poptune.testing.simulated import SimulatedExecutor
from runs import events, pbt, wait_for


def hill(config):
    """Scores the iteration plus the height of the hill that its weights stand on: clones take the height over."""
    height, step = config["height"], 0
    if checkpoint := tune.get_checkpoint():
        height, step = checkpoint.to_dict()["height"], checkpoint.to_dict()["step"]
    while True:
        step += 1
        tune.report({"score": height + step}, checkpoint=tune.Checkpoint.from_dict({"height": height, "step": step}))


class Hill(tune.Trainable):
    """The same as a class, for virtual time."""

    def setup(self, config):
        self.height = config["height"]

    def step(self):
        return {"score": self.height + self.training_iteration + 1}

    def save_checkpoint(self, checkpoint_dir):
        return {"height": self.height}

    def load_checkpoint(self, checkpoint):
        self.height = checkpoint["height"]


def best_scores(fit, heights, synch):
    """Return each trial's best score; the trial that begins lowest is by far the fastest."""
    lowest = heights.index(min(heights))
    results = fit(
        Hill,
        {"height": tune.grid_search(heights), "c": 1.0},
        scheduler=pbt(1, "score", hyperparam_mutations={"c": lambda: 1.0}, quantile_fraction=0.25, synch=synch),
        stop={"training_iteration": 3},
        executor=SimulatedExecutor(3, seconds=lambda trial, _: 0.1 if trial.endswith(str(lowest)) else 1.0),
    )
    return [max(row["score"] for row in result.rows) for result in results]


@pytest.mark.parametrize(("heights", "best"), [([10, 20, 40], 43), ([30, 20, 10], 33)])
def test_everybody_ends_with_the_best_height_which_takes_rounds(fit, heights, best):
    """Ray Tune's own example of what the synchronous mode is for."""
    assert best_scores(fit, heights, synch=True) == [best] * 3
    asynchronous = best_scores(fit, heights, synch=False)
    assert max(asynchronous) == best
    assert min(asynchronous) == min(heights) + 3


def leaves(config):
    """Climbs; the trial that was given an end raises or returns when it would begin its fifth iteration."""
    height, step = 0.0, 0
    if checkpoint := tune.get_checkpoint():
        height, step = checkpoint.to_dict()["height"], checkpoint.to_dict()["step"]
    while True:
        step += 1
        if step == 5 and config["end"] == "raises":
            raise ValueError("the loss exploded")
        if step == 5 and config["end"] == "returns":
            return
        height += config["speed"]
        tune.report({"height": height}, checkpoint=tune.Checkpoint.from_dict({"height": height, "step": step}))


@pytest.mark.parametrize("end", ["raises", "returns"])
def test_the_others_go_on_in_rounds_to_the_end_when_one_raises_or_returns(fit, end):
    results = fit(
        leaves,
        {"speed": tune.grid_search([1.0, 2.0, 3.0, 4.0]), "end": tune.sample_from(lambda c: end * (c["speed"] == 3.0))},
        scheduler=pbt(2, hyperparam_mutations={"speed": [1.0, 2.0, 3.0, 4.0]}, private=["end"]),
        stop={"training_iteration": 12},
        executor="processes",
    )
    left = results[2]
    others = [result for result in results if result is not left]
    assert (left.error is not None) == (end == "raises")
    assert (results.num_errors, results.num_terminated) == ((1, 3) if end == "raises" else (0, 4))
    assert left.metrics["training_iteration"] == 4
    assert [result.metrics["training_iteration"] for result in others] == [12] * 3
    # Two of four are exploited, then one of three, in every round until the end.
    assert [exploit.iteration for exploit in results.exploits] == [2, 2, 4, 4, 6, 8, 10]
    assert left.trial_id not in {exploit.donor for exploit in results.exploits[4:]}


@pytest.mark.parametrize("concurrent", [None, 2])
def test_four_trials_on_two_slots_advance_together_and_repeat_nothing(fit, concurrent):
    results = fit(
        tune.with_resources(hill, {"cpu": 0.25}),  # so that the machine has room for more than two
        {"height": tune.grid_search([10, 20, 30, 40]), "c": 1.0},
        scheduler=pbt(2, "score", hyperparam_mutations={"c": lambda: 1.0}),
        stop={"training_iteration": 8},
        max_concurrent_trials=concurrent,
        executor="processes" if concurrent else ProcessExecutor(2),
    )
    assert {start.worker for start in events(results, TrialStarted)} == {0, 1}
    reached = dict.fromkeys((result.trial_id for result in results), 0)
    reports = events(results, Reported)
    for report in reports:
        reached[report.trial] = report.progress.iteration
        assert max(reached.values()) - min(reached.values()) <= 2
    assert len(reports) == 4 * 8
    for result in results:
        assert [row["training_iteration"] for row in result.rows] == list(range(1, 9))


def test_a_round_waits_for_a_slow_save_and_goes_on(fit):
    def waits_for_the_other(run_dir, trial):
        def is_due():
            with Journal.open(run_dir) as journal:
                return any(ready.trial != trial for ready in journal.records(Ready))

        wait_for(is_due, "the decision point of the other trial")

    class SlowToSave(tune.Trainable):
        def setup(self, config):
            self.height = 0.0

        def step(self):
            self.height += self.config["speed"]
            return {"height": self.height}

        def save_checkpoint(self, checkpoint_dir):
            if self.config["is_slow"] and self.training_iteration == 2:
                waits_for_the_other(Path(checkpoint_dir).parents[1], self.trial_id)
            return {"height": self.height}

        def load_checkpoint(self, checkpoint):
            self.height = checkpoint["height"]

    results = fit(
        SlowToSave,
        {"speed": tune.grid_search([1.0, 2.0]), "is_slow": tune.sample_from(lambda config: config["speed"] == 2.0)},
        scheduler=pbt(2, private=["is_slow"]),
        stop={"training_iteration": 6},
        executor=ProcessExecutor(2),
    )
    assert results.errors == []
    quick, slow = (result.trial_id for result in results)
    assert [ready.trial for ready in events(results, Ready)][:2] == [quick, slow]
    assert [exploit.iteration for exploit in results.exploits] == [2, 4]
    assert [result.metrics["training_iteration"] for result in results] == [6, 6]


def test_all_slots_are_filled_at_once_when_everybody_starts_again(fit, tmp_path):
    """Each call of the function waits until all calls of its round have begun: one after the other, none could end."""
    trials, rounds = 4, 3

    def meets_the_others(config):
        checkpoint = tune.get_checkpoint()
        step = checkpoint.to_dict()["step"] if checkpoint else 0
        place = tmp_path / f"round {step}"
        place.mkdir(exist_ok=True)
        (place / tune.get_context().get_trial_id()).touch()
        wait_for(lambda: len(list(place.iterdir())) == trials, f"the start of all trials in round {step}")
        while True:
            step += 1
            tune.report({"height": step}, checkpoint=tune.Checkpoint.from_dict({"step": step}))

    results = fit(
        meets_the_others,
        {"speed": tune.uniform(0.0, 1.0)},
        num_samples=trials,
        scheduler=pbt(1, exploit=stay()),
        stop={"training_iteration": rounds},
        executor=ProcessExecutor(trials),
    )
    assert results.errors == []
    starts = events(results, TrialStarted)
    assert len(starts) == trials * rounds
    assert {start.worker for start in starts} == set(range(trials))
