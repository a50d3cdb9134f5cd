"""PB2: what a clone is to train with is chosen by what all trials gained."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import poptune as tune
from poptune.core.decisions import Exploit
from poptune.core.events import TrialAdded
from poptune.schedulers import PB2, PopulationBasedTraining, or_stay, truncation
from story import Story

BOUNDS = {"lr": [0.0, 1.0]}


def pb2(**options: Any) -> PB2:
    settings = {"time_attr": "training_iteration", "perturbation_interval": 10, "synch": True, **options}
    return PB2(metric="score", mode="max", **{"hyperparam_bounds": BOUNDS, **settings})


def told_by(scheduler: PB2, trials: str = "abcd", seed: int = 0) -> Story:
    """Return a story of four trials (lr 0.5) in which this scheduler decides."""
    story = Story(trials, seed)
    story.scheduler = scheduler
    return story


@dataclass
class Training:
    """A population that gains per round what its lr is worth; clones begin with the score of their donor."""

    story: Story
    worth: Callable[[float], float]

    def rounds(self, count: int) -> list[float]:
        """Train, and return the lr of each clone that was made, in order."""
        scores = {trial.id: trial.last_score or 0.0 for trial in self.story.population}
        made = []
        for _ in range(count):
            trials = list(self.story.population)
            iteration = 10 + int(max(trial.last_ready for trial in trials))
            scores = {trial.id: scores[trial.id] + self.worth(trial.config["lr"]) for trial in trials}
            before = len(self.story.decisions)
            self.story.all_report(iteration, scores)
            for decision in self.story.decisions[before:]:
                if isinstance(decision, Exploit):
                    scores[decision.trial] = decision.donor_score
                    made.append(decision.config["lr"])
        return made


# What is chosen


def test_the_first_clone_explores_although_nothing_is_known():
    found = set()
    for seed in range(5):
        story = told_by(pb2(), seed=seed)
        story.all_report(10, {"a": 0.0, "b": 1.0, "c": 2.0, "d": 3.0})
        (operation,) = story.last.operations
        assert (story.last.trial, story.last.donor, operation.key, operation.old) == ("a", "d", "lr", 0.5)
        found.add(operation.new)
    assert len(found) == 5
    assert max(found) - min(found) > 0.3


@pytest.mark.parametrize("best", [0.15, 0.5, 0.85])
def test_the_region_that_gained_is_preferred(best):
    training = Training(told_by(pb2(), "abcdefgh"), lambda lr: math.exp(-(((lr - best) / 0.1) ** 2)))
    training.rounds(10)
    later = training.rounds(10)
    assert len(later) == 20
    assert np.mean([abs(lr - best) < 0.15 for lr in later]) >= 0.6  # of random ones 0.3


def test_a_best_value_that_moves_is_followed():
    best = 0.2
    training = Training(told_by(pb2(), "abcdefgh"), lambda lr: math.exp(-(((lr - best) / 0.15) ** 2)))
    training.rounds(10)
    best = 0.8
    training.rounds(10)
    assert np.median(training.rounds(5)) == pytest.approx(0.8, abs=0.2)


def test_the_scale_of_a_domain_counts():
    worth = {"lr": tune.loguniform(1e-6, 1.0)}
    training = Training(told_by(pb2(hyperparam_bounds=worth), "abcdefgh"), lambda lr: -abs(math.log10(lr) + 4))
    training.rounds(10)
    assert np.median(np.log10(training.rounds(10))) == pytest.approx(-4, abs=0.7)


def test_hyperparameters_that_ended_in_nan_are_avoided():
    training = Training(told_by(pb2(), "abcdefgh"), lambda lr: math.nan if lr > 0.6 else 1.0)
    training.rounds(10)
    assert np.mean([lr > 0.6 for lr in training.rounds(10)]) < 0.25


def test_clones_of_one_round_spread():
    story = told_by(pb2(quantile_fraction=0.5), "abcdefgh")
    for iteration in (10, 20):
        story.all_report(iteration, dict.fromkeys("abcdefgh", 1.0))
    chosen = [decision.config["lr"] for decision in story.decisions[-4:]]
    assert max(chosen) - min(chosen) > 0.5


def test_clones_that_still_train_are_kept_away_from():
    """Asynchronously each clone is made by itself, while those before it train."""
    chosen = []
    story = told_by(pb2(synch=False, exploit=or_stay(truncation(0))), "abcd")
    for iteration in (10, 20):
        for name in "abcd":
            story.report(name, iteration, 1.0)
            chosen.append(story.last.config["lr"])
    assert max(chosen[4:]) - min(chosen[4:]) > 0.5


# What holds for every history

SCORES = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([0.0, 1.0, 1e308, -1e308, 5e-324]))
DOMAINS = {
    "lr": [0.0, 1.0],
    "wd": tune.loguniform(1e-8, 1e-2),
    "net": {"width": [8, 64], "depth": tune.randint(1, 5)},
    "drop": tune.quniform(0, 0.5, 0.1),
    "batch": tune.qlograndint(16, 256, 16),
    "fixed": [2.0, 2.0],
}
GIVEN = {"lr": 0.5, "wd": 1e-4, "net": {"width": 16, "depth": 2}, "drop": 0.1, "batch": 32, "fixed": 2.0}


@given(
    scores=st.lists(st.lists(SCORES, min_size=3, max_size=3), min_size=2, max_size=6),
    start=st.fixed_dictionaries({}, optional={"lr": st.one_of(st.floats(), st.just("fast"), st.booleans())}),
    synch=st.booleans(),
)
def test_every_choice_is_of_plain_numbers_within_the_bounds(scores, start, synch):
    rule = or_stay(truncation(0.25))
    scheduler = pb2(hyperparam_bounds=DOMAINS, synch=synch, exploit=rule, private=["owner"])
    story = told_by(scheduler, "")
    for index, name in enumerate("abc"):
        story.happens(TrialAdded(name, index, {**GIVEN, **start, "owner": name}))
    for round_, each in enumerate(scores, 1):
        story.all_report(10 * round_, dict(zip("abc", each, strict=True)))
    assert len(story.decisions) == 3 * len(scores)
    for decision in story.decisions:
        config = decision.config
        assert 0.0 <= config["lr"] <= 1.0
        assert 1e-8 <= config["wd"] <= 1e-2
        assert config["net"]["width"] in range(8, 65)
        assert config["net"]["depth"] in range(1, 5)
        assert DOMAINS["drop"].contains(config["drop"])
        assert config["batch"] in range(16, 257, 16)
        assert config["fixed"] == 2.0
        assert config["owner"] == decision.trial
        kinds = [type(config[key]) for key in ("lr", "wd", "drop", "batch", "fixed")]
        assert kinds == [float, float, float, int, float]
        assert [type(value) for value in config["net"].values()] == [int, int]


@pytest.mark.parametrize("score", [0.0, 1e300, -math.inf, math.nan])
def test_a_trial_alone_whose_score_never_changes_goes_on(score):
    story = told_by(pb2(exploit=or_stay(truncation(0.5))), "a")
    for iteration in range(10, 60, 10):
        assert story.report("a", iteration, score) == ["a clones a"]


@pytest.mark.parametrize("times", [(1e-8, 2e-8, 3e-8, 4e-8), (1.0, 2.0, 3.0, 1e308), (1e300, 2e300, 3e300, 4e300)])
def test_any_unit_of_time_will_do(times):
    story = told_by(pb2(perturbation_interval=1e-9, time_attr="seconds"), "abcd")
    for iteration, seconds in enumerate(times, 1):
        for index, name in enumerate("abcd"):
            story.report(name, iteration, float(index * iteration), seconds=seconds)
    assert sum(isinstance(decision, Exploit) for decision in story.decisions) == 4


def test_the_same_seed_chooses_the_same_whoever_reports_first():
    chosen = []
    for order in ("abcdefgh", "hgfedcba"):
        story = told_by(pb2(), "abcdefgh", seed=3)
        for iteration in range(10, 300, 10):
            story.all_report(iteration, {name: math.sin(iteration * ord(name)) for name in order})
        chosen.append([decision for decision in story.decisions if isinstance(decision, Exploit)])
    assert chosen[0] == chosen[1]
    assert len(chosen[0]) == 58


def test_the_global_generators_are_left_alone():
    random.seed(1), np.random.seed(1)
    before = random.getstate(), np.random.get_state()[1].tolist()
    Training(told_by(pb2()), lambda lr: lr).rounds(4)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


# What it shares with PBT


def test_it_is_population_based_training_under_a_name_of_its_own():
    story = told_by(pb2())
    story.all_report(10, {"a": 0.0, "b": 1.0, "c": 2.0, "d": 3.0})
    assert isinstance(story.scheduler, PopulationBasedTraining)
    assert story.scheduler.describe(story.population) == "PB2: 4 checkpoints, 1 perturbs"
    with pytest.raises(ValueError, match=r"^PB2 needs metric and mode"):
        PB2(hyperparam_bounds=BOUNDS).bound(None, None)


def test_custom_explore_fn_comes_last():
    story = told_by(pb2(custom_explore_fn=lambda config: {**config, "lr": -config["lr"], "seen": True}))
    story.all_report(10, {"a": 0.0, "b": 1.0, "c": 2.0, "d": 3.0})
    assert -1 <= story.last.config["lr"] < 0
    assert story.last.config["seen"]


def test_what_is_private_is_not_copied():
    story = told_by(pb2(private=["owner"]))
    story.all_report(10, {"a": 0.0, "b": 1.0, "c": 2.0, "d": 3.0})
    assert (story.last.donor, story.last.config["owner"]) == ("d", "a")
