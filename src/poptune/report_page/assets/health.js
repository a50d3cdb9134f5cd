"use strict";
// The health box: advice first, then the figures that it rests on.

function drawHealth() {
  const { health } = run;
  const advice = health.advice.map(({ what, remedy }) => make("li", {}, make("strong", {}, what), ` ${remedy}`));
  const calm = health.reports ? "Nothing stands out." : whyNoValues();
  document
    .querySelector("#health .body")
    .append(
      advice.length ? make("ul", { class: "advice" }, ...advice) : make("p", { class: "verdict" }, calm),
      make(
        "dl",
        { class: "meters" },
        ...meters(health).map(([name, value, note, picture]) =>
          make("div", {}, make("dt", {}, name), make("dd", {}, value, picture), make("dd", { class: "note" }, note)),
        ),
      ),
    );
}

// Return [name, value, note, picture] of each figure that says something about this run.
function meters(health) {
  const found = [];
  const trials = run.trials.length;
  const last = (values) => values[values.length - 1];
  if (trials > 1 && health.reports) {
    found.push([
      "Effective ancestors",
      last(health.ancestors).toFixed(1),
      `of ${counted(trials, "founder")}, at the end`,
      trend(health.ancestors, trials),
    ]);
  }
  if (health.judged) {
    const helped = Math.round(health.helped * health.judged);
    found.push([
      "Exploits that helped",
      `${Math.round(health.helped * 100)} %`,
      `${helped} of ${health.judged} beat their donor's score one interval later`,
      share(health.helped),
    ]);
  }
  for (const [name, values] of trials > 1 ? Object.entries(health.spread) : []) {
    found.push([
      `Spread of ${name}`,
      last(values) === null ? "–" : last(values).toFixed(2),
      "1: as if drawn evenly, 0: all the same",
      trend(values, 1),
    ]);
  }
  if (health.best !== null && health.winner_mean !== null) {
    found.push([
      "Best ever, and what to expect",
      `${short(health.best)} · ${short(health.winner_mean)}`,
      `the mean of the winner's last ${counted(health.winner_reports, "report")}`,
    ]);
  }
  if (health.not_finite)
    found.push([
      "Reports without a number",
      health.not_finite.toLocaleString("en"),
      `of ${health.reports.toLocaleString("en")}`,
    ]);
  if (health.failures) found.push(["Failures", String(health.failures), "tracebacks stand below"]);
  if (health.overdue) found.push(["Decisions that waited", String(health.overdue), "for a checkpoint"]);
  return found;
}

// A line as wide as a thumb: how a figure moved over the iterations, between 0 and a most.
function trend(values, most) {
  const [width, height] = [96, 26];
  const picture = svg("svg", { width, height, class: "trend", "aria-hidden": "true" });
  const end = run.health.iterations[values.length - 1] || 1;
  const place = (value, at) => [
    (width * run.health.iterations[at]) / end,
    height - 2 - ((height - 4) * Math.min(value, most * 1.25)) / (most * 1.25),
  ];
  const points = values.map((value, at) => (value === null ? null : place(value, at))).filter(Boolean);
  if (points.length < 2) return null;
  const steps = points
    .map(([x, y], at) => (at ? `H${x.toFixed(1)}V${y.toFixed(1)}` : `M${x} ${y.toFixed(1)}`))
    .join("");
  picture.append(svg("path", { d: steps }));
  return picture;
}

function share(part) {
  const bar = make("span", { class: "share", "aria-hidden": "true" });
  bar.style.setProperty("--part", `${part * 100}%`);
  return bar;
}
