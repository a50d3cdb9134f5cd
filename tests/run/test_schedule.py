"""A schedule in a CSV file: what is written comes back, and what a person writes by hand is understood."""

from __future__ import annotations

import codecs
import csv
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poptune.core.lineage import Segment
from poptune.core.nested import leaves
from poptune.errors import MissingExtra, OptionError
from poptune.run.schedule import Schedule

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.sampled_from(["1", "true", "null", "", '"', "NaN", "a,b", "[1]", "{}", " 1 ", "\n", "nan", '{"$":"float"}']),
    st.lists(st.integers(), max_size=2),
    st.tuples(st.integers(), st.text()),
    st.just({}),
)
names = st.text(min_size=1).filter(lambda name: not name.startswith("$"))
configs = st.dictionaries(names, st.one_of(values, st.dictionaries(names, values, min_size=1)), max_size=3)


def schedule_of(*stretches):
    first, segments = 1, []
    for last, config in stretches:
        segments.append(Segment("a", first, last, config, segments[-1].trial if segments else None))
        first = last + 1
    return Schedule(tuple(segments))


@given(configs, configs)
def test_types_and_nesting_come_back(tmp_path_factory, before, after):
    path = tmp_path_factory.mktemp("csv") / "schedule.csv"
    schedule = schedule_of((5, before), (9, after))
    schedule.to_csv(path)
    assert told(Schedule.from_csv(path)) == told(schedule)


def told(schedule):
    """Return a schedule as text, in which True differs from 1; the order of the keys does not matter."""
    return [(repr(s.trial), s.first, s.last, s.donor, sorted(map(repr, leaves(s.config)))) for s in schedule]


def test_it_is_a_plain_table(tmp_path):
    schedule = schedule_of((5, {"lr": 0.1, "net": {"act": "relu", "on": True}}), (9, {"lr": 2, "clip": None}))
    schedule.to_csv(tmp_path / "schedule.csv")
    with open(tmp_path / "schedule.csv", newline="") as file:
        assert list(csv.reader(file)) == [
            ["first_iteration", "last_iteration", "trial", "donor", "lr", "net/act", "net/on", "clip"],
            ["1", "5", "a", "", "0.1", "relu", "true", ""],
            ["6", "9", "a", "a", "2", "", "", "null"],
        ]


def test_a_table_that_a_spreadsheet_saved_is_read(tmp_path):
    """It begins with a mark of its encoding then, and its lines end in two characters."""
    schedule = Schedule((Segment("a", 1, 5, {"lr": 0.1}, None), Segment("b", 6, 10, {"lr": 0.08}, "a")))
    (tmp_path / "schedule.csv").write_bytes(codecs.BOM_UTF8 + schedule.csv.replace("\n", "\r\n").encode())
    assert Schedule.from_csv(tmp_path / "schedule.csv") == schedule


def test_text_that_looks_like_something_else_stays_text():
    cells = schedule_of((1, {"a": "1", "b": 1, "c": "true", "d": "plain"})).csv.splitlines()[1]
    assert next(csv.reader([cells]))[4:] == ['"1"', "1", '"true"', "plain"]


HEADER = "first_iteration,last_iteration,trial,donor,lr\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "its first line must begin with first_iteration,last_iteration,trial,donor"),
        ("lr,momentum\n1,2\n", "its first line must begin"),
        (HEADER, "must begin with 1"),
        (HEADER + "2,5,a,,0.1\n", "must begin with 1"),
        (HEADER + "1,5,a,,0.1\n7,9,a,a,0.1\n", "leave nothing out"),
        (HEADER + "1,5,a,,0.1\n6,9,a\n", "line 3 of .* has 3 values, not 5"),
        (HEADER + "1,x,a,,0.1\n", "line 2 of .* must begin with two iterations, not '1' and 'x'"),
    ],
)
def test_what_is_no_schedule_is_refused(tmp_path, text, message):
    (tmp_path / "schedule.csv").write_text(text)
    with pytest.raises(OptionError, match=message):
        Schedule.from_csv(tmp_path / "schedule.csv")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(OptionError, match=r"Cannot read the schedule .*none.csv: No such file"):
        Schedule.from_csv(tmp_path / "none.csv")


# Pictures


def drawn(axes):
    """Return the stretches in a panel: (first, last, height), and whose colour they have."""
    stretches = [line for line in axes.get_lines() if line.get_linewidth() > 1]
    return [(*(float(x) for x in line.get_xdata()), float(line.get_ydata()[0])) for line in stretches], [
        line.get_color() for line in stretches
    ]


def test_one_call_draws_every_stretch_in_the_colour_of_its_trial():
    configs = [{"lr": 0.5, "act": "relu", "depth": 2}, {"lr": 0.001, "act": None, "depth": 2}]
    segments = [
        Segment("a", 1, 4, configs[0], None),
        Segment("b", 5, 9, configs[1], "a"),
        Segment("a", 10, 12, configs[0], "b"),
    ]
    figure = Schedule(tuple(segments)).plot()
    lr, act = figure.axes
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["lr", "act"]  # the depth does not change
    stretches, colors = drawn(lr)
    assert stretches == [(0, 4, 0.5), (4, 9, 0.001), (9, 12, 0.5)]
    assert colors[0] == colors[2] != colors[1]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]
    assert lr.get_yscale() == "log"
    assert [height for _, _, height in drawn(act)[0]] == [0, 1, 0]
    assert [label.get_text() for label in act.get_yticklabels()] == ["relu", "None"]


def test_a_picture_can_be_written_to_a_file(tmp_path):
    schedule_of((4, {"lr": 0.1}), (8, {"lr": 0.2})).plot().savefig(tmp_path / "schedule.png")
    assert (tmp_path / "schedule.png").stat().st_size > 1000


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtra, match=r'pip install "poptune\[plots\]"'):
        schedule_of((4, {"lr": 0.1})).plot()
