"""The document behind the report page says what the journal says."""

import json
import math
from itertools import accumulate

import pytest

import poptune as tune
from edge_runs import EDGE_RUNS, large
from poptune.core.decisions import Exploit
from poptune.core.events import Reported, TrialStarted
from poptune.core.nested import lookup
from poptune.report_page import write_report
from poptune.report_page.document import document
from poptune.report_page.page import embedded
from poptune.run.history import History
from poptune.run.results import ResultGrid
from poptune.run.schedule import Schedule
from poptune.storage.journal import Journal
from poptune.testing.toys import Climber
from runs import pbt


def told(run_dir):
    return document(History.read(run_dir), "finished", made=0.0)


def points(stint):
    return list(zip(accumulate(stint["x"]), stint["y"], strict=True))


@pytest.mark.parametrize("name", ["two_trials", "asynchronous", "nested", "crashed"])
def test_every_report_of_the_journal_is_one_point_of_its_trial(name, tmp_path):
    run_dir = EDGE_RUNS[name](tmp_path)
    found = told(run_dir)
    with Journal.open(run_dir) as journal:
        reports = list(journal.records(Reported))
    for number, trial in enumerate(found["trials"]):
        drawn = [point for stint in found["stints"] if stint["trial"] == number for point in points(stint)]
        own = [report for report in reports if report.trial == trial["id"]]
        values = [lookup(report.metrics, found["run"]["metric"]) for report in own]
        assert [x for x, _ in drawn] == [report.progress.iteration for report in own]
        assert [y for _, y in drawn] == pytest.approx(values, rel=1e-5)
        assert trial["value"] == values[-1]  # the whole number, not as few digits as are drawn
        assert trial["best"] == (min if found["run"]["mode"] == "min" else max)(values)
        assert trial["iteration"] == own[-1].progress.iteration


@pytest.mark.parametrize("name", ["two_trials", "asynchronous", "failing"])
def test_who_copied_whom_is_what_the_log_for_ray_tune_users_says(name, tmp_path):
    run_dir = EDGE_RUNS[name](tmp_path)
    lines = [json.loads(line) for line in (run_dir / "pbt_global.txt").read_text().splitlines()]
    said = [(int(loser.split("_")[0]), int(donor.split("_")[0]), start) for loser, donor, _, start, *_ in lines]
    found = told(run_dir)
    clones = [stint for stint in found["stints"] if stint["origin"] is not None]
    copies = [(clone["trial"], found["stints"][clone["origin"]]["trial"], clone["start"]) for clone in clones]
    assert sorted(copies) == sorted(said)
    assert found["run"]["exploits"] == len(said) > 0


@pytest.mark.parametrize("name", ["two_trials", "asynchronous", "failing", "many_trials"])
def test_the_winners_schedule_can_be_traced_back_through_the_log_for_ray_tune_users(name, tmp_path):
    run_dir = EDGE_RUNS[name](tmp_path)
    lines = [json.loads(line) for line in (run_dir / "pbt_global.txt").read_text().splitlines()]
    winner = told(run_dir)["winner"]
    trial, last, traced = winner["trial"], winner["iteration"], []
    for loser, donor, _, start, _, config in reversed(lines):
        if int(loser.split("_")[0]) == trial:
            traced.append((start + 1, last, trial, config["lr"]))
            trial, last = int(donor.split("_")[0]), start
    history = History.read(run_dir)
    traced.append((1, last, trial, history.by_trial[history.trials[trial]][0].config["lr"]))
    schedule = json.loads(winner["json"])
    said = [(part["first_iteration"], part["last_iteration"], part["config"]["lr"]) for part in schedule]
    assert said == [(first, last, lr) for first, last, _, lr in reversed(traced) if last >= first]
    assert [row["trial"] for row in winner["schedule"]] == [
        t for first, last, t, _ in reversed(traced) if last >= first
    ]


@pytest.mark.parametrize("name", ["one_trial", "asynchronous", "failing", "nested"])
def test_the_winner_is_the_best_result_with_its_schedule(name, tmp_path):
    run_dir = EDGE_RUNS[name](tmp_path)
    best = ResultGrid.from_path(run_dir).get_best_result()
    found = told(run_dir)
    winner = found["winner"]
    assert found["trials"][winner["trial"]]["id"] == best.trial_id
    assert winner["value"] == lookup(best.metrics, found["run"]["metric"])
    assert [(row["first"], row["last"]) for row in winner["schedule"]] == [(s.first, s.last) for s in best.schedule]
    (tmp_path / "schedule.csv").write_text(winner["csv"])
    assert Schedule.from_csv(tmp_path / "schedule.csv") == best.schedule
    assert [segment["config"] for segment in json.loads(winner["json"])] == [s.config for s in best.schedule]
    last = [last for _, last in winner["lineage"]]
    assert last[-1] == best.metrics["training_iteration"]


@pytest.mark.parametrize("name", ["one_trial", "two_trials"])
def test_the_code_beside_the_schedule_trains_by_it(name, tmp_path, monkeypatch, capsys):
    winner = told(EDGE_RUNS[name](tmp_path))["winner"]
    (tmp_path / "schedule.csv").write_text(winner["csv"])
    monkeypatch.chdir(tmp_path)
    trained = []

    def learn(config):
        checkpoint = tune.get_checkpoint()
        for step in range(checkpoint.to_dict()["step"] + 1 if checkpoint else 1, 31):
            trained.append(config["lr"])
            tune.report({"score": step}, checkpoint=tune.Checkpoint.from_dict({"step": step}))

    code = winner["code"].replace("RunConfig(", 'RunConfig(executor="inline", verbose=0, ')
    exec(code, {"learn": learn})
    schedule = Schedule.from_csv(tmp_path / "schedule.csv")
    assert trained == [pytest.approx(schedule.at(step)["lr"]) for step in range(1, 31)]
    assert "'training_iteration': 30" in capsys.readouterr().out


