"""Health figures say what a person would count by hand, and healthy runs get no advice."""

import math
import statistics

import pytest

import poptune as tune
from poptune.core.domains import Float
from poptune.run.health import Health
from poptune.run.history import History
from poptune.schedulers import PB2
from poptune.testing.toys import Climber
from runs import pbt, three_climbers


def learn(config):
    """Lose the part of a distance that `lr` is good for, best at 0.01, and report what is left with a little noise."""
    checkpoint = tune.get_checkpoint()
    step, left = checkpoint.to_dict()["state"] if checkpoint else (0, 1.0)
    while True:
        step, left = step + 1, left * (1 - 0.1 * math.exp(-((math.log10(config["lr"]) + 2) ** 2)))
        noise = 0.002 * math.sin(1000 * left + step)
        tune.report({"loss": left + noise}, checkpoint=tune.Checkpoint.from_dict({"state": (step, left)}))


def learners(fit, iterations=100, **options):
    space = {"lr": tune.loguniform(1e-4, 1.0)}
    settings = {
        "interval": 5,
        "metric": "loss",
        "mode": "min",
        "hyperparam_mutations": space,
        "quantile_fraction": 0.25,
    }
    return fit(
        learn,
        space,
        num_samples=options.pop("trials", 8),
        scheduler=pbt(**{**settings, **options.pop("pbt", {})}),
        stop={"training_iteration": iterations},
        **options,
    )


def test_ancestors_and_spread_are_those_one_counts_by_hand(fit):
    health = three_climbers(fit).health
    # Of speeds 1, 2 and 3 the first copies the third after 2 iterations; of 9 there are 4 rounds.
    assert health.iterations == (0, 2, 4, 6, 8, 9)
    assert health.ancestors[:2] == pytest.approx((3.0, 9 / 5))
    assert health.ancestors[-2:] == (1.0, 1.0)
    assert health.spread["speed"][0] == pytest.approx(math.sqrt(12 * 2 / 3) / 10)  # places 0.1, 0.2 and 0.3
    assert list(health.spread) == ["speed"]
    assert len(health.ancestors) == len(health.seconds) == len(health.spread["speed"]) == 6


def test_exploits_are_judged_by_the_next_decision_of_the_copy(fit):
    results = three_climbers(fit)
    health, history = results.health, History.read(results.experiment_path)
    assert health.exploits == len(results.exploits) == 4
    # Climbers never fall, so a copy is higher two iterations later than its donor was: but the last has no later.
    assert (health.judged, health.helped, health.fell_back) == (3, 1.0, 0.0)
    assert all(stint.decided[0] == stint.start + 2 for stint in history.stints if stint.decided)
    assert sum(len(stint.decided) for stint in history.stints) == 3 * 4


def test_best_and_mean_of_the_winner_are_values_of_the_metric(fit):
    results = learners(fit)
    health, best = results.health, results.get_best_result()
    assert health.winner == best.trial_id
    assert health.best == min(row["loss"] for result in results for row in result.rows)
    last = [row["loss"] for row in best.rows[-10:]]
    assert health.winner_mean == pytest.approx(sum(last) / 10)
    assert health.last_scores == pytest.approx([-loss for loss in last])
    assert (health.reports, health.not_finite, health.failures, health.lost, health.overdue) == (800, 0, 0, (), 0)


@pytest.mark.parametrize(
    ("trials", "options"),
    [
        (8, {}),
        (8, {"synch": False}),
        (16, {}),
        (4, {}),
        (8, {"quantile_fraction": 0.5}),
        (8, {"resample_probability": 0}),
    ],
)
def test_a_healthy_run_gets_no_advice(fit, trials, options):
    assert learners(fit, trials=trials, pbt=options).health.advice == ()


def test_random_search_and_runs_that_go_on_get_no_advice(fit, begin, interrupt):
    assert learners(fit, pbt={"quantile_fraction": 0}).health.advice == ()
    results = fit(
        learn, {"lr": tune.grid_search([0.1, 0.01])}, metric="loss", mode="min", stop={"training_iteration": 5}
    )
    assert results.health.advice == ()
    assert Health.of(History.read(interrupt("early", after=3))).advice == ()


def test_who_failed_for_good_is_no_ancestor_any_more(fit):
    space = {"speed": 1.0, "raises_at": tune.grid_search([4, 98, 99])}
    health = fit(Climber, space, scheduler=pbt(interval=100), stop={"training_iteration": 5}).health
    assert (health.iterations, health.ancestors) == ((0, 3, 5), (3.0, 2.0, 2.0))
    assert len(health.lost) == health.failures == 1


def test_a_run_without_reports_or_metric_has_health_too(fit):
    health = fit(lambda config: None, {"lr": tune.grid_search([0.1, 0.2])}).health
    assert (health.iterations, health.ancestors, health.reports, health.winner) == ((0,), (2.0,), 0, None)
    assert all(map(math.isnan, (health.best, health.winner_mean, health.helped, health.fell_back)))


def test_categories_have_their_entropy(fit):
    results = fit(
        learn,
        {"lr": 0.1, "kind": tune.grid_search(["a", "b", "b", "b"])},
        scheduler=pbt(interval=100, metric="loss", mode="min", hyperparam_mutations={"kind": ["a", "b"]}),
        stop={"training_iteration": 2},
    )
    assert results.health.spread["kind"] == pytest.approx((0.8113,) * 2, abs=1e-4)


def test_bounds_of_pb2_are_intervals_and_a_healthy_run_of_it_gets_no_advice(fit):
    scheduler = PB2(
        "training_iteration",
        metric="loss",
        mode="min",
        perturbation_interval=5,
        hyperparam_bounds={"lr": [0.001, 0.2]},
        synch=True,
    )
    results = fit(
        learn, {"lr": tune.uniform(0.001, 0.2)}, num_samples=4, scheduler=scheduler, stop={"training_iteration": 30}
    )
    assert History.read(results.experiment_path).domains == {"lr": Float(0.001, 0.2)}
    places = [(result.rows[0]["config/lr"] - 0.001) / 0.199 for result in results]
    assert results.health.spread["lr"][0] == pytest.approx(math.sqrt(12) * statistics.pstdev(places))
    assert results.health.advice == ()
