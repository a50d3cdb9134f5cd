"""What a user can put in place of truncation, perturbation, and copying everything."""

from __future__ import annotations

import math
import random
from statistics import fmean

import pytest

import poptune as tune
from poptune.core.decisions import Exploit
from poptune.core.events import Reported, TrialAdded
from poptune.core.exploit import inherited
from poptune.core.lineage import lineage
from poptune.core.population import Population
from poptune.core.trial import Progress, SavedCheckpoint
from poptune.errors import OptionError
from poptune.schedulers import (
    FIFOScheduler,
    PopulationBasedTraining,
    binary_tournament,
    or_stay,
    stay,
    step,
    truncation,
)
from story import Story, pbt

VARIED = {"lr": tune.uniform(0, 1)}


def unchanged(config, rng):
    return config


def shifted(config, rng):
    return {**config, "lr": config["lr"] + 1 + rng.random()}


# Exploit


def test_a_rule_of_ones_own_says_whom_to_copy():
    def the_first(population, trial, rng):
        return None if trial == "a" else "a"

    story = Story("abc", exploit=the_first)
    assert story.all_report(10, {"a": 0.0, "b": 2.0, "c": 1.0}) == ["a goes on", "b clones a", "c clones a"]


def test_a_rule_sees_the_population_and_draws_from_the_seed_of_the_run():
    drawn = []

    def recording(population, trial, rng):
        assert population[trial].standing.score == population.ranking.position(trial) == 0
        drawn.append(rng.random())

    for seed in (1, 1, 2):
        Story("ab", seed=seed, exploit=recording).report("a", 10, 0.0)
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_rule_that_raises_or_names_a_stranger_costs_one_exploit_and_is_told():
    def failing(population, trial, rng):
        raise KeyError("oh")

    story = Story("ab", exploit=failing)
    assert story.all_report(10, {"a": 0.0, "b": 1.0}) == ["a goes on", "b goes on"]
    assert story.last.note.startswith("could not choose whom to copy: KeyError: 'oh' (")
    assert "test_plug_points.py, line" in story.last.note
    story = Story("ab", exploit=lambda population, trial, rng: "c")
    story.report("a", 10)
    assert story.last.note == "exploit chose 'c', which is not a live trial with a score"


def test_in_a_binary_tournament_the_worse_of_two_copies_the_better():
    story = Story("ab", exploit=binary_tournament(), synch=True)
    assert story.all_report(10, {"a": 2.0, "b": 1.0}) == ["a goes on", "b clones a"]
    assert story.all_report(20, {"a": 1.0, "b": 1.0}) == ["b goes on", "a goes on"]


@pytest.mark.parametrize("scores", [(3.0, 1.0, 2.0), (0.0, 0.0, 1.0), (math.nan, math.nan, 1.0), (math.nan,) * 3])
def test_any_better_one_may_win_a_binary_tournament_and_no_other(scores):
    for loser, own in enumerate(scores):
        donors = {None}
        for seed in range(40):
            story = Story("abc", seed=seed, exploit=binary_tournament(), synch=True)
            story.all_report(10, dict(zip("abc", scores, strict=True)))
            exploits = {d.trial: d.donor for d in story.decisions if hasattr(d, "donor")}
            donors.add(exploits.get("abc"[loser]))
        better = {"abc"[i] for i, score in enumerate(scores) if score > own or (own != own and score == score)}
        assert donors == {None} | better


def test_a_trial_alone_has_no_opponent():
    assert Story("a", exploit=binary_tournament()).report("a", 10) == ["a goes on"]


def test_explore_only_everybody_keeps_its_weights_and_explores():
    story = Story("ab", exploit=stay(), explore=shifted)
    assert story.all_report(10, {"a": 0.0, "b": 1.0}) == ["a clones a", "b clones b"]
    for decision in story.decisions:
        assert decision.checkpoint.path == f"{decision.trial}@10"
        assert decision.config["owner"] == decision.trial
        assert [operation.key for operation in decision.operations] == ["lr"]
    assert story.population["a"].progress.iteration == 10
    assert story.scheduler.describe(story.population) == "PopulationBasedTraining: 2 checkpoints, 2 perturbs"


def test_those_who_copy_nobody_can_explore_too():
    story = Story("ab", exploit=or_stay(truncation(0.5)), synch=True)
    assert story.all_report(10, {"a": 0.0, "b": 1.0}) == ["b clones b", "a clones b"]


