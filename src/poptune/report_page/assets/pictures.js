"use strict";
// The charts of a run: learning curves, one per hyperparameter, and how much of the population goes back to whom.

function heading(figure, title, words, ...extra) {
  figure.append(make("figcaption", {}, make("h3", {}, title), make("p", {}, words), ...extra));
  return figure.appendChild(make("div", { class: "plot", role: "img", "aria-label": `${title}. ${words}` }));
}

// Learning curves

function drawCurves() {
  const figure = byId("curves");
  const values = model.stints.flatMap((stint) => stint.y.filter((value) => value !== null));
  if (!values.length) return void emptyFigure(figure, "Learning curves", whyNoValues());
  const sense = run.run.mode === "min" ? "lower" : "higher";
  const usual = usualRange(values);
  let full = !usual;
  const toggle = usual && make("button", { type: "button", class: "quiet", "aria-pressed": "false" }, "Show outliers");
  const host = heading(
    figure,
    run.run.metric,
    `What each trial reported, ${sense} is better. A clone's line begins at the value of the weights that it copied.` +
      " Dotted: the best so far.",
    toggle,
  );
  const made = chart(host, {
    height: 340,
    bounds: () => padded(full ? [Math.min(...extremes(values)), Math.max(...extremes(values))] : usual),
    draw: (pen) => inside(pen, (context) => {
      drawStints(pen, (stint, time, last) => curve(pen, stint, time, last));
      const best = new Path2D();
      for (const [x, y] of bestSoFar(view.time)) best.lineTo(pen.x(x), pen.y(y));
      stroke(pen, best, { name: "ink", width: 1.2, dash: [1.5, 3] });
    }),
    find: nearestPoint,
  });
  toggle?.addEventListener("click", () => {
    full = !full;
    toggle.setAttribute("aria-pressed", String(full));
    made.plot.redraw(false, true);
    made.plot.setScale("y", { min: 0, max: 1 });
  });
}

function extremes(values) {
  return values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
}

