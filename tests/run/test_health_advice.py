"""What is wrong with a run is said in a sentence that names it, with what to do."""

import math

import pytest

import poptune as tune
from poptune.testing.toys import Climber
from runs import pbt


def saved(**state):
    return tune.Checkpoint.from_dict(state)


def restored(**first):
    checkpoint = tune.get_checkpoint()
    return checkpoint.to_dict() if checkpoint else first


def advice(results):
    return {said.code: str(said) for said in results.health.advice}


def speeds(*values):
    return {"speed": tune.grid_search(list(values))}


def test_a_run_that_is_shorter_than_the_interval(fit):
    said = advice(fit(Climber, speeds(1.0, 2.0, 3.0, 4.0), scheduler=pbt(interval=60), stop={"training_iteration": 20}))
    assert list(said) == ["never-exploited"]
    assert "came to a decision in 20 iterations: perturbation_interval is 60." in said["never-exploited"]


def test_checkpoints_that_are_out_of_step(fit):
    def climb(config):
        step = restored(step=0)["step"]
        while True:
            step += 1
            tune.report({"height": step * config["speed"]}, checkpoint=saved(step=step) if step % 3 == 0 else None)

    said = advice(fit(climb, speeds(1.0, 2.0, 3.0, 4.0), scheduler=pbt(interval=4), stop={"training_iteration": 12}))
    assert list(said) == ["out-of-step"]
    assert "saves every 3 iterations, which is out of step with perturbation_interval 4." in said["out-of-step"]


def test_trials_that_never_save(fit):
    def climb(config):
        for step in range(8):
            tune.report({"height": step * config["speed"]})

    said = advice(fit(climb, speeds(1.0, 2.0, 3.0, 4.0), scheduler=pbt(interval=4)))
    assert list(said) == ["out-of-step"]
    assert "4 times for a trial that had never saved a checkpoint" in said["out-of-step"]


def test_trials_that_do_not_load_what_they_copied(fit):
    def forget(config):
        height = 0.0
        while True:
            height += config["speed"]
            tune.report({"height": height}, checkpoint=saved(height=height))

    space = {"speed": tune.uniform(1.0, 2.0)}
    scheduler = pbt(interval=5, hyperparam_mutations=space)
    said = advice(fit(forget, space, num_samples=4, scheduler=scheduler, stop={"training_iteration": 40}))
    assert list(said) == ["copies-fell-back"]
    assert "exploits had lost most of what they had gained by copying" in said["copies-fell-back"]
    assert "begins with the weights of tune.get_checkpoint()" in said["copies-fell-back"]


def test_trials_that_were_lost_and_those_that_diverge(fit):
    def diverge(config):
        for step in range(1, 6):
            height = math.nan if config["speed"] > 3 and step > 2 else step
            if config["speed"] == 1.0 and step == 4:
                raise ValueError("no more")
            tune.report({"height": height}, checkpoint=saved(step=step))

    said = advice(fit(diverge, speeds(1.0, 2.0, 3.0, 4.0), scheduler=pbt(interval=60)))
    assert list(said) == ["never-exploited", "lost", "not-finite"]
    assert said["lost"].startswith("1 of 4 trials failed for good: ")
    assert "The last error was ValueError: no more." in said["lost"]
    assert said["not-finite"].startswith("3 of 18 reports have no finite height: the first is that of trial")
    assert "at iteration 3, and it ended so for" in said["not-finite"]


def test_a_single_trial_that_diverged_and_was_rescued_is_not_worth_a_word(fit):
    class Diverging(Climber):
        def step(self):
            report = super().step()
            return {**report, "height": math.nan} if self.config["speed"] > 9 else report

    results = fit(Diverging, speeds(1.0, 2.0, 3.0, 9.5), scheduler=pbt(interval=2), stop={"training_iteration": 12})
    assert results.health.not_finite == 2
    assert "not-finite" not in advice(results)


def test_reports_between_evaluations_do_not_count_as_diverged(fit):
    def evaluate_seldom(config):
        step = restored(step=0)["step"]
        while True:
            step += 1
            evaluated = {"height": step * config["speed"]} if step % 3 == 0 else {}
            tune.report({"loss": -step, **evaluated}, checkpoint=saved(step=step))

    scheduler = pbt(interval=3, require_attrs=False)
    results = fit(evaluate_seldom, speeds(1.0, 2.0, 3.0, 4.0), scheduler=scheduler, stop={"training_iteration": 11})
    health = results.health
    assert "not-finite" not in advice(results)
    assert (health.reports, health.not_finite, health.winner) == (12, 0, results.get_best_result().trial_id)
    assert len(health.last_scores) == 3


def test_what_a_function_returns_at_its_end_does_not_count_as_diverged(fit):
    def climb(config):
        for step in range(1, 5):
            tune.report({"height": step * config["speed"]}, checkpoint=saved(step=step))
        return {"message": "done"}

    results = fit(climb, speeds(1.0, 2.0, 3.0, 4.0), scheduler=pbt(interval=60))
    assert "not-finite" not in advice(results)
    assert (results.health.reports, results.health.winner) == (16, results.get_best_result().trial_id)


@pytest.mark.parametrize(("upper", "is_said"), [(3.0, True), (100.0, False)])
def test_a_winner_that_trained_at_a_bound(fit, upper, is_said):
    scheduler = pbt(interval=2, hyperparam_mutations={"speed": tune.loguniform(0.01, upper)}, resample_probability=0)
    said = advice(fit(Climber, speeds(0.5, 1.0, 2.0, 2.5), scheduler=scheduler, stop={"training_iteration": 40}))
    assert ("at-bound" in said) is is_said
    if is_said:
        assert "The winner trained mostly at a bound: speed at 3 from iteration " in said["at-bound"]


def test_a_best_report_that_was_luck(fit):
    def lucky(config):
        step = restored(step=0)["step"]
        while True:
            step += 1
            height = min(step, 10) + (5.0 if step == 20 and config["speed"] == 2.0 else 0.0)
            tune.report({"height": height + config["speed"] / 1000}, checkpoint=saved(step=step))

    scheduler = pbt(interval=100)
    said = advice(fit(lucky, speeds(1.0, 2.0, 3.0, 4.0), scheduler=scheduler, stop={"training_iteration": 40}))
    assert (
        "The best height reported, 15, is well beyond what the winner reports now: the mean of its last 10 is 10."
        in said["winners-curse"]
    )


def test_a_population_that_goes_back_to_one_trial_at_once(fit):
    space = {"speed": tune.grid_search([float(speed) for speed in range(1, 9)])}
    settings = {"interval": 1, "resample_probability": 0, "perturbation_factors": [1.0001, 0.9999]}
    scheduler = pbt(quantile_fraction=0.5, **settings)
    said = advice(fit(Climber, space, scheduler=scheduler, stop={"training_iteration": 120}))
    assert list(said) == ["collapsed-early", "no-spread"]
    assert "After 5 of 120 iterations practically all 8 trials had weights of a single one" in said["collapsed-early"]
    assert "all trials had practically the same speed." in said["no-spread"]


def test_a_population_of_two(fit):
    said = advice(fit(Climber, speeds(1.0, 2.0), scheduler=pbt(interval=2), stop={"training_iteration": 8}))
    assert list(said) == ["too-small"]
    assert said["too-small"].startswith("The population is 2 trials: ")
