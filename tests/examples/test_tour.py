"""The tour notebook runs from the first cell to the last, and shows what is kept in it."""

from __future__ import annotations

import nbformat
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

import execute_tour
from watching import words


def outputs(book):
    return {cell.id: cell.outputs for cell in book.cells if cell.cell_type == "code"}


def printed(outputs):
    return "".join(output["text"] for output in outputs if output["output_type"] == "stream")


@pytest.mark.timeout(180)
def test_the_tour_shows_what_is_kept_in_it():
    kept = nbformat.read(execute_tour.TOUR, as_version=4)
    before, now = outputs(kept), outputs(execute_tour.executed(kept))
    for cell, shown in before.items():
        assert [sorted(output.get("data", ())) for output in now[cell]] == [
            sorted(output.get("data", ())) for output in shown
        ]
    schedule, comparison = before["cell-08"], before["cell-16"]
    (shown,) = now["cell-08"]
    assert words(shown["data"]["text/html"]) == words(schedule[0]["data"]["text/html"])
    assert printed(now["cell-16"]) == printed(comparison)


def test_what_is_kept_is_small_and_tells_nothing_of_where_it_was_executed():
    text = execute_tour.TOUR.read_text(encoding="utf-8")
    assert len(text) < 150_000
    assert "/tmp/" not in text
    assert execute_tour.HOME in text
