"""Many trials on few slots, and many results: everybody gets there, and memory does not grow with the results."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

import poptune as tune
from poptune.core.decisions import Exploit
from poptune.core.events import Reported, TrialAdded
from poptune.core.population import Population
from poptune.core.trial import Progress, SavedCheckpoint
from poptune.run.callbacks import Callback
from poptune.schedulers import step
from poptune.testing.simulated import SimulatedExecutor
from poptune.testing.toys import Climber
from runs import events, pbt


@pytest.mark.parametrize("synch", [True, False])
def test_a_hundred_trials_share_two_slots(fit, synch):
    executor = SimulatedExecutor(2)
    results = fit(
        Climber,
        {"speed": tune.uniform(0.0, 10.0)},
        num_samples=100,
        scheduler=pbt(4, synch=synch, quantile_fraction=0.25),
        stop={"training_iteration": 10},
        executor=executor,
    )
    assert (results.num_terminated, results.num_errors) == (100, 0)
    reports = events(results, Reported)
    if synch:
        assert len(reports) == 100 * 10
        assert len(results.exploits) == 2 * 25
        assert executor.now == 100 * 10 / 2  # both slots were busy all the time
    assert executor.loads == len(results.exploits) > 0  # and sharing them costs nothing
    assert {result.metrics["training_iteration"] for result in results} == {10}


def test_ten_thousand_reports_leave_no_trace_in_a_population():
    names = [str(number) for number in range(100)]
    population = Population.of([TrialAdded(name, index, {"speed": 1.0}, name) for index, name in enumerate(names)])
    scheduler = pbt(5)
    exploits, sizes = 0, []
    tracemalloc.start()
    for iteration in range(1, 151):
        for name in names:
            saved = SavedCheckpoint(f"{name}/{iteration}", name, Progress(iteration)) if iteration % 5 == 0 else None
            metrics = {"training_iteration": iteration, "height": float(int(name) * iteration % 97)}
            decided = step(scheduler, population, Reported(name, metrics, Progress(iteration), saved))
            exploits += sum(isinstance(event, Exploit) for event in decided)
        del decided
        if iteration in (50, 150):
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert exploits == 50 * 30
    assert sizes[1] - sizes[0] < 100_000  # bytes, of 10,000 reports


class Alive(Callback):
    """Counts, now and then, the reports that the driver still holds."""

    def __init__(self):
        self.seen = 0
        self.most = 0

    def on_trial_result(self, iteration, trials, trial, result, **info):
        self.seen += 1
        if self.seen % 10_000 == 0:
            self.most = max(self.most, sum(type(each) is Reported for each in gc.get_objects()))


def test_a_run_of_many_results_holds_only_those_that_are_not_yet_written(fit):
    def flood(config):
        for number in range(40_000):
            tune.report({"number": number})

    alive = Alive()
    results = fit(flood, {}, callbacks=[alive])
    assert alive.seen == results[0].metrics["training_iteration"] == 40_000
    assert alive.most < 25_000
