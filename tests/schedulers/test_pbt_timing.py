"""When a trial is due for a decision."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poptune.core.events import Overdue, Ready, Reported
from poptune.core.lease import Lease
from poptune.core.trial import Progress, SavedCheckpoint, Status
from poptune.errors import MetricError
from story import Story


def considered(reports, **options):
    """The iterations at which a single trial that reports at these was due."""
    story = Story("a", **options)
    return [iteration for iteration in reports if story.report("a", iteration)]


def test_due_once_the_interval_has_passed():
    assert considered([10, 15, 20], perturbation_interval=10) == [10, 20]


def test_the_interval_counts_from_the_last_decision_and_not_in_multiples():
    assert considered([3, 6, 9, 12, 15, 18], perturbation_interval=4) == [6, 12, 18]


def test_nothing_is_due_before_the_burn_in_period():
    assert considered(range(1, 71), perturbation_interval=5, burn_in_period=50) == [50, 55, 60, 65, 70]


def test_burn_in_shorter_than_the_interval_changes_nothing():
    assert considered(range(1, 31), perturbation_interval=10, burn_in_period=3) == [10, 20, 30]


def test_a_hundred_iterations_of_which_the_last_is_never_judged_hold_24_decisions():
    assert len(considered(range(1, 100), perturbation_interval=4)) == 24


def test_time_may_be_seconds():
    story = Story("a", time_attr="time_total_s", perturbation_interval=1.5)
    seconds = [0.7, 1.4, 2.1, 3.5, 3.7]
    due = [t for i, t in enumerate(seconds) if story.report("a", i + 1, time_total_s=t)]
    assert due == [2.1, 3.7]


def test_time_may_be_nested_and_start_at_zero():
    story = Story("a", time_attr="train/epoch", perturbation_interval=2)
    due = [epoch for epoch in range(6) if story.report("a", epoch + 1, train={"epoch": epoch})]
    assert due == [2, 4]


def test_rounding_delays_no_decision():
    assert 125.5 - 98.9 < 26.6  # although 98.9 + 26.6 is 125.5
    story = Story("a", time_attr="t", perturbation_interval=26.6)
    assert [t for t in (98.9, 125.4, 125.5) if story.report("a", 1, t=t)] == [98.9, 125.5]


@given(
    interval=st.floats(0.01, 10),
    times=st.lists(st.floats(0, 100), min_size=1, max_size=8).map(sorted),
    burn_in=st.floats(0, 20),
)
def test_who_is_due_never_trains_on_without_waiting_for_the_answer(interval, times, burn_in):
    story = Story("a", time_attr="t", perturbation_interval=interval, burn_in_period=burn_in)
    for iteration, t in enumerate(times, start=1):
        lease = story.scheduler.lease(story.population["a"], {})
        is_due = bool(story.report("a", iteration, t=t))
        assert is_due == lease.ends({"t": t})


def test_the_lease_of_a_trial_ends_where_it_is_due_or_stops():
    story = Story("a", perturbation_interval=10, burn_in_period=15)
    stop_at = {"training_iteration": 100}
    assert story.scheduler.lease(story.population["a"], stop_at) == Lease(("training_iteration", 15), stop_at)
    story.report("a", 17)
    assert story.scheduler.lease(story.population["a"], stop_at) == Lease(("training_iteration", 27), stop_at)


# Without a checkpoint


def test_a_decision_waits_for_a_report_with_a_checkpoint():
    story = Story("ab")
    assert story.report("a", 10, saves=False) == []
    assert story.report("a", 11, saves=False) == []
    assert story.report("a", 12, saves=True) == ["a goes on"]
    assert story.population["a"].last_ready == 12


def test_an_overdue_decision_is_told_once():
    story = Story("a")
    story.report("a", 6)
    for iteration in (9, 10, 11):
        story.report("a", iteration, saves=False)
    overdue = Overdue("a", time=10, interval=10, checkpoint_every=6)
    assert [event for event in story.events if isinstance(event, (Overdue, Ready))] == [overdue]
    assert story.population["a"].is_overdue
    assert story.population["a"].status is not Status.PAUSED


def test_the_next_overdue_decision_is_told_again():
    story = Story("a")
    for iteration in range(10, 40):
        story.report("a", iteration, saves=iteration in (12, 25))
    told = [(type(event), event.time) for event in story.events if isinstance(event, (Overdue, Ready))]
    assert told == [(Overdue, 10), (Ready, 12), (Overdue, 22), (Ready, 25), (Overdue, 35)]


def test_a_trial_that_never_saved_is_overdue_without_a_rhythm():
    story = Story("a")
    story.report("a", 10, saves=False)
    assert story.events[-1] == Overdue("a", time=10, interval=10, checkpoint_every=None)


# Reports that cannot be judged


@pytest.mark.parametrize(
    ("metrics", "complaint"),
    [
        ({"scores": 1.0}, "metric 'score' is not among the reported keys: 'scores'. Did you mean 'scores'?"),
        ({"score": "0.5"}, "metric 'score' must be one real number, but str '0.5' was reported"),
        ({"score": None}, "metric 'score' must be one real number, but NoneType None was reported"),
        ({"score": [0.5]}, "metric 'score' must be one real number, but list [0.5] was reported"),
    ],
)
def test_metric_that_cannot_rank(metrics, complaint):
    story = Story("a")
    with pytest.raises(MetricError) as refusal:
        judge(story, training_iteration=1, **metrics)
    assert complaint in str(refusal.value)


def test_tensors_are_to_be_converted_first():
    torch = pytest.importorskip("torch")
    with pytest.raises(MetricError, match=r"Tensor tensor\(0\.5000\) was reported.*value\.item\(\)"):
        judge(Story("a"), training_iteration=1, score=torch.tensor(0.5))


@pytest.mark.parametrize(("time", "complaint"), [("late", "str 'late'"), (math.nan, "nan"), (math.inf, "inf")])
def test_time_that_measures_nothing(time, complaint):
    with pytest.raises(MetricError, match=f"time_attr 'epoch' must be .*{complaint}"):
        judge(Story("a", time_attr="epoch"), epoch=time, score=1.0)


def test_time_that_is_missing():
    with pytest.raises(MetricError, match=r"time_attr 'epoch' is not among .* Did you mean 'epochs'\?"):
        judge(Story("a", time_attr="epoch"), epochs=3, score=1.0)


def test_complaints_come_with_the_first_report_and_not_only_when_it_is_due():
    with pytest.raises(MetricError):
        judge(Story("a", perturbation_interval=1000), training_iteration=1)


@pytest.mark.parametrize(
    "metrics", [{"training_iteration": 10}, {"score": 1.0}, {"training_iteration": math.nan, "score": 1.0}]
)
def test_a_report_without_what_is_needed_is_never_due_if_nothing_is_required(metrics):
    assert judge(Story("a", require_attrs=False), **metrics) is None


def test_later_reports_count_if_nothing_is_required():
    story = Story("ab", require_attrs=False)
    assert story.report("a", 10, score=None) == []
    assert story.report("a", 11, score=1.0) == ["a goes on"]


def judge(story, **metrics):
    """What the scheduler says to a report of trial a that carries a checkpoint."""
    report = Reported("a", metrics, Progress(1), SavedCheckpoint("a@1", "a", Progress(1)))
    story.population.apply(report)
    return story.scheduler.judge(story.population, report)
