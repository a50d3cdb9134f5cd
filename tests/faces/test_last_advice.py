"""At its end a run says what its user should know, and nothing that was said or that is as it should be."""

import math

import poptune as tune
from poptune.testing.toys import Climber
from runs import pbt


def said_at_the_end(capsys):
    lines = capsys.readouterr().out.splitlines()
    return [
        line for line in lines[lines.index(next(line for line in lines if "Run ended" in line)) :] if "Advice" in line
    ]


def climb_in_pairs(fit, **options):
    settings = {"hyperparam_mutations": {"speed": tune.uniform(0.0, 1e6)}, "interval": 2, **options}
    fit(
        Climber,
        {"speed": tune.grid_search([1.0, 2.0])},
        scheduler=pbt(**settings),
        stop={"training_iteration": 12},
        verbose=1,
    )


def test_a_healthy_run_ends_without_advice(fit, capsys):
    climb_in_pairs(fit)
    assert said_at_the_end(capsys) == []


def test_advice_stands_in_the_summary(fit, capsys):
    climb_in_pairs(fit, interval=50)
    (said,) = said_at_the_end(capsys)
    assert said.startswith("Advice: No trial ever came to a decision in 12 iterations: perturbation_interval is 50. ")


def test_there_are_at_most_three_pieces_of_advice(fit, capsys):
    def forget(config):
        for step in range(120):
            height = math.nan if step % 7 == 3 else config["speed"] * (99 if step == 8 else step)
            tune.report({"height": height}, checkpoint=tune.Checkpoint.from_dict({}))

    space = {"speed": tune.uniform(2.0, 2.1)}
    scheduler = pbt(interval=2, hyperparam_mutations=space, resample_probability=0, perturbation_factors=[1.0])
    results = fit(forget, space, num_samples=4, scheduler=scheduler, stop={"training_iteration": 120}, verbose=1)
    assert [said.code for said in results.health.advice] == [
        "not-finite",
        "collapsed-early",
        "no-spread",
        "winners-curse",
    ]
    assert len(said_at_the_end(capsys)) == 3