def test_a_lineage_passes_through_clones_of_oneself():
    story = Story("ab", exploit=or_stay(truncation(0.5)), explore=shifted, synch=True)
    for iteration in (10, 20, 30):
        story.all_report(iteration, {"a": float(iteration), "b": 25.0})
    exploits = story.decisions
    initial = {name: {"lr": 0.5} for name in "ab"}
    told = [(s.trial, s.first, s.last, s.donor) for s in lineage("b", 35, initial, exploits)]
    assert told == [("b", 1, 10, None), ("b", 11, 20, "b"), ("a", 21, 30, "b"), ("b", 31, 35, "a")]


# Explore


def test_explore_takes_the_place_of_perturbing_and_resampling():
    story = Story("ab", explore=shifted)
    story.all_report(10, {"b": 1.0, "a": 0.0})
    (operation,) = story.last.operations
    assert (operation.key, operation.old, operation.label) == ("lr", 0.5, "")
    assert 1.5 <= operation.new == story.last.config["lr"] < 2.5


def test_custom_explore_fn_still_comes_last():
    story = Story("ab", explore=shifted, custom_explore_fn=lambda config: {**config, "lr": -config["lr"]})
    story.all_report(10, {"b": 1.0, "a": 0.0})
    assert story.last.config["lr"] < -1.5


def test_explore_may_draw_from_the_global_generators_and_is_repeatable():
    def careless(config, rng):
        return {**config, "lr": random.random() + rng.random()}

    found = set()
    for _ in range(2):
        story = Story("ab", explore=careless)
        story.all_report(10, {"b": 1.0, "a": 0.0})
        found.add(story.last.config["lr"])
        random.random()
    assert len(found) == 1


@pytest.mark.parametrize("broken", [lambda config, rng: None, lambda config: config])
def test_an_explore_that_fails_costs_one_exploit_and_is_told(broken):
    story = Story("ab", explore=broken)
    story.all_report(10, {"b": 1.0, "a": 0.0})
    assert story.last.note.startswith("could not vary the hyperparameters of b: TypeError: ")


@pytest.mark.parametrize("argument", ["explore", "custom_explore_fn"])
def test_a_value_that_became_nan_is_not_put_in_force_and_is_named(argument):
    story = Story("ab", **{argument: lambda config, rng=None: {**config, "net": {"lr": math.nan}}})
    assert story.all_report(10, {"b": 1.0, "a": 0.0}) == ["b goes on", "a goes on"]
    assert story.last.note == "could not vary the hyperparameters of b: ValueError: 'net/lr' became NaN."


def test_explore_alone_is_something_to_vary():
    assert PopulationBasedTraining(explore=unchanged).hyperparam_mutations == {}


# Private


def test_what_is_private_is_not_copied():
    story = Story("ab", private=["owner"])
    story.all_report(10, {"b": 1.0, "a": 0.0})
    assert (story.last.donor, story.last.config["owner"]) == ("b", "a")
    assert story.last.donor_config["owner"] == "b"


def test_a_private_hyperparameter_is_varied_from_its_own_value():
    story = Story("ab", private=["lr"], explore=shifted, exploit=or_stay(truncation(0.5)), synch=True)
    story.all_report(10, {"a": 0.0, "b": 1.0})
    own = story.population["a"].config["lr"]
    story.all_report(20, {"a": 0.0, "b": 1.0})
    assert (story.last.donor, story.last.operations[0].old) == ("b", own)


@pytest.mark.parametrize(
    ("private", "expected"),
    [
        ([], {"lr": 1, "data": {"fold": 1, "kind": "x"}, "a/b": 1}),
        (["data/fold"], {"lr": 1, "data": {"fold": 2, "kind": "x"}, "a/b": 1}),
        (["data"], {"lr": 1, "data": {"fold": 2}, "a/b": 1}),
        (["data/kind"], {"lr": 1, "data": {"fold": 1}, "a/b": 1}),
        (["lr", "a/b"], {"lr": 2, "data": {"fold": 1, "kind": "x"}, "a/b": 2}),
    ],
)
def test_private_names_keys_paths_and_whole_dictionaries(private, expected):
    donor = {"lr": 1, "data": {"fold": 1, "kind": "x"}, "a/b": 1}
    own = {"lr": 2, "data": {"fold": 2}, "a/b": 2}
    assert inherited(donor, own, private) == expected
    assert donor == {"lr": 1, "data": {"fold": 1, "kind": "x"}, "a/b": 1}


