"""Nobody waits for anybody."""

from poptune.core.trial import Status
from story import Story


def test_whoever_is_due_is_settled_at_once_and_alone():
    story = Story("abc")
    assert story.report("a", 10, score=2.0) == ["a goes on"]
    assert story.report("b", 10, score=1.0) == ["b clones a"]
    assert story.population["c"].status is Status.PENDING
    assert not story.population.due


def test_early_reporters_need_only_each_other():
    story = Story("abcdefgh", quantile_fraction=0.25)
    story.report("c", 10, score=1.0)
    assert story.report("g", 10, score=0.0) == ["g clones c"]


def test_the_first_to_report_has_nobody_to_copy():
    assert Story("ab").report("a", 10, score=float("nan")) == ["a goes on"]


def test_a_trial_that_is_fine_goes_on_while_a_sibling_starts_again():
    story = Story("abc")
    story.all_report(10, {"a": 2.0, "b": 1.0})
    assert story.fail("b", retry=True) == []
    assert story.population["b"].status is Status.PENDING
    assert story.report("a", 20, score=3.0) == ["a goes on"]
    assert story.report("c", 10, score=2.5) == ["c goes on"]


def test_a_leaver_changes_nothing_for_the_others():
    story = Story("abc")
    story.all_report(10, {"a": 2.0, "b": 1.0, "c": 3.0})
    assert story.finish("c") == []
    assert story.fail("b") == []


def test_the_fast_and_the_slow_share_one_population():
    story = Story("ab")
    for iteration in range(10, 110, 10):
        story.report("a", iteration, score=float(iteration))
    assert story.report("b", 10, score=10.0) == ["b clones a"]
    assert story.population["b"].progress.iteration == 100
    assert story.population["b"].last_ready == 100


def test_a_trial_may_go_back_in_time():
    story = Story("ab")
    story.report("a", 10, score=5.0)
    assert story.report("b", 30, score=1.0) == ["b clones a"]
    assert (story.population["b"].progress.iteration, story.population["b"].last_ready) == (10, 10)
    assert story.last.iteration == 30


def test_the_same_story_gives_the_same_decisions():
    def tell():
        story = Story("abcd", seed=7)
        for iteration, scores in enumerate(["4312", "1234", "2143", "3421"], start=1):
            story.all_report(10 * iteration, dict(zip("abcd", map(float, scores), strict=True)))
        return story.decisions

    assert tell() == tell()


def test_the_status_line_counts():
    story = Story("ab")
    story.all_report(10, {"a": 2.0, "b": 1.0})
    assert story.scheduler.describe(story.population) == "PopulationBasedTraining: 2 checkpoints, 1 perturbs"


def test_a_loser_that_did_not_save_copies_at_its_very_next_report():
    story = Story("abc", quantile_fraction=0.34)
    story.all_report(10, {"a": 5.0, "b": 9.0})
    assert story.report("c", 10, score=-1.0, saves=False) == []
    assert story.report("a", 20, score=0.0) == ["a clones b"]  # the others are not held up
    assert story.report("c", 11, score=-1.0) == ["c clones b"]


def test_a_donor_that_did_not_save_lately_gives_what_it_was_ranked_with():
    story = Story("ab")
    story.report("a", 10, score=9.0)
    assert story.report("a", 20, score=9.0, saves=False) == []
    assert story.report("b", 10, score=1.0) == ["b clones a"]
    assert story.last.checkpoint.path == "a@10"
    assert story.report("a", 21, score=9.0) == ["a goes on"]
    assert story.report("b", 20, score=1.0) == ["b clones a"]
    assert story.last.checkpoint.path == "a@21"
