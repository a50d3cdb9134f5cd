"""Each way to look at a recorded run: no secret, no command for a terminal, no markup for a page."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from click.testing import CliRunner

import poptune as tune
from poptune.cli import commands
from poptune.run.results import ResultGrid
from runs import pbt

SECRET = "s3cr3t-of-the-config"
OTHER = "s3cr3t-too"
EVIL = "evil\x1b[2J\x07\u202e</script><img src=x onerror=alert(1)>"
OBEYED = "\x1b\x07\u202e"


def train(config):
    for step in range(1, 7):
        height = step * config["speed"]
        tune.report({"height": height, EVIL: height}, checkpoint=tune.Checkpoint.from_dict({}))
    if config["speed"] == 3.0:
        raise ValueError(EVIL)


@pytest.fixture
def run_dir(fit, tmp_path):
    space = {
        "speed": tune.grid_search([1.0, 2.0, 3.0]),
        "api_key": tune.grid_search([SECRET, OTHER]),
        "login": {"password": SECRET},
        EVIL: EVIL,
        "act": tune.choice([EVIL, EVIL + "2"]),
    }
    mutations = {"speed": tune.uniform(0.0, 10.0), "api_key": [SECRET, OTHER], "act": [EVIL, EVIL + "2"]}
    fit(train, space, scheduler=pbt(interval=2, hyperparam_mutations=mutations), name="run")
    return tmp_path / "run"


VIEWS = {
    "ls {parent}": "run",
    "ls {parent} --json": "run",
    "show {run}": "\\x1b[2J",
    "show {run} --json": "***",
    "replay {run}": "***",
}


@pytest.mark.parametrize(("view", "shown"), VIEWS.items())
def test_a_command_shows_no_secret_and_gives_the_terminal_no_command(run_dir, view, shown):
    arguments = [part.format(parent=run_dir.parent, run=run_dir) for part in view.split()]
    ran = CliRunner().invoke(commands, arguments)
    assert ran.exit_code == 0, ran.output
    assert shown in ran.output
    assert SECRET not in ran.output
    assert OTHER not in ran.output
    assert not set(ran.output) & set(OBEYED)


class Markup(HTMLParser):
    """Collects the tags of a page, and what they would execute."""

    def __init__(self):
        super().__init__()
        self.tags, self.handlers, self.addresses = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.addresses += [value for name, value in attrs if name in ("src", "href") and value and "://" in value]


def test_the_report_shows_no_secret_and_obeys_nothing(run_dir):
    page = run_dir.parent / "page.html"
    ran = CliRunner().invoke(commands, ["report", str(run_dir), "-o", str(page)])
    assert ran.exit_code == 0, ran.output
    text = page.read_text(encoding="utf-8")
    assert "***" in text
    assert SECRET not in text
    assert OTHER not in text
    assert not set(text) & set("\x1b\x07")
    markup = Markup()
    markup.feed(text)
    assert markup.handlers == []
    assert not re.search(r"<img src=x", text)


def test_what_notebooks_show_of_results_obeys_nothing_and_has_no_secret(run_dir):
    results = ResultGrid.from_path(run_dir)
    shown = [repr(results), *map(repr, results), str(results[0].schedule)]
    for thing in (results, results[0], results[0].schedule):
        if show := getattr(thing, "_repr_html_", None):
            html = show()
            assert "<img" not in html
            shown.append(html)
    for text in shown:
        assert SECRET not in text
        assert OTHER not in text
        assert not set(text) & set(OBEYED)
