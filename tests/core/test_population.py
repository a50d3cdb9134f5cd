from collections import Counter
from math import inf, isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poptune.core.decisions import Continue, Exploit, Stop
from poptune.core.events import CheckpointDeleted, TrialAdded, TrialEvicted
from poptune.core.population import Population
from poptune.core.trial import Progress, Status
from poptune.errors import UsageError
from story import Story


def needed_now(population):
    """Which checkpoints the trials hold on to, counted from scratch."""
    held = Counter()
    for trial in population:
        held.update(saved.path for saved in (trial.checkpoint, trial.standing and trial.standing.checkpoint) if saved)
    return held


# Records


def test_a_new_population_is_empty():
    population = Population(seed=3)
    assert (len(population), population.live, population.seed, list(population)) == (0, 0, 3, [])


def test_trials_come_in_the_order_in_which_they_were_added():
    population = Story("cab").population
    assert [trial.id for trial in population] == ["c", "a", "b"]
    first = population["a"]
    assert (first.index, first.config, first.tag, first.status) == (1, {"lr": 0.5, "owner": "a"}, "1", Status.PENDING)
    assert (first.progress, first.generation, first.standing, first.checkpoint) == (Progress(), 0, None, None)
    assert "a" in population
    assert "d" not in population


def test_an_unknown_trial_is_named_with_its_nearest():
    population = Population.of([TrialAdded("trial_1", 0, {})])
    with pytest.raises(UsageError, match=r"There is no trial 'tral_1'\. Did you mean 'trial_1'\?"):
        population["tral_1"]


def test_records_that_were_handed_out_do_not_change():
    story = Story("ab")
    before = story.population["a"]
    looks = repr(before)
    story.all_report(10, {"a": 1.0, "b": 2.0})
    assert story.population["a"] is not before
    assert repr(before) == looks


# A trial's life


def test_a_trial_waits_only_while_it_is_due():
    story = Story("ab", synch=True)
    statuses = [story.population["a"].status]
    story.start("a")
    statuses.append(story.population["a"].status)
    story.report("a", 9)
    statuses.append(story.population["a"].status)
    story.report("a", 10)
    statuses.append(story.population["a"].status)
    story.report("b", 10, score=1.0)
    statuses.append(story.population["a"].status)
    assert statuses == [Status.PENDING, Status.RUNNING, Status.RUNNING, Status.PAUSED, Status.RUNNING]


@pytest.mark.parametrize(
    ("leave", "status"),
    [
        (Story.finish, Status.TERMINATED),
        (lambda story, trial: story.happens(Stop(trial, "enough")), Status.TERMINATED),
        (Story.fail, Status.ERROR),
    ],
    ids=["finishes", "stops", "fails"],
)
def test_a_trial_that_leaves_is_neither_ranked_nor_waited_for(leave, status):
    story = Story("abc", synch=True)
    story.all_report(10, {"a": 1.0, "b": 2.0})
    leave(story, "a")
    left = story.population["a"]
    assert (left.status, left.status.is_live, left.standing) == (status, False, None)
    assert story.population.live == 2
    assert "a" not in story.population.ranking
    assert list(story.population.due) == ["b"]


def test_leaving_twice_counts_once():
    story = Story("abc")
    story.finish("a")
    story.finish("a")
    assert story.population.live == 2


def test_failing_for_good_keeps_the_reason():
    story = Story("a")
    story.fail("a")
    failed = story.population["a"]
    assert (failed.error, failed.failures) == ("ValueError: oh\n\nTraceback", 1)


def test_failing_with_another_try_goes_back_to_the_newest_checkpoint():
    story = Story("ab")
    story.start("a")
    for iteration in (10, 12, 13):
        story.report("a", iteration, saves=iteration < 13)
    story.fail("a", retry=True)
    trial = story.population["a"]
    assert (trial.status, trial.progress, trial.checkpoint.path) == (Status.PENDING, Progress(12, 12.0), "a@12")
    assert (trial.failures, trial.error, trial.last_ready, trial.generation) == (1, None, 10, 1)
    assert trial.standing.checkpoint.path == "a@10"
    assert story.population.live == 2


def test_failing_with_another_try_before_any_checkpoint_goes_back_to_the_start():
    story = Story("a")
    story.report("a", 3, saves=False)
    story.fail("a", retry=True)
    assert story.population["a"].progress == Progress()


def test_eviction_is_no_failure():
    story = Story("ab")
    story.report("a", 3)
    story.report("a", 4, saves=False)
    story.happens(TrialEvicted("a", "its worker died"))
    trial = story.population["a"]
    assert (trial.status, trial.progress.iteration, trial.failures) == (Status.PENDING, 3, 0)


def test_a_trial_that_is_evicted_while_it_waits_goes_on_waiting():
    story = Story("ab", synch=True)
    story.report("a", 10, score=1.0)
    story.happens(TrialEvicted("a", "its worker died"))
    assert story.population["a"].status is Status.PAUSED
    assert story.report("b", 10, score=2.0) == ["b goes on", "a clones b"]


def test_the_rhythm_of_checkpoints_is_known():
    story = Story("a", perturbation_interval=1000)
    rhythm = []
    for iteration in range(1, 10):
        story.report("a", iteration, saves=iteration in (3, 7, 8))
        rhythm.append(story.population["a"].checkpoint_every)
    assert rhythm == [None, None, 3, 3, 3, 3, 4, 1, 1]


