"""The report page in a real browser: every edge run, in all sizes and looks, and everything that one can do there."""

import math
import re

import pytest

import poptune as tune
from edge_runs import ATTACK, EDGE_RUNS
from poptune.report_page import write_report
from poptune.run.history import History
from poptune.run.results import ResultGrid

SIZES = (360, 1024, 1920)


@pytest.mark.parametrize("name", EDGE_RUNS)
def test_every_edge_run_opens_in_all_sizes_and_looks(name, tmp_path, visit):
    page = write_report(EDGE_RUNS[name](tmp_path), tmp_path / "page.html")
    for width in SIZES:
        with visit(page, width) as found:
            for looks in ("light", "dark"):
                found.page.emulate_media(color_scheme=looks)
                found.move_time(1000 if looks == "light" else 400)
                assert found.find("document.documentElement.scrollWidth") <= width
                assert found.find("document.querySelectorAll('#trials tbody tr').length") >= 1
                found.page.screenshot(path=tmp_path / f"{name}_{width}_{looks}.png")


@pytest.mark.parametrize("name", ["asynchronous", "nested", "failing", "one_trial"])
def test_the_numbers_of_the_page_are_those_of_the_journal(name, tmp_path, visit):
    run_dir = EDGE_RUNS[name](tmp_path)
    history, results = History.read(run_dir), ResultGrid.from_path(run_dir)
    best = results.get_best_result()
    metric = history.objective.metric
    with visit(write_report(run_dir, tmp_path / "page.html")) as found:
        cells = found.find("""[...document.querySelectorAll("#trials tbody tr")].map(row => [Number(row.dataset.trial),
            ...[...row.querySelectorAll("td.number")].slice(0, 3).map(cell => Number(cell.dataset.value))])""")
        values = [stint.values[metric] for stint in history.stints]
        best_of = min if history.objective.mode == "min" else max
        for number, iteration, value, top in cells:
            trial = history.trials[number]
            own = [y for stint, ys in zip(history.stints, values, strict=True) if stint.trial == trial for y in ys]
            assert (iteration, value, top) == (history.population[trial].progress.iteration, own[-1], best_of(own))
        ranked = [row[2] for row in cells]
        assert ranked == sorted(ranked, reverse=history.objective.mode == "max")
        drawn = found.find("model.stints.map(stint => [stint.x, stint.y])")
        assert [x for x, _ in drawn] == [stint.iterations for stint in history.stints]
        assert [y for _, y in drawn] == [pytest.approx(ys, rel=1e-5) for ys in values]
        rows = found.find("[...document.querySelectorAll('#schedule tbody tr')].map(row => row.cells[0].textContent)")
        assert rows == [f"{part.first}\u2013{part.last}" for part in best.schedule]
        headline = float(found.find("document.querySelector('#figures dd').dataset.value"))
        assert headline == history.objective.value(history.last_score(best.trial_id))
        assert found.find("document.querySelectorAll('.log li.Exploit').length") == len(results.exploits)


def test_the_slider_shows_the_run_at_a_moment(tmp_path, visit):
    run_dir = EDGE_RUNS["asynchronous"](tmp_path)
    history = History.read(run_dir)
    with visit(write_report(run_dir, tmp_path / "page.html")) as found:
        whole = found.find("document.querySelectorAll('.log li').length")
        found.move_time(500)
        time = found.find("view.time")
        begun = [stint for stint in history.stints if stint.began_s <= time + 1e-4]
        assert 8 < len(begun) < len(history.stints)
        assert found.find("begunAt(view.time).length") == len(begun)
        seen = sum(second <= time + 1e-4 for stint in history.stints for second in stint.seconds)
        shown = found.find("begunAt(view.time).reduce((sum, stint) => sum + pointsAt(stint, view.time), 0)")
        assert shown == pytest.approx(seen, abs=2)
        assert 0 < found.find("document.querySelectorAll('.log li').length") < whole
        reached = max(
            i for stint in begun for i, second in zip(stint.iterations, stint.seconds, strict=True) if second <= time
        )
        assert found.find("document.getElementById('now').textContent").endswith(f"iteration {reached}")
        found.move_time(0)
        assert found.find("document.getElementById('now').textContent").endswith("iteration 0")
        found.page.click("#play")
        for _ in range(3):
            assert found.find("""new Promise(moved => document.getElementById("time").addEventListener("input",
                event => moved(event.target.value > 0), { once: true }))""")
        found.page.click("#play")
        found.move_time(1000)
        assert found.find("document.querySelectorAll('.log li').length") == whole


