"""Classes derived from `PopulationBasedTraining`, as scripts for Ray Tune have them."""

from __future__ import annotations

import pytest

import poptune as tune
from poptune.compat.tune.schedulers import PopulationBasedTraining


def test_what_is_overridden_and_never_called_is_warned_of():
    said = r"^Gentle defines on_trial_result, _get_new_config, which PopTune never calls\. .*explore=.*callbacks="
    with pytest.warns(UserWarning, match=said) as warned:

        class Gentle(PopulationBasedTraining):
            def _get_new_config(self, trial, trial_to_clone):
                return super()._get_new_config(trial, trial_to_clone)

            def on_trial_result(self, controller, trial, result):
                return super().on_trial_result(controller, trial, result)

    assert warned[0].filename == __file__


def test_other_arguments_need_no_warning():
    class Often(PopulationBasedTraining):
        def __init__(self, **options):
            super().__init__(time_attr="training_iteration", perturbation_interval=1, **options)

    scheduler = Often(metric="height", mode="max", hyperparam_mutations={"speed": tune.uniform(0, 1)})
    assert scheduler.perturbation_interval == 1