# What may be deleted


def test_a_ranked_checkpoint_is_needed_after_its_trial_saved_another():
    story = Story("ab")
    story.report("a", 10)
    assert story.population.needed == {"a@10": 2}  # to go on from, and to be cloned from
    story.report("a", 12)
    assert story.population.needed == {"a@10": 1, "a@12": 1}
    story.report("a", 14)
    assert story.population.needed == {"a@10": 1, "a@14": 1}
    story.report("a", 20)
    assert story.population.needed == {"a@20": 2}


def test_a_checkpoint_is_needed_as_long_as_a_clone_may_start_from_it():
    story = Story("ab")
    story.report("a", 10, score=2.0)
    story.report("b", 10, score=1.0)
    assert story.population.needed == {"a@10": 3, "b@10": 1}
    story.report("a", 20, score=2.0)
    assert story.population.needed == {"a@10": 1, "a@20": 2, "b@10": 1}
    story.report("b", 20, score=1.0)
    assert story.population.needed == {"a@20": 3, "b@20": 1}


def test_the_last_checkpoint_of_a_trial_that_left_is_kept():
    story = Story("ab")
    story.report("a", 10)
    story.report("a", 15)
    story.finish("a")
    assert story.population.needed == {"a@15": 1}


def test_deleting_a_checkpoint_concerns_the_store_alone():
    story = Story("a")
    story.report("a", 10)
    before = dict(story.population.needed)
    story.happens(CheckpointDeleted("a", "a@5"))
    assert story.population.needed == before


# Any story

ACTIONS = ("report", "report", "report", "report without", "retry", "fail", "finish", "stop", "evict")
SCORES = st.sampled_from([nan, -inf, 0.0, 1.0, 2.0, inf])
TURNS = st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from(ACTIONS), SCORES), min_size=20, max_size=60)


def tell(turns, **options):
    """Tell a story of which each turn concerns one trial, and yield it after each turn."""
    story = Story("abcde", perturbation_interval=2, **options)
    for name, action, score in turns:
        trial = story.population[name]
        if not trial.status.is_live:
            continue
        if trial.status is Status.PAUSED:
            if action == "evict":
                story.happens(TrialEvicted(name, "its worker died"))
        elif trial.status is Status.PENDING:
            story.start(name)
        elif action == "retry":
            story.fail(name, retry=True)
        elif action == "fail":
            story.fail(name)
        elif action == "finish":
            story.finish(name)
        elif action == "stop":
            story.happens(Stop(name, "enough"))
        elif action == "evict":
            story.happens(TrialEvicted(name, "its worker died"))
        else:
            story.report(name, trial.progress.iteration + 1, score, saves=action == "report")
        yield story


@given(TURNS, st.booleans(), st.sampled_from([0.0, 0.25, 0.5]))
def test_the_indexes_say_what_the_trials_say(turns, synch, fraction):
    for story in tell(turns, synch=synch, quantile_fraction=fraction):
        population = story.population
        trials = {trial.id: trial for trial in population}
        assert population.needed == needed_now(population)
        assert population.live == sum(trial.status.is_live for trial in population)
        assert set(population.due) == {name for name, trial in trials.items() if trial.status is Status.PAUSED}
        ranked = [population.ranking.at(position) for position in range(len(population.ranking))]
        assert sorted(ranked) == sorted(name for name, trial in trials.items() if trial.standing)
        assert all(trials[name].status.is_live for name in ranked)
        scores = [trials[name].standing.score for name in ranked if not isnan(trials[name].standing.score)]
        assert scores == sorted(scores)
        assert population.ranking.numbers_from == len(ranked) - len(scores)
        assert population.exploits == sum(trial.exploits for trial in population)
        assert len(population.due) < population.live or not population.due  # nobody waits for nobody


@given(TURNS, st.booleans())
def test_the_same_events_give_the_same_population(turns, synch):
    story = Story("abcde")
    for told in tell(turns, synch=synch, seed=3):
        story = told
    live, folded = story.population, Population.of(story.events, seed=3)
    assert list(folded) == list(live)
    assert [folded.ranking.at(i) for i in range(len(folded.ranking))] == [
        *(live.ranking.at(i) for i in range(len(live.ranking)))
    ]
    assert list(folded.due) == list(live.due)
    for name in ("needed", "live", "exploits", "checkpoints"):
        assert getattr(folded, name) == getattr(live, name)


@given(TURNS, st.booleans(), st.sampled_from([0.0, 0.25, 0.5]))
def test_a_clone_is_made_of_somebody_else_who_lives_and_is_no_worse(turns, synch, fraction):
    seen = 0
    for story in tell(turns, synch=synch, quantile_fraction=fraction):
        fresh, seen = story.decisions[seen:], len(story.decisions)
        for decision in fresh:
            assert isinstance(decision, (Continue, Exploit, Stop))
            if isinstance(decision, Exploit):
                donor = story.population[decision.donor]
                assert donor.id != decision.trial
                assert donor.status.is_live
                assert donor.standing.checkpoint == decision.checkpoint
                assert isnan(decision.score) or decision.donor_score >= decision.score
                assert not isnan(decision.donor_score)
                assert decision.checkpoint.path in story.population.needed