def test_pointing_at_a_trial_brings_it_out_everywhere(tmp_path, visit):
    with visit(write_report(EDGE_RUNS["asynchronous"](tmp_path), tmp_path / "page.html")) as found:
        chosen = """[current(), lineage.root.classList.contains("has-choice"),
            document.querySelector("#trials tr.chosen")?.dataset.trial]"""
        assert found.find(chosen) == [None, False, None]
        found.page.hover('#trials tr[data-trial="5"]')
        found.settle()
        assert found.find(chosen) == [5, True, "5"]
        found.page.hover("h1")
        found.settle()
        assert found.find(chosen) == [None, False, None]
        found.page.locator("#curves").scroll_into_view_if_needed()
        box = found.page.locator("#curves .u-over").bounding_box()
        y = found.find("charts[0].plot.valToPos(model.byTrial[3][0].y[2], 'y')")
        x = found.find("charts[0].plot.valToPos(model.byTrial[3][0].x[2], 'x')")
        found.page.mouse.move(box["x"] + x, box["y"] + y)
        found.settle()
        trial, *_ = found.find(chosen)
        assert trial is not None
        assert found.find("document.getElementById('tip').textContent").startswith(f"Trial 0000{trial}iteration3score")
        found.page.hover("h1")
        found.settle()
        assert found.find("document.getElementById('tip').hidden")
        found.page.hover("#lineage svg", position={"x": 300, "y": 8 + 26 * 2.5})
        found.settle()
        assert found.find(chosen) == [2, True, "2"]


def test_dragging_across_a_chart_shows_those_iterations_in_all_of_them(tmp_path, visit):
    with visit(write_report(EDGE_RUNS["nested"](tmp_path), tmp_path / "page.html")) as found:
        shown = "charts.map(({ plot }) => [plot.scales.x.min, plot.scales.x.max].map(Math.round))"
        found.page.click("text=Logarithmic")
        assert found.find(shown) == [[0, 30]] * 5
        found.page.locator("#curves").scroll_into_view_if_needed()
        box = found.page.locator("#curves .u-over").bounding_box()
        found.page.mouse.move(box["x"] + box["width"] / 3, box["y"] + 50)
        found.page.mouse.down()
        found.page.mouse.move(box["x"] + box["width"] * 2 / 3, box["y"] + 60, steps=4)
        found.page.mouse.up()
        found.settle()
        assert found.find(shown) == [[10, 20]] * 5
        assert found.find("view.followed") is None  # to drag is not to click
        found.page.mouse.dblclick(box["x"] + 50, box["y"] + 5)
        found.settle()
        assert found.find(shown) == [[0, 30]] * 5


def test_keys_alone_sort_the_table_and_follow_a_trial(tmp_path, visit):
    with visit(write_report(EDGE_RUNS["nested"](tmp_path), tmp_path / "page.html")) as found:
        order = "[...document.querySelectorAll('#trials tbody tr')].map(row => Number(row.dataset.trial))"
        sorts = "[...document.querySelectorAll('#trials th[aria-sort]')].map(th => [th.textContent, th.ariaSort])"
        assert found.find(sorts) == [["eval/loss", "ascending"]]
        found.page.focus("#trials thead th:first-child button")
        found.page.keyboard.press("Enter")
        assert (found.find(order), found.find(sorts)) == ([0, 1, 2, 3], [["trial", "ascending"]])
        found.page.keyboard.press("Enter")
        assert (found.find(order), found.find(sorts)) == ([3, 2, 1, 0], [["trial", "descending"]])
        found.page.focus('#trials tr[data-trial="2"] button')
        found.settle()
        assert found.find("current()") == 2
        found.page.keyboard.press("Enter")
        found.page.focus("#theme")
        found.settle()
        assert found.find("[current(), document.getElementById('follow').value]") == [2, "2"]
        assert found.find("document.querySelector('#trials [aria-pressed=true]').title") == found.find(
            "run.trials[2].id"
        )
        found.page.select_option("#follow", "")
        found.settle()
        assert found.find("current()") is None


@pytest.mark.parametrize("name", ["hostile", "unicode_names", "long_names"])
def test_names_are_text_wherever_they_stand(name, tmp_path, visit):
    with visit(write_report(EDGE_RUNS[name](tmp_path), tmp_path / "page.html")) as found:
        found.page.hover('#trials tr[data-trial="1"]')
        found.page.hover("#lineage svg", position={"x": 300, "y": 20})
        for details in found.page.query_selector_all("summary"):
            details.click()
        found.settle()
        assert (
            found.find(
                "document.images.length + document.querySelectorAll('iframe, object, embed, link[rel=import]').length"
            )
            == 0
        )
        assert found.find("document.scripts.length") == 13
        name_shown = found.find("document.getElementById('name').textContent")
        assert name_shown == found.find("run.run.name")
        assert "\u202e" not in found.find("document.body.innerText")
        if name == "hostile":
            assert ATTACK in name_shown
            assert ATTACK in found.find("document.title")
            places = "#curves h3, #schedules h3, #trials th, .log li, #facts dd"
            texts = found.find(f"[...document.querySelectorAll('{places}')].map(element => element.textContent)")
            assert sum(ATTACK in text for text in texts) == 17


