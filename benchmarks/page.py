"""Put the figures of `results/latest.json` into docs/performance.md, as a table and as a picture.

python benchmarks/page.py
"""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path

from matplotlib.figure import Figure

from bench import BENCHMARKS, RESULTS, Benchmark, Figures
from own import FIGURES

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "performance.md"
PICTURE = DOCS / "images" / "performance.png"
COLOURS = {"limit": "#9aa5b1", "poptune": "#0b7285", "ray": "#d9822b"}
WAYS = {"limit": "the training alone", "poptune": "PopTune", "ray": "Ray Tune"}


def table(measured: dict[str, Figures]) -> str:
    lines = [
        "| benchmark | the training alone | start of workers | PopTune | allowed | Ray Tune | PopTune is faster |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    return "\n".join(lines + [row(one, measured[one.name]) for one in BENCHMARKS if one.name in measured])


def row(benchmark: Benchmark, figures: Figures) -> str:
    poptune = statistics.median(figures.poptune)
    limit = statistics.median(figures.limit) if figures.limit else None
    start = statistics.median(figures.start) if figures.start else None
    ray = statistics.median(figures.ray) if figures.ray else None
    allowed = benchmark.allowed(limit or 0.0, start or 0.0) if benchmark.allowed else None
    unit = "us" if benchmark.key == "us" else "s"
    asked = f" (asked: {benchmark.times_faster:g})" if benchmark.times_faster else ""
    cells = [
        benchmark.name,
        told(limit, unit),
        told(start, unit),
        f"{told(poptune, unit)} ({min(figures.poptune):.3g} to {max(figures.poptune):.3g})",
        judged(poptune, allowed, unit),
        told(ray, unit),
        f"{ray / poptune:.0f} x{asked}" if ray else "",
    ]
    return f"| {' | '.join(cells)} |"


def own_table(measured: dict[str, float]) -> str:
    lines = ["| PopTune alone | measured | allowed |", "| --- | --- | --- |"]
    for figure in FIGURES:
        if (value := measured.get(figure.name)) is not None:
            cells = [figure.name, told(value, figure.unit), judged(value, figure.allowed, figure.unit)]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def judged(value: float, allowed: float | None, unit: str) -> str:
    """Say what is allowed, and whether it is kept."""
    if allowed is None:
        return ""
    return f"{told(allowed, unit)}: {'kept' if value <= allowed else '**missed**'}"


def told(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{value:,.0f} {unit}" if value >= 1000 else f"{value:.3g} {unit}"


def picture(measured: dict[str, Figures]) -> None:
    """Draw the whole runs as bars, on a scale of powers of ten."""
    names = [each.name for each in BENCHMARKS if each.key == "seconds" and each.name in measured]
    figure = Figure(figsize=(8, 0.9 * len(names) + 1.2), layout="constrained")
    axes = figure.subplots()
    for place, (way, label) in enumerate(WAYS.items()):
        medians = [statistics.median(found) if (found := getattr(measured[name], way)) else 0 for name in names]
        heights = [index + (place - 1) * 0.27 for index in range(len(names))]
        bars = axes.barh(heights, medians, height=0.25, color=COLOURS[way], label=label)
        axes.bar_label(bars, [f"{median:.3g} s" if median else "" for median in medians], padding=3, fontsize=8)
    axes.set_xscale("log")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_xlabel("seconds (each line is ten times the one before)")
    figure.legend(loc="outside upper center", ncols=len(WAYS), frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(PICTURE, dpi=110)


def main() -> None:
    found = json.loads(RESULTS.read_text())
    measured = {name: Figures(**figures) for name, figures in found["benchmarks"].items()}
    machine = found["machine"]
    about = f"Measured on {machine['date']}: {machine['cores']} cores, {machine['system']}, Python {machine['python']}."
    tables = f"{table(measured)}\n\n{own_table(found.get('own', {}))}"
    text = f"<!-- figures -->\n\n{about}\n\n{tables}\n\n<!-- end of figures -->"
    PAGE.write_text(re.sub(r"<!-- figures -->.*<!-- end of figures -->", lambda _: text, PAGE.read_text(), flags=re.S))
    picture(measured)


if __name__ == "__main__":
    main()
