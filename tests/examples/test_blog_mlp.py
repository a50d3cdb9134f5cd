"""The blog's script: as printed it copies nothing and says so once, repaired it trains."""

from __future__ import annotations

import pytest

import blog_mlp
import blog_mlp_as_printed


@pytest.fixture
def printed(tmp_path, capsys):  # capsys begins to listen first
    with pytest.warns(DeprecationWarning, match="reward_attr"):
        return blog_mlp_as_printed.main(seed=0, executor="inline", storage_path=tmp_path)


def test_as_printed_it_is_said_once_what_is_missing(printed, capsys):
    said = capsys.readouterr().out
    assert said.count("has saved no checkpoint yet") == 1
    assert "PBT can neither copy its weights nor start it from another's: it simply trains on" in said
    assert said.count("tune.report(metrics, checkpoint=tune.Checkpoint.from_dict({...}))") == 1
    assert "tune.get_checkpoint()" in said


def test_as_printed_no_trial_is_sent_back_to_its_first_epoch(printed):
    frames = list(printed.trial_dataframes.values())
    assert len(frames) == 8
    for frame in frames:
        *reports, at_the_end = frame.to_dict("records")
        assert [row["epoch"] for row in reports] == list(range(10))
        assert [row["training_iteration"] for row in reports] == list(range(1, 11))
        assert at_the_end["final_accuracy"] == reports[-1]["accuracy"]


def test_as_printed_each_trial_keeps_its_hyperparameters(printed):
    assert [trial.status for trial in printed.trials] == ["TERMINATED"] * 8
    for frame in printed.trial_dataframes.values():
        assert frame["config/lr"].nunique() == 1
        assert frame["config/hidden_units"].nunique() == 1


def test_repaired_a_clone_goes_on_from_the_epoch_and_the_weights_of_its_donor(tmp_path):
    results = blog_mlp.run(6, seed=0, executor="inline", storage_path=tmp_path)
    rows = {result.trial_id: result.rows for result in results}
    assert all([row["epoch"] for row in trained] == [1, 2, 3, 4, 5, 6] for trained in rows.values())
    first = results.exploits[0]
    assert rows[first.trial][1]["accuracy"] < 0.2  # as if it guessed
    assert rows[first.trial][2]["accuracy"] > 0.5  # after one epoch of its own, and two of its donor's


def test_repaired_the_best_reads_digits_that_no_choice_has_looked_at(tmp_path):
    results = blog_mlp.run(6, seed=0, executor="inline", storage_path=tmp_path)
    assert blog_mlp.accuracy_on_unseen(results.get_best_result()) > 0.9
