"""What training code of older scripts reports and returns."""

from __future__ import annotations

import pytest

import poptune as tune
from poptune.errors import UsageError


def simulate_classifier(config):
    rate, units = config["lr"], config["hidden_units"]
    for epoch in range(10):
        loss = 1 / (epoch + 1) + 100 / units + 0.1 / rate
        accuracy = 0.8 - 0.02 * epoch + units / 2000
        tune.report(epoch=epoch, loss=loss, accuracy=accuracy)
    return {"final_accuracy": accuracy, "final_loss": loss}


def test_metrics_by_keyword_are_the_same_report(fit):
    def both(config):
        saved = tune.Checkpoint.from_dict({"step": 1})
        tune.report(loss=0.5, metric="l2", checkpoint=saved)
        tune.report({"loss": 0.25, "metric": "l2"}, checkpoint=saved)
        tune.report(metrics={"loss": 0.125, "metric": "l2"})

    (result,) = fit(both, {})
    assert [(row["loss"], row["metric"]) for row in result.rows] == [(0.5, "l2"), (0.25, "l2"), (0.125, "l2")]
    assert len(result.best_checkpoints) == 2


@pytest.mark.parametrize("form", ["dictionary", "keyword"])
def test_a_misspelt_argument_of_report_is_no_metric(fit, form):
    def misspell(config):
        if form == "dictionary":
            tune.report({"loss": 0.5}, chekpoint=None)
        else:
            tune.report(loss=0.5, chekpoint=tune.Checkpoint.from_dict({"step": 1}))

    with pytest.raises(UsageError, match=r"has no argument 'chekpoint'\. Did you mean 'checkpoint'\?"):
        fit(misspell, {})


def test_reporting_nothing_is_refused(fit):
    with pytest.raises(UsageError, match="takes a dictionary"):
        fit(lambda config: tune.report(), {})


def test_what_is_returned_at_the_end_does_not_hide_the_metric(fit):
    results = fit(simulate_classifier, {"lr": 0.1, "hidden_units": {"grid_search": [50, 100]}})
    assert results.get_best_result("accuracy", "max").config["hidden_units"] == 100
    assert results.get_best_result("final_loss", "max").config["hidden_units"] == 50


def test_what_is_returned_at_the_end_does_not_hide_the_metric_from_the_reader(fit, capsys):
    space = {"lr": 0.1, "hidden_units": {"grid_search": [50, 100]}}
    fit(simulate_classifier, space, metric="accuracy", mode="max", verbose=1)
    assert "Best at the end: 652e5_00001 with accuracy 0.67 at iteration" in capsys.readouterr().out
