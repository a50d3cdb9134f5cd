import functools

import numpy as np
import pytest

from poptune.errors import MetricError, UsageError
from poptune.storage.checkpoint import Checkpoint
from poptune.trainables.function import check_function, run_function
from poptune.trainables.session import Unwound


def run(function, config=None):
    """Return what a function reported on its way, and at its end."""
    reports, finals = [], []
    run_function(
        function,
        config or {},
        lambda metrics, checkpoint: reports.append((metrics, checkpoint)),
        lambda metrics, checkpoint: finals.append((metrics, checkpoint)),
    )
    return reports, finals


@pytest.mark.parametrize(
    ("outcome", "final"),
    [
        ({"loss": np.float32(0.5), "eval": {"n": 3}}, {"loss": 0.5, "eval": {"n": 3}}),
        ({}, {}),
        (0.5, {"_metric": 0.5}),
        (3, {"_metric": 3}),
        (np.float64(0.5), {"_metric": 0.5}),
    ],
)
def test_what_a_function_returns_is_its_last_result(outcome, final):
    assert run(lambda config: outcome) == ([], [(final, None)])


def test_a_function_that_returns_nothing_has_no_last_result():
    assert run(lambda config: None) == ([], [])


@pytest.mark.parametrize("outcome", ["done", [1], 1j, object(), Checkpoint.from_dict({})])
def test_what_is_neither_dictionary_nor_number_is_refused(outcome):
    message = f"may return a dictionary or a number, not {type(outcome).__name__}"
    with pytest.raises(MetricError, match=message):
        run(lambda config: outcome)


def test_the_config_is_passed_on():
    assert run(lambda config: config["lr"], {"lr": 0.1}) == ([], [({"_metric": 0.1}, None)])


def test_a_generator_reports_what_it_yields_and_what_it_returns():
    def train(config):
        yield {"loss": np.float32(2)}
        yield 1.5
        return {"loss": 1}

    reports, finals = run(train)
    assert reports == [({"loss": 2.0}, None), ({"_metric": 1.5}, None)]
    assert finals == [({"loss": 1}, None)]


def test_a_generator_that_yields_nothing_useful_is_refused_and_closed():
    closed = []

    def train(config):
        try:
            yield "half way"
        finally:
            closed.append(True)

    with pytest.raises(MetricError, match="may yield a dictionary or a number, not str"):
        run(train)
    assert closed == [True]


@pytest.mark.parametrize("end", [Unwound, KeyboardInterrupt, MetricError])
def test_a_generator_that_is_unwound_cleans_up_before_the_caller_goes_on(end):
    story = []

    def train(config):
        try:
            for step in range(10):
                yield {"step": step}
        except Exception:
            story.append("caught")  # an end is nothing to be caught
            raise
        finally:
            story.append("cleaned up")

    def report(metrics, checkpoint):
        story.append(metrics["step"])
        if metrics["step"] == 1:
            raise end

    with pytest.raises(end):
        run_function(train, {}, report, report)
    story.append("over")
    assert story == [0, 1, "cleaned up", "over"]


def test_what_a_generator_raises_is_raised():
    def train(config):
        yield {"step": 0}
        raise ZeroDivisionError("in training")

    with pytest.raises(ZeroDivisionError, match="in training"):
        run(train)


def refusal(function, **parameters):
    with pytest.raises(UsageError) as caught:
        check_function(function, parameters)
    return str(caught.value)


def test_a_function_without_arguments_is_refused():
    def train():
        pass

    message = refusal(train)
    assert message == (
        "The training function train() cannot be called as train(config): too many positional arguments."
        " Its first argument is the config, the others those of tune.with_parameters."
    )


def test_a_function_with_too_many_arguments_is_refused():
    def train(config, data):
        pass

    message = refusal(train)
    assert message.startswith("The training function train(config, data) cannot be called as train(config): ")
    assert "missing a required argument: 'data'" in message
    check_function(train, {"data": [1]})


def test_parameters_that_do_not_exist_are_refused():
    def train(config, data):
        pass

    message = refusal(train, data=[1], date=2)
    assert "cannot be called as train(config, data=..., date=...): " in message
    assert "'date'" in message
    assert "multiple values for argument 'config'" in refusal(lambda config: None, config={})


def test_a_function_whose_config_is_a_keyword_is_refused():
    def train(*, config):
        pass

    assert "too many positional arguments" in refusal(train)


class Recipe:
    def __call__(self, config):
        pass

    def train(self, config, depth=1):
        pass

    def without_config(self):
        pass


@pytest.mark.parametrize(
    "function",
    [
        lambda config: None,
        lambda *args: None,
        lambda config, **options: None,
        lambda config, seed=0: None,
        functools.partial(lambda depth, config: None, 3),
        functools.partial(lambda config, depth: None, depth=3),
        Recipe(),
        Recipe().train,
        print,
        dict,
    ],
)
def test_anything_that_can_be_called_with_a_config_is_taken(function):
    check_function(function, {})


def test_what_has_no_name_is_refused_under_its_types():
    assert "The training function partial(config, depth) cannot be called as partial(config)" in refusal(
        functools.partial(lambda config, depth: None)
    )
    assert "The training function Recipe(config) cannot be called as Recipe(config, data=...)" in refusal(
        Recipe(), data=1
    )
    assert "The training function without_config() cannot" in refusal(Recipe().without_config)
    assert "The training function <lambda>() cannot" in refusal(lambda: None)
