"""The report page is one file that needs nothing else, runs nothing but its own scripts, and takes names for text."""

import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.resources import files
from typing import ClassVar

import pytest

import poptune as tune
from edge_runs import ATTACK, EDGE_RUNS
from poptune.errors import StorageError
from poptune.report_page import write_report
from poptune.report_page.page import html
from poptune.storage.journal import FILE_NAME, Journal
from poptune.testing.toys import Climber
from runs import pbt

ASSETS = files("poptune.report_page") / "assets"


class Elements(HTMLParser):
    """Collects the elements of a page, and the text of its scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts, self._is_script = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._is_script = tag == "script"
        if self._is_script:
            self.scripts.append((dict(attrs).get("type"), []))

    def handle_data(self, data):
        if self._is_script:
            self.scripts[-1][1].append(data)

    def handle_endtag(self, tag):
        self._is_script = False


def test_what_is_vendored_is_what_was_published():
    listed = dict(line.split()[::-1] for line in (ASSETS / "vendored.sha256").read_text().splitlines())
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in ASSETS.iterdir() if "uPlot" in path.name
    }
    assert found == listed
    assert "Permission is hereby granted" in (ASSETS / "uPlot.LICENSE").read_text()


def test_the_page_asks_for_nothing_and_allows_only_its_own_scripts_and_styles(tmp_path):
    page = Elements(write_report(EDGE_RUNS["two_trials"](tmp_path)).read_text())
    policy = next(a["content"] for t, a in page.tags if t == "meta" and "http-equiv" in a)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert re.fullmatch(r"('sha256-[\w+/=]+' ?)+", rules["script-src"])
    assert re.fullmatch(r"('sha256-[\w+/=]+' ?)+", rules["style-src"])
    assert len([kind for kind, _ in page.scripts if kind is None]) == len(rules["script-src"].split())
    addresses = [v for _, a in page.tags for k, v in a.items() if k in ("src", "href")]
    assert addresses == ["data:,", "#replay"]


def test_names_cannot_leave_the_element_that_holds_the_data(tmp_path):
    plain = Elements(write_report(EDGE_RUNS["two_trials"](tmp_path)).read_text())
    hostile = Elements(write_report(EDGE_RUNS["hostile"](tmp_path), tmp_path / "hostile.html").read_text())
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in plain.tags]
    data = data_of((tmp_path / "hostile.html").read_text())
    assert ATTACK in data["run"]["name"]
    assert ATTACK in data["run"]["metric"]


def test_a_number_that_is_not_finite_is_refused_rather_than_written():
    with pytest.raises(ValueError, match="not JSON compliant"):
        html({"value": float("nan")})


def test_the_page_goes_where_it_is_told(tmp_path):
    run_dir = EDGE_RUNS["one_trial"](tmp_path)
    assert write_report(run_dir) == run_dir / "report.html"
    assert write_report(str(run_dir), str(tmp_path / "mine.html")) == tmp_path / "mine.html"
    with pytest.raises(StorageError, match=r"Cannot write the report .*no/such/folder.* No such file or directory"):
        write_report(run_dir, tmp_path / "no" / "such" / "folder" / "page.html")


def test_writing_a_page_leaves_the_run_as_it_is(tmp_path):
    run_dir = EDGE_RUNS["crashed"](tmp_path)
    before = {path: path.read_bytes() for path in run_dir.rglob("*") if path.is_file()}
    write_report(run_dir, tmp_path / "page.html")
    assert {path: path.read_bytes() for path in before} == before
    after = {path.name for path in run_dir.rglob("*") if path.is_file() and path not in before}
    assert after <= {"journal.sqlite-shm", "journal.sqlite-wal"}  # SQLite's own, made by whoever reads


def test_a_run_that_goes_on_has_a_page_too(fit, tmp_path):
    class Curious(tune.Callback):
        pages: ClassVar[list[str]] = []

        def on_trial_result(self, iteration, trials, trial, result, **info):
            self.pages.append(write_report(tmp_path / "run", tmp_path / "page.html").read_text())

    space = {"speed": tune.grid_search([1.0, 2.0])}
    fit(Climber, space, scheduler=pbt(), stop={"training_iteration": 6}, name="run", callbacks=[Curious()])
    first, *_, last = (data_of(page)["run"] for page in Curious.pages)
    assert (first["state"], last["state"]) == ("running", "running")
    assert 1 <= first["reports"] < last["reports"] <= 12
    assert data_of(write_report(tmp_path / "run").read_text())["run"]["state"] == "finished"


def data_of(page):
    return json.loads("".join(next(text for kind, text in Elements(page).scripts if kind == "application/json")))


def test_what_is_no_run_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(StorageError, match="does not exist"):
        write_report(tmp_path / "nothing")
    with pytest.raises(StorageError, match="is not the directory of a PopTune run"):
        write_report(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / FILE_NAME).touch()
    with pytest.raises(StorageError, match="Cannot read the journal"):
        write_report(tmp_path / "empty")


def test_a_run_of_a_newer_version_and_a_damaged_one_are_refused_in_a_sentence(tmp_path):
    newer = EDGE_RUNS["one_trial"](tmp_path)
    with Journal.resume(newer) as journal:
        journal.note("format", 99)
    with pytest.raises(StorageError, match="was written by a newer version of PopTune"):
        write_report(newer)
    damaged = EDGE_RUNS["two_trials"](tmp_path)
    with open(damaged / FILE_NAME, "r+b") as file:
        file.truncate(5000)
    with pytest.raises(StorageError, match="Cannot read the journal"):
        write_report(damaged)
    assert not (damaged / "report.html").exists()


def test_the_page_needs_no_matplotlib(tmp_path):
    run_dir = EDGE_RUNS["nested"](tmp_path)
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from poptune.report_page import write_report\n"
        f"print(write_report({str(run_dir)!r}).name)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("report.html\n", "")