def test_a_misspelt_private_name_is_refused_before_the_training():
    scheduler = pbt(private=["data/fld"])
    with pytest.raises(OptionError, match=r"private names 'data/fld', which param_space does not have.*'data/fold'"):
        scheduler.initial_config({"lr": 0.1, "data": {"fold": 1}}, None)


# Refusals


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"exploit": "truncation"}, TypeError, "^exploit must be callable, not str"),
        ({"explore": 0.1}, TypeError, "^explore must be callable, not float"),
        ({"private": "seed"}, ValueError, r"^private must be a list of keys or paths .* not 'seed'"),
        ({"private": [3]}, ValueError, "^private must be a list"),
    ],
)
def test_arguments_that_cannot_work_are_refused_by_name(options, kind, message):
    with pytest.raises(kind, match=message):
        PopulationBasedTraining(hyperparam_mutations=VARIED, **options)


# Who trains next


def test_the_trial_furthest_behind_runs_next():
    story = Story("abcde", exploit=truncation(0))
    story.all_report(10, dict.fromkeys("abcde", 0.0))
    for trial, time in zip("abcde", (800, 700, 600, 500, 700), strict=True):
        story.report(trial, time)
    assert story.scheduler.choose_trial_to_run(story.population) == "d"
    story.finish("d")
    assert story.scheduler.choose_trial_to_run(story.population) == "c"
    story.fail("c")
    assert story.scheduler.choose_trial_to_run(story.population) == "b"  # of equals the first


def test_who_waits_for_the_others_cannot_run():
    story = Story("ab", synch=True)
    assert story.scheduler.choose_trial_to_run(story.population) == "a"
    story.report("a", 10)
    assert story.scheduler.choose_trial_to_run(story.population) == "b"
    story.finish("b")
    story.finish("a")
    assert story.scheduler.choose_trial_to_run(story.population) is None


# Figure 2 of the paper, as its reproduction runs it: 200 steps, a decision every 5, Gaussian exploration


def gaussian(config, rng):
    return {key: min(max(value + rng.normal(0, 0.1), 0.0), 1.0) for key, value in config.items()}


def panel(seed=0, **options):
    """Return the best Q at the end: two trials follow the gradient of 1.2 - h0 x^2 - h1 y^2 without any runner."""
    settings = {"time_attr": "training_iteration", "perturbation_interval": 5, "synch": True, **options}
    scheduler = (PopulationBasedTraining(**settings) if options else FIFOScheduler()).bound("Q", "max")
    starts = {"a": {"h0": 1.0, "h1": 0.0}, "b": {"h0": 0.0, "h1": 1.0}}
    population = Population.of([TrialAdded(name, at, starts[name]) for at, name in enumerate(starts)], seed)
    weights, saved = dict.fromkeys(starts, (0.9, 0.9)), {}
    for iteration in range(1, 201):
        for name in starts:
            (x, y), h = weights[name], population[name].config
            weights[name] = x, y = x * (1 - 0.02 * h["h0"]), y * (1 - 0.02 * h["h1"])
            path = f"{name}@{iteration}"
            saved[path] = weights[name]
            metrics = {"training_iteration": iteration, "Q": 1.2 - x * x - y * y}
            checkpoint = SavedCheckpoint(path, name, Progress(iteration))
            for decision in step(scheduler, population, Reported(name, metrics, Progress(iteration), checkpoint)):
                if isinstance(decision, Exploit):
                    weights[decision.trial] = saved[decision.checkpoint.path]
    return max(trial.metrics["Q"] for trial in population)


def test_the_four_panels_of_figure_2():
    own, seeds = ["h0", "h1"], range(10)
    grid = panel()
    exploit = panel(exploit=truncation(0.5), explore=unchanged, private=own)
    explore = fmean(panel(seed, exploit=stay(), explore=gaussian) for seed in seeds)
    both = fmean(panel(seed, exploit=or_stay(truncation(0.5)), explore=gaussian, private=own) for seed in seeds)
    assert grid == pytest.approx(0.390, abs=1e-3)
    assert exploit == pytest.approx(1.172, abs=1e-3)
    assert grid < explore < exploit < both
    assert (explore, both) == (pytest.approx(1.13, abs=0.03), pytest.approx(1.185, abs=0.01))
