from hypothesis import given
from hypothesis import strategies as st

from poptune.core.decisions import Exploit
from poptune.core.lineage import Segment, lineage
from poptune.core.trial import Progress, SavedCheckpoint, Status
from story import Story

INITIAL = {name: {"lr": name} for name in "abcd"}


def clone(trial, donor, iteration, lr, *, generation=1, donor_generation=1):
    """An exploit: from now on `trial` trains with `lr` what `donor` had at this iteration."""
    return Exploit(
        trial=trial,
        donor=donor,
        checkpoint=SavedCheckpoint(f"{donor}@{iteration}", donor, Progress(iteration)),
        config={"lr": lr},
        donor_config={},
        operations=(),
        iteration=iteration,
        time=iteration,
        score=0.0,
        donor_score=1.0,
        generation=generation,
        donor_generation=donor_generation,
    )


def told(trial, iteration, exploits):
    """The lineage in words: who trained which iterations with what."""
    segments = lineage(trial, iteration, INITIAL, exploits)
    return [f"{s.trial} {s.first}-{s.last} lr={s.config['lr']}" for s in segments]


def test_a_trial_that_never_copied_trained_everything_itself():
    assert lineage("a", 30, INITIAL, []) == (Segment("a", 1, 30, {"lr": "a"}, donor=None),)
    assert told("a", 30, [clone("b", "a", 10, "a2")]) == ["a 1-30 lr=a"]


def test_a_trial_that_never_reported_has_trained_nothing():
    assert lineage("a", 0, INITIAL, []) == (Segment("a", 1, 0, {"lr": "a"}, donor=None),)


def test_a_clone_begins_with_its_donor():
    segments = lineage("b", 25, INITIAL, [clone("b", "a", 10, "a2")])
    assert segments == (Segment("a", 1, 10, {"lr": "a"}, None), Segment("b", 11, 25, {"lr": "a2"}, "a"))


def test_what_the_clone_did_before_does_not_count():
    history = [clone("b", "a", 10, "a2", generation=1), clone("b", "c", 20, "c2", generation=2, donor_generation=2)]
    assert told("b", 30, history) == ["c 1-20 lr=c", "b 21-30 lr=c2"]


def test_a_clone_of_a_clone():
    history = [clone("b", "a", 10, "a2"), clone("c", "b", 20, "a3", generation=2, donor_generation=2)]
    assert told("c", 30, history) == ["a 1-10 lr=a", "b 11-20 lr=a2", "c 21-30 lr=a3"]


def test_a_chain_over_several_donors_and_back():
    history = [
        clone("b", "a", 10, "2"),
        clone("c", "b", 20, "3", generation=2, donor_generation=2),
        clone("a", "c", 30, "4", generation=3, donor_generation=3),
        clone("b", "a", 40, "5", generation=4, donor_generation=4),
    ]
    assert told("b", 50, history) == ["a 1-10 lr=a", "b 11-20 lr=2", "c 21-30 lr=3", "a 31-40 lr=4", "b 41-50 lr=5"]


def test_what_happened_to_the_donor_after_it_was_copied_does_not_count():
    history = [
        clone("b", "a", 10, "a2", generation=1, donor_generation=1),
        clone("a", "c", 20, "c2", generation=2, donor_generation=2),
    ]
    assert told("b", 30, history) == ["a 1-10 lr=a", "b 11-30 lr=a2"]
    assert told("a", 30, history) == ["c 1-20 lr=c", "a 21-30 lr=c2"]


def test_a_donor_that_was_cloned_away_at_the_very_decision_it_was_ranked_by():
    history = [
        clone("a", "c", 10, "c2", generation=1, donor_generation=1),
        clone("b", "a", 10, "a2", generation=1, donor_generation=1),
    ]
    assert told("b", 20, history) == ["a 1-10 lr=a", "b 11-20 lr=a2"]


def test_two_that_copy_each_other():
    history = [
        clone("a", "b", 10, "b2", generation=1, donor_generation=1),
        clone("b", "a", 20, "b3", generation=2, donor_generation=2),
        clone("a", "b", 30, "b4", generation=3, donor_generation=3),
    ]
    assert told("a", 40, history) == ["b 1-10 lr=b", "a 11-20 lr=b2", "b 21-30 lr=b3", "a 31-40 lr=b4"]


def test_a_trial_that_was_cloned_away_at_its_very_last_iteration_shows_its_donors_past():
    assert told("b", 10, [clone("b", "a", 10, "a2")]) == ["a 1-10 lr=a"]


def test_a_clone_that_went_back_in_time():
    history = [
        clone("b", "a", 30, "a2", generation=3, donor_generation=3),
        clone("b", "c", 10, "c2", generation=4, donor_generation=1),
    ]
    assert told("b", 15, history) == ["c 1-10 lr=c", "b 11-15 lr=c2"]


def test_a_trial_that_fell_back_to_its_own_checkpoint_of_the_same_stint():
    history = [
        clone("b", "a", 20, "a2", generation=4, donor_generation=5),
        clone("b", "b", 22, "a2", generation=4, donor_generation=5),
    ]
    assert told("b", 24, history) == ["a 1-20 lr=a", "b 21-22 lr=a2", "b 23-24 lr=a2"]


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 5), st.booleans()), min_size=20, max_size=60),
    st.booleans(),
    st.integers(0, 3),
)
def test_it_is_the_training_that_the_weights_remember(turns, synch, seed):
    """Here weights are the list of (trial, config) that trained them, iteration by iteration."""
    story = Story("abcd", seed=seed, synch=synch, perturbation_interval=2, resample_probability=1)
    weights = {name: [] for name in "abcd"}
    saved = {}
    for name, score, saves in turns:
        trial = story.population[name]
        if trial.status is Status.PAUSED:
            continue
        weights[name] = [*weights[name], (name, trial.config["lr"])]
        iteration = len(weights[name])
        if saves:
            saved[name, iteration, trial.generation] = weights[name]
        decided = len(story.decisions)
        story.report(name, iteration, score, saves=saves)
        for decision in story.decisions[decided:]:
            if isinstance(decision, Exploit):
                donor = decision.checkpoint
                weights[decision.trial] = saved[donor.trial, donor.progress.iteration, decision.donor_generation - 1]

    initial = {name: {"lr": 0.5} for name in "abcd"}
    exploits = [decision for decision in story.decisions if isinstance(decision, Exploit)]
    for name in "abcd":
        segments = lineage(name, story.population[name].progress.iteration, initial, exploits)
        assert [(s.trial, s.config["lr"]) for s in segments for _ in range(s.first, s.last + 1)] == weights[name]
