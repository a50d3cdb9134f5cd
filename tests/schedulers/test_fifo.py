import pytest

from poptune.core.events import Reported, TrialAdded
from poptune.core.lease import Lease
from poptune.core.objective import Objective
from poptune.core.population import Population
from poptune.core.randomness import Purpose, rng_for
from poptune.core.trial import Progress, SavedCheckpoint
from poptune.errors import MetricError, ModeError, OptionError
from poptune.schedulers import FIFOScheduler, step


def first_report(scheduler, **metrics):
    population = Population.of([TrialAdded("a", 0, {})])
    report = Reported("a", metrics, Progress(1), SavedCheckpoint("a@1", "a", Progress(1)))
    return step(scheduler, population, report), report


def test_nobody_is_ever_due():
    events, report = first_report(FIFOScheduler().bound("loss", "min"), loss=0.5)
    assert events == [report]


def test_without_a_metric_any_report_will_do():
    events, report = first_report(FIFOScheduler().bound(None, None), anything="goes")
    assert events == [report]


def test_a_given_metric_must_be_reported():
    with pytest.raises(MetricError, match="Did you mean 'losses'"):
        first_report(FIFOScheduler().bound("loss", "min"), losses=0.5)


def test_metric_and_mode():
    assert FIFOScheduler().objective is None
    assert FIFOScheduler().bound(None, None).objective is None
    assert FIFOScheduler().bound("loss", "min").objective == Objective("loss", "min")
    assert FIFOScheduler().bound(None, "max").objective == Objective("_metric", "max")
    with pytest.raises(OptionError, match="metric='loss' needs a mode"):
        FIFOScheduler().bound("loss", None)
    with pytest.raises(ModeError, match="mode must be"):
        FIFOScheduler().bound("loss", "lowest")


def test_a_trial_trains_until_it_stops():
    population = Population.of([TrialAdded("a", 0, {})])
    lease = FIFOScheduler().lease(population["a"], {"training_iteration": 5})
    assert lease == Lease(stop_at={"training_iteration": 5})
    assert not lease.ends({"training_iteration": 4})
    assert lease.ends({"training_iteration": 5})


def test_configs_stay_as_the_search_space_made_them():
    config = {"lr": 0.1}
    assert FIFOScheduler().initial_config(config, rng_for(0, Purpose.INITIAL_CONFIG, 0)) == {"lr": 0.1}


def test_status_line():
    assert FIFOScheduler().describe(Population()) == "FIFO: trials train independently"