def test_the_schedule_can_be_taken_along(tmp_path, visit):
    run_dir = EDGE_RUNS["two_trials"](tmp_path)
    schedule = ResultGrid.from_path(run_dir).get_best_result().schedule
    with visit(write_report(run_dir, tmp_path / "page.html")) as found:
        for words, name in (("Download CSV", "schedule.csv"), ("Download JSON", "schedule.json")):
            with found.page.expect_download() as download:
                found.page.click(f"text={words}")
            assert download.value.suggested_filename == name
            download.value.save_as(tmp_path / name)
    assert (tmp_path / "schedule.csv").read_text() == schedule.csv
    assert (tmp_path / "schedule.json").read_text().count('"first_iteration"') == len(schedule)


def test_the_looks_can_be_switched_and_the_page_printed(tmp_path, visit):
    with visit(write_report(EDGE_RUNS["two_trials"](tmp_path), tmp_path / "page.html")) as found:
        paper = "getComputedStyle(document.body).backgroundColor"
        light = found.find(paper)
        found.page.click("#theme")
        found.settle()
        assert found.find(paper) != light
        assert found.find("colour('paper')") == found.find(paper)
        assert found.find("document.getElementById('theme').textContent") == "Light"
        found.page.emulate_media(media="print")
        found.settle()
        assert found.find(paper) == light
        assert found.find("getComputedStyle(document.querySelector('.bar')).display") == "none"


def test_nothing_is_cut_off_on_paper_that_is_narrower_than_the_screen(tmp_path, visit):
    with visit(write_report(EDGE_RUNS["nested"](tmp_path), tmp_path / "page.html"), width=1280) as found:
        found.page.emulate_media(media="print")
        found.find("document.body.style.width = '700px'")
        found.settle()
        for what in ("canvas", "#lineage svg", "#population table", "#winner table"):
            edges = found.find(f"[...document.querySelectorAll('{what}')].map(e => e.getBoundingClientRect().right)")
            assert edges
            assert max(edges) <= 700


def test_a_log_of_thousands_is_shown_in_parts(tmp_path, visit):
    with visit(write_report(EDGE_RUNS["many_trials"](tmp_path), tmp_path / "page.html")) as found:
        count = "document.querySelectorAll('.log li').length"
        assert found.find(count) == 40
        found.page.click("text=Show more")
        assert found.find(count) > 200
        found.page.select_option("#log select", "Exploit")
        assert found.find(count) == 40
        assert re.fullmatch(r"\d+ entries", found.find("document.querySelector('#log .note').textContent"))


def test_ticks_of_close_values_differ(tmp_path, visit):
    with visit(write_report(EDGE_RUNS["close"](tmp_path), tmp_path / "page.html")) as found:
        for ticks in found.find("charts.slice(0, 3).map(({ plot }) => plot.axes[1]._values.filter(Boolean))"):
            assert len(set(ticks)) == len(ticks) > 2
        assert found.find("toldApart([-1234566.5, -1234566.25], short)") == ["…34566.5", "…34566.25"]
        assert found.find("toldApart([0, 0.5, 1], short)") == ["0", "0.5", "1"]
        assert found.find("clippedApart(['torch.nn.ReLU', 'torch.nn.Tanh'])") == ["….nn.ReLU", "….nn.Tanh"]


def test_a_value_between_others_that_are_none_is_a_dot(tmp_path, visit):
    def flicker(config):
        for n in range(1, 9):
            tune.report({"score": n if n % 4 == 2 else math.nan})

    run = tune.RunConfig(name="run", storage_path=tmp_path, executor="inline", verbose=0)
    results = tune.Tuner(flicker, tune_config=tune.TuneConfig(metric="score", mode="max"), run_config=run).fit()
    with visit(write_report(results.experiment_path, tmp_path / "page.html")) as found:
        seen = """(pen => {
            const { width, height } = pen.context.canvas;
            const drawn = pen.context.getImageData(0, 0, width, height).data;
            const above = (x, y) => drawn[4 * ((Math.round(pen.y(y)) - 2) * width + Math.round(pen.x(x))) + 3] > 0;
            return [above(2, 2), above(6, 6), above(3, 5.25)];
        })(penOf(charts[0].plot))"""
        assert found.find(seen) == [True, True, False]
        assert found.find("document.querySelector('#winner .empty').textContent") == (
            "No trial ended with a finite value of score."
        )
