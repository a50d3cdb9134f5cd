"""Training code that does unusual things neither hangs a run nor spoils another trial."""

from __future__ import annotations

import contextlib
import enum
import threading

import pytest

import poptune as tune
from poptune.errors import UsageError
from poptune.executors.inline import InlineExecutor
from poptune.run.results import ResultGrid
from poptune.testing.toys import Climber
from runs import pbt


@pytest.fixture(params=["inline", "processes"])
def executor(request):
    return request.param


def overfit(config):
    """Gets better until iteration 5 and worse from then on."""
    checkpoint = tune.get_checkpoint()
    iteration = checkpoint.to_dict()["iteration"] if checkpoint else 0
    while True:
        iteration += 1
        saved = tune.Checkpoint.from_dict({"iteration": iteration})
        tune.report({"loss": abs(iteration - 5)}, checkpoint=saved)


def test_a_loser_that_is_set_back_in_time_does_not_starve_its_donor(fit, executor):
    results = fit(
        overfit,
        {"speed": tune.uniform(0.0, 10.0)},
        num_samples=5,
        scheduler=pbt(interval=5, metric="loss", mode="min", synch=False, quantile_fraction=0.25),
        stop={"training_iteration": 20},
        executor=executor,
    )
    assert [result.metrics["training_iteration"] for result in results] == [20] * 5


def swallower(config):
    """Lets nothing end it."""
    while True:
        with contextlib.suppress(BaseException):
            tune.report({"height": 1.0}, checkpoint=tune.Checkpoint.from_dict({"height": 1.0}))


def test_code_that_cannot_be_unwound_is_left_behind(fit, executor):
    results = fit(
        swallower,
        {"speed": tune.uniform(0.0, 10.0)},
        num_samples=2,
        scheduler=pbt(),
        stop={"training_iteration": 6},
        executor=executor,
    )
    assert [result.metrics["training_iteration"] for result in results] == [6, 6]
    assert len(results.exploits) == 2


def test_metrics_that_are_no_numbers_are_kept_as_text(fit, executor):
    class Local:
        def __repr__(self):
            return "something local"

    (result,) = fit(lambda config: {"height": 1.0, "object": Local(), "lock": threading.Lock()}, {}, executor=executor)
    assert result.error is None
    assert result.metrics["object"] == "something local"


def test_numbers_of_a_class_of_the_script_are_numbers_everywhere(fit, executor):
    class Level(enum.IntEnum):
        HIGH = 3

    class Metres(float):
        pass

    report = {"height": Metres(1.5), "level": Level.HIGH, "all": [Metres(2)]}
    results = fit(lambda config: report, {}, metric="height", mode="max", executor=executor)
    assert results[0].error is None
    opened = ResultGrid.from_path(results.experiment_path)[0]
    assert {key: opened.metrics[key] for key in report} == {"height": 1.5, "level": 3, "all": [2.0]}


def test_two_threads_do_not_train_inline_at_once(fit):
    refused = []

    def beside(config):
        def second():
            with pytest.raises(UsageError, match=r"already, in the thread .*executor=\"processes\""):
                fit(Climber, {"speed": 1.0}, stop={"training_iteration": 1})
            refused.append(True)

        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
        return {"height": 1}

    assert fit(beside, {})[0].metrics["height"] == 1
    assert refused
    (later,) = fit(Climber, {"speed": 1.0}, stop={"training_iteration": 1})
    assert later.error is None


def test_the_newest_checkpoint_can_be_read_again_when_older_ones_are_gone(fit, executor):
    def rereads(config):
        for step in range(1, 8):
            tune.report({"height": step}, checkpoint=tune.Checkpoint.from_dict({"step": step}))
            assert tune.get_checkpoint().to_dict() == {"step": step}

    (result,) = fit(rereads, {}, executor=executor, checkpoint_config=tune.CheckpointConfig(num_to_keep=1))
    assert result.error is None


def test_reports_from_two_threads_are_refused(fit, executor):
    def two_threads(config):
        tune.report({"height": 1.0})
        errors = []

        def second():
            try:
                tune.report({"height": 2.0})
            except Exception as error:
                errors.append(error)

        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
        raise errors[0]

    (result,) = fit(two_threads, {}, executor=executor)
    assert len(result.rows) == 1
    assert "was called from two threads" in str(result.error)


def test_all_reports_may_come_from_another_thread(fit, executor):
    def threaded(config):
        def climb():
            for step in range(3):
                tune.report({"height": step})

        thread = threading.Thread(target=climb)
        thread.start()
        thread.join()

    (result,) = fit(threaded, {}, executor=executor)
    assert [row["height"] for row in result.rows] == [0, 1, 2]


class Untidy(Climber):
    """Reports, or exits, when it should clean up."""

    def cleanup(self):
        if self.config["exits"]:
            raise SystemExit(3)
        tune.report({"height": -1.0})


@pytest.mark.parametrize("exits", [True, False])
def test_a_clean_up_that_fails_does_not_hang_the_run(fit, executor, exits, capfd):
    results = fit(
        Untidy, {"speed": 1.0, "exits": exits}, num_samples=2, stop={"training_iteration": 3}, executor=executor
    )
    assert [result.metrics["height"] for result in results] == [3.0, 3.0]


def test_a_run_within_a_trial_leaves_the_trial_alone(fit, executor, tmp_path):
    def outer(config):
        for step in range(3):
            inner = tune.Tuner(
                Climber,
                param_space={"speed": 1.0},
                run_config=tune.RunConfig(
                    storage_path=tmp_path / "inner", executor="inline", verbose=0, stop={"training_iteration": 2}
                ),
            ).fit()
            tune.report({"height": step + inner[0].metrics["height"]})

    (result,) = fit(outer, {}, executor=executor)
    assert [row["height"] for row in result.rows] == [2.0, 3.0, 4.0]


def test_an_inline_executor_can_be_used_again(fit):
    executor = InlineExecutor()
    for _ in range(2):
        stop = {"training_iteration": 10**9}
        results = fit(Climber, {"speed": 1.0}, stop=stop, executor=executor, time_budget_s=0.2)
        assert results[0].metrics["height"] > 0


def test_the_cause_of_an_error_is_shown(fit, executor):
    def chained(config):
        try:
            raise KeyError("the cause")
        except KeyError as error:
            raise ValueError("the effect") from error

    (result,) = fit(chained, {}, executor=executor)
    assert "KeyError: 'the cause'" in str(result.error)
    assert "ValueError: the effect" in str(result.error)


def test_much_output_at_the_end_arrives(fit, capfd):
    def chatty(config):
        print("x" * 200_000)
        return {"height": 1.0}

    fit(chatty, {}, executor="processes")
    assert capfd.readouterr().out.count("x") == 200_000