def test_what_is_no_number_is_null_and_nobody_wins(tmp_path):
    found = told(EDGE_RUNS["all_nan"](tmp_path))
    assert found["winner"] is None
    assert {y for stint in found["stints"] for _, y in points(stint)} == {None}
    assert sum(len(points(stint)) for stint in found["stints"]) == found["run"]["reports"] == 4 * 30
    assert "NaN" not in embedded(found)


def test_a_report_of_infinity_does_not_hurt(fit):
    def jump(config):
        for value in (1.0, math.inf, -math.inf, 1e100):
            tune.report({"height": value})

    results = fit(jump, {"speed": 1.0}, scheduler=pbt())
    (stint,) = told(results.experiment_path)["stints"]
    assert stint["y"] == [1.0, None, None, 1e100]


@pytest.mark.parametrize("name", EDGE_RUNS)
def test_every_edge_run_has_a_small_page(name, tmp_path):
    page = write_report(EDGE_RUNS[name](tmp_path), tmp_path / "page.html")
    assert 100_000 < page.stat().st_size < 400_000


def test_a_page_of_32_trials_and_1000_iterations_is_below_a_megabyte_with_every_report(tmp_path):
    run_dir = large(tmp_path, trials=32, iterations=1000, interval=50)
    found = told(run_dir)
    assert found["thinned"] == 1
    assert sum(len(stint["x"]) for stint in found["stints"]) == 32 * 1000
    assert write_report(run_dir).stat().st_size < 1_000_000


def test_thinned_lines_keep_their_extremes_and_the_points_that_were_copied(tmp_path):
    run_dir = large(tmp_path, trials=8, iterations=400, interval=40)
    history = History.read(run_dir)
    whole, thin = ([*drawn] for drawn in (_stints(history, 1), _stints(history, 10)))
    assert sum(map(len, thin)) < sum(map(len, whole)) / 3
    values = [y for stint in whole for _, y in stint]
    kept = [y for stint in thin for _, y in stint]
    assert (min(kept), max(kept)) == (min(values), max(values))
    for few, all_ in zip(thin, whole, strict=True):
        assert set(few) <= set(all_)
        assert (few[:1], few[-1:]) == (all_[:1], all_[-1:])
    for stint in history.stints:
        if stint.origin:
            assert stint.start in [x for x, _ in thin[stint.origin.index]]


def _stints(history, every):
    from poptune.report_page.series import series

    return [points(stint) for stint in series(history, [], every)]


def test_the_log_is_capped_and_says_so(tmp_path):
    found = told(large(tmp_path, trials=64, iterations=130, interval=1))["log"]
    assert len(found["entries"]) == 2000
    assert found["earlier"] == 130 * 16 + 64 - 2000
    assert found["entries"][-1]["text"].endswith("has trained enough: training_iteration >= 130")


def test_failures_and_what_came_after_them_are_told(tmp_path):
    run_dir = EDGE_RUNS["failing"](tmp_path)
    found = told(run_dir)
    kinds = [entry["kind"] for entry in found["log"]["entries"]]
    with Journal.open(run_dir) as journal:
        again = [start for start in journal.records(TrialStarted) if start.cause == "recovery"]
        exploits = list(journal.records(Exploit))
    assert (kinds.count("TrialFailed"), kinds.count("TrialStarted")) == (2, len(again))
    assert kinds.count("Exploit") == len(exploits)
    assert [trial["failures"] for trial in found["trials"]] == [0, 2, 0, 0]
    assert found["outcome"] == "3 trials reached the end. 1 trial failed for good."
    assert "fell at 8" in found["trials"][1]["error"]


def test_secrets_of_configs_are_not_on_the_page(fit, tmp_path):
    space = {
        "speed": tune.uniform(0.0, 10.0),
        "auth": {"token": tune.choice(["s3cr3t-one", "s3cr3t-two"])},
        "password": "s3cr3t-three",
        "url": "pg://me:s3cr3t-four@host/x",
    }
    mutations = {"speed": space["speed"], "auth": space["auth"]}
    scheduler = pbt(hyperparam_mutations=mutations)
    results = fit(Climber, space, num_samples=4, scheduler=scheduler, stop={"training_iteration": 6})
    page = write_report(results.experiment_path, tmp_path / "page.html").read_text()
    assert "auth/token" in page
    assert "s3cr3t" not in page


def test_drawn_values_differ_as_much_as_the_reported_ones(tmp_path):
    run_dir = EDGE_RUNS["close"](tmp_path)
    history, found = History.read(run_dir), told(run_dir)
    for stint, drawn in zip(history.stints, found["stints"], strict=True):
        assert drawn["y"] == pytest.approx(stint.values["score"], abs=1e-4, rel=0)
        assert drawn["values"][1] == stint.config["day"]
    low, high = found["hyperparameters"][1]["limits"]
    assert 20240090 < low < 20240101 < 20240130 < high < 20240140


def test_what_no_axis_can_show_is_left_out_of_the_pictures_only(tmp_path):
    found = told(EDGE_RUNS["extreme"](tmp_path))
    assert {value is None for stint in found["stints"] for value in stint["y"][:3]} == {True}
    assert [trial["best"] for trial in found["trials"]] == [1e308] * 4
    assert [scale["domain"] for scale in found["hyperparameters"] if scale["name"] == "act"] == [
        "one of math.tanh, math.erf"
    ]
