"use strict";
// Learning curves: what each trial reported, and the best so far.

function drawCurves() {
  const figure = byId("curves");
  const values = model.stints.flatMap((stint) => stint.y.filter((value) => value !== null));
  if (!values.length) return void emptyFigure(figure, "Learning curves", whyNoValues());
  const whole = extremes(values);
  const usual = usualRange(values);
  const wants = { all: !usual, log: false };
  let made = null;
  const redraw = () => {
    if (made) removeChart(made);
    const bounds = wants.all ? whole : usual;
    made = curvesChart(host, wants.log ? [bounds[0] / 1.1, bounds[1] * 1.1] : padded(bounds), wants.log);
  };
  const switches = make(
    "div",
    { class: "switches" },
    usual && toggle("Show outliers", (on) => ((wants.all = on), redraw())),
    whole[0] > 0 && whole[1] / whole[0] > 5 && toggle("Logarithmic", (on) => ((wants.log = on), redraw())),
  );
  const words =
    `What each trial reported, ${run.run.mode === "min" ? "lower" : "higher"} is better. A clone's line begins at the value` +
    " of the weights that it copied. Dotted: the best so far.";
  const host = heading(figure, run.run.metric, words, switches);
  redraw();
}

function curvesChart(host, bounds, log) {
  return chart(host, {
    height: 340,
    log,
    bounds: () => bounds,
    draw: (pen) =>
      inside(pen, () => {
        drawStints(pen, (stint, time, last) => curve(pen, stint, time, last));
        const best = new Path2D();
        for (const [x, y] of bestSoFar(view.time)) best.lineTo(pen.x(x), pen.y(y));
        stroke(pen, best, { name: "ink", width: 1.2, dash: [1.5, 3] });
      }),
    find: nearestPoint,
  });
}

// A button that is on or off.
function toggle(words, change) {
  const button = make("button", { type: "button", class: "quiet", "aria-pressed": "false" }, words);
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") === "false";
    button.setAttribute("aria-pressed", String(on));
    change(on);
  });
  return button;
}

function extremes(values) {
  return values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
}

// Return the range of nearly all values if the others would flatten the picture, else nothing.
function usualRange(values) {
  const sorted = Float64Array.from(values).sort();
  const part = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  const [low, high] = [part(0.01), part(0.97)];
  return high > low && sorted[sorted.length - 1] - sorted[0] > 6 * (high - low)
    ? [Math.max(low - (high - low), sorted[0]), high + 0.2 * (high - low)]
    : null;
}

function padded([low, high]) {
  const room = high > low ? (high - low) * 0.05 : Math.abs(high) * 0.1 || 1;
  return [low - room, high + room];
}

// Return the line of a stint, from the value of the weights that it copied; a single point becomes a dot.
function curve(pen, stint, time, until) {
  const path = new Path2D();
  const count = pointsAt(stint, time);
  const before = stint.origin && count ? valueAt(stint.origin, stint.start) : null;
  let isDown = before !== null;
  if (isDown) path.moveTo(pen.x(stint.start), pen.y(before));
  for (let i = 0; i < count && stint.x[i] <= until; i++) {
    if (stint.y[i] === null) {
      isDown = false;
      continue;
    }
    const [x, y] = [pen.x(stint.x[i]), pen.y(stint.y[i])];
    if (isDown) path.lineTo(x, y);
    else path.moveTo(x, y);
    const isLast = i + 1 >= count || stint.x[i + 1] > until || stint.y[i + 1] === null;
    if (!isDown && isLast) path.arc(x, y, 1.5 * pen.ratio, 0, 2 * Math.PI);
    isDown = true;
  }
  return path;
}

function nearestPoint(x, y, pen) {
  const reach = 28 * pen.ratio;
  const iteration = pen.x0 + ((x - pen.left) / pen.width) * (pen.x1 - pen.x0);
  let found = null;
  let least = reach;
  for (const stint of begunAt(view.time)) {
    const count = pointsAt(stint, view.time);
    if (!count || iteration < stint.start - 1 || iteration > stint.x[count - 1] + 1) continue;
    const after = Math.min(countUpTo(stint.x, iteration), count - 1);
    for (const at of [after - 1, after]) {
      if (at < 0 || stint.y[at] === null) continue;
      const away = Math.hypot((pen.x(stint.x[at]) - x) / 2, pen.y(stint.y[at]) - y);
      if (away < least) [least, found] = [away, { trial: stint.trial, stint, iteration: stint.x[at] }];
    }
  }
  return found;
}