// Return the range of nearly all values if the others would flatten the picture, else nothing.
function usualRange(values) {
  const sorted = Float64Array.from(values).sort();
  const part = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  const [low, high] = [part(0.01), part(0.97)];
  return high > low && sorted[sorted.length - 1] - sorted[0] > 6 * (high - low) ? [Math.max(low - (high - low), sorted[0]), high + 0.2 * (high - low)] : null;
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
    if (!isDown && !(stint.y[i + 1] ?? null)) path.lineTo(x + 0.01, y);
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

function whyNoValues() {
  if (!run.run.metric) return "The run has no metric: nobody was ranked.";
  return run.run.reports ? `No report had a finite value of ${run.run.metric}.` : "Nobody has reported yet.";
}

function emptyFigure(figure, title, words) {
  figure.append(make("figcaption", {}, make("h3", {}, title)), make("p", { class: "empty" }, words));
}

// Hyperparameters

function drawSchedules() {
  const figures = run.hyperparameters.map(() => byId("schedules").appendChild(make("figure"))); // all, before any is measured
  run.hyperparameters.forEach((hyperparameter, number) => {
    const figure = figures[number];
    const places = model.stints.map((stint) => stint.values[number]).filter((place) => place !== null);
    const words = hyperparameter.domain || "In force over iterations.";
    if (!places.length) return void emptyFigure(figure, hyperparameter.name, "It has no values.");
    const host = heading(figure, hyperparameter.name, words);
    chart(host, {
      height: 210,
      log: hyperparameter.log,
      lanes: hyperparameter.lanes,
      bounds: () => hyperparameter.limits,
      draw: (pen) => inside(pen, () => {
        for (const bound of hyperparameter.bounds ?? []) {
          const line = new Path2D();
          line.moveTo(pen.left, pen.y(bound));
          line.lineTo(pen.left + pen.width, pen.y(bound));
          stroke(pen, line, { name: "muted", dash: [3, 4] });
        }
        drawStints(pen, (stint, time, last) => level(pen, hyperparameter, number, stint, time, last));
        drawMarks(pen, hyperparameter, number);
      }),
      find: (x, y, pen) => nearestLevel(x, y, pen, hyperparameter, number),
    });
  });
}

// Where a stint lies: in a lane of texts, each trial has a height of its own.
function heightOf(hyperparameter, number, stint) {
  const place = stint.values[number];
  if (place === null || !hyperparameter.lanes.length) return place;
  return place + 0.7 * ((stint.trial + 0.5) / run.trials.length - 0.5);
}

function level(pen, hyperparameter, number, stint, time, until) {
  const path = new Path2D();
  const place = heightOf(hyperparameter, number, stint);
  const last = Math.min(until, reached(stint, time));
  if (place === null || last < stint.start) return path;
  const y = pen.y(place);
  path.moveTo(pen.x(stint.start), y);
  path.lineTo(Math.max(pen.x(last), pen.x(stint.start) + 4 * pen.ratio), y);
  return path;
}

// At the beginning of each stint: a dot if the value was perturbed, a ring if it was drawn anew.
function drawMarks(pen, hyperparameter, number) {
  const { context, ratio } = pen;
  const radius = (model.stints.length > 400 ? 1.6 : 2.4) * ratio;
  for (const stint of begunAt(view.time)) {
    const [mark, place] = [stint.marks[number], heightOf(hyperparameter, number, stint)];
    if (mark === "-" || place === null) continue;
    context.beginPath();
    context.arc(pen.x(stint.start), pen.y(place), radius, 0, 2 * Math.PI);
    context.globalAlpha = strength(stint.trial);
    context.fillStyle = colour(mark === "p" ? familyName(stint.founder) : "paper");
    context.fill();
    context.strokeStyle = colour(familyName(stint.founder));
    context.lineWidth = 1.2 * ratio;
    context.stroke();
    context.globalAlpha = 1;
  }
}

function nearestLevel(x, y, pen, hyperparameter, number) {
  const iteration = pen.x0 + ((x - pen.left) / pen.width) * (pen.x1 - pen.x0);
  let found = null;
  let least = 20 * pen.ratio;
  for (const stint of begunAt(view.time)) {
    const place = heightOf(hyperparameter, number, stint);
    if (place === null || iteration < stint.start || iteration > reached(stint, view.time)) continue;
    const away = Math.abs(pen.y(place) - y);
    if (away <= least) [least, found] = [away, { trial: stint.trial, stint, iteration: Math.round(iteration) }];
  }
  return found;
}

// Ancestors

function drawAncestors() {
  const figure = byId("ancestors");
  if (!model.stints.some((stint) => stint.x.length)) return void emptyFigure(figure, "Ancestors", "Nobody has reported yet.");
  const host = heading(figure, "Ancestors", "Share of the trials whose weights go back to each founder.");
  let bands = [];
  chart(host, {
    height: 220,
    bounds: () => [0, 1],
    format: (share) => `${Math.round(share * 100)} %`,
    draw: (pen) => inside(pen, (context) => {
      bands = ancestorBands(view.time);
      const chosen = current();
      for (const { founder, steps } of bands) {
        const area = new Path2D();
        steps.forEach(({ x, low }, at) => {
          if (at) area.lineTo(pen.x(x), pen.y(steps[at - 1].low));
          area[at ? "lineTo" : "moveTo"](pen.x(x), pen.y(low));
        });
        [...steps].reverse().forEach(({ x, high }, at, all) => {
          area.lineTo(pen.x(x), pen.y(high));
          if (at + 1 < all.length) area.lineTo(pen.x(x), pen.y(all[at + 1].high));
        });
        area.closePath();
        context.globalAlpha = chosen === null || founder.trial === chosen || stintAt(chosen, view.time).founder === founder ? 0.85 : 0.25;
        context.fillStyle = colour(familyName(founder));
        context.fill(area);
        context.globalAlpha = 1;
        stroke(pen, area, { name: "paper", width: 0.8 });
      }
    }),
    find: (x, y, pen) => bandAt(x, y, pen, bands),
  });
}

const MOST_STEPS = 400;

// Return for each founder, those that matter most first, where its share lies at each change: [{x, low, high}].
function ancestorBands(time) {
  const lines = foundersOverIterations(time);
  const all = lines.flatMap((line) => line.flatMap(({ from }, at) => (at + 1 < line.length ? [from] : [from, line[at].until])));
  const changes = [...new Set(all)].sort((a, b) => a - b);
  const every = Math.ceil(changes.length / MOST_STEPS);
  const moments = changes.filter((_, at) => at % every === 0 || at + 1 === changes.length);
  const bands = new Map(model.founders.map((founder) => [founder, []]));
  for (const x of moments) {
    const there = lines.map((line) => founderAt(line, x)).filter(Boolean);
    let low = 0;
    for (const [founder, steps] of bands) {
      const high = low + there.filter((other) => other === founder).length / (there.length || 1);
      steps.push({ x, low, high });
      low = high;
    }
  }
  return [...bands].map(([founder, steps]) => ({ founder, steps })).filter(({ steps }) => steps.some(({ low, high }) => high > low));
}

// Return whose weights a trial had at an iteration; nothing if it never came that far.
function founderAt(line, iteration) {
  const part = line.filter(({ from }) => from <= iteration).pop();
  if (!part) return null;
  return part === line[line.length - 1] && part.until < iteration ? null : part.founder;
}

function bandAt(x, y, pen, bands) {
  const iteration = pen.x0 + ((x - pen.left) / pen.width) * (pen.x1 - pen.x0);
  const share = 1 - (y - pen.top) / pen.height;
  for (const { founder, steps } of bands) {
    const step = steps.filter((candidate) => candidate.x <= iteration).pop();
    if (!step || share < step.low || share >= step.high) continue;
    const rows = [["iteration", String(Math.round(iteration))], ["share", `${Math.round((step.high - step.low) * 100)} %`]];
    return { trial: founder.trial, rows };
  }
  return null;
}
