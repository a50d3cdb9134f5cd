"use strict";
// Charts: uPlot gives axes, zoom and a shared cursor; what is drawn inside comes from the model.

const charts = [];
const GUTTER = () => (innerWidth < 600 ? 52 : 68); // room for the labels of the y axes, the same in all pictures

const MARGIN = 16; // at the right: for half of the last label

// Make a chart in an element.
//   height: in pixels. bounds: () => [low, high] of the y axis. log: whether it is logarithmic. lanes: its names, if any.
//   draw(pen): draws. find(x, y, pen): returns what is at a place, {trial, stint, iteration}, or null.
function chart(host, { height, bounds, log = false, lanes = [], format = short, draw, find }) {
  const axis = { stroke: () => colour("muted"), font: "12px system-ui, sans-serif", ticks: { show: false } };
  const isRound = (value) => !log || Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-9;
  const grid = {
    stroke: () => colour("line"),
    width: 1,
    filter: (_, ticks) => ticks.map((at) => (at !== null && isRound(at) ? at : null)),
  };
  const plot = new uPlot(
    {
      width: Math.max(200, host.clientWidth),
      height,
      legend: { show: false },
      padding: [8, MARGIN, 0, 0],
      cursor: { sync: { key: "run" }, points: { show: false }, drag: { x: true, y: false }, y: false },
      scales: {
        x: { time: false, range: (_, low, high) => [low ?? 0, high ?? model.iterations] },
        y: { distr: log ? 3 : 1, range: () => bounds() },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: 28,
          space: 60,
          values: (_, ticks) => ticks.map((at) => (Number.isInteger(at) ? String(at) : "")),
        },
        {
          ...axis,
          grid,
          size: GUTTER,
          space: 32,
          ...(lanes.length ? { splits: () => lanes.map((_, at) => at), filter: (_, ticks) => ticks } : {}),
          values: (_, ticks) =>
            lanes.length
              ? ticks.map((at) => (at === null ? null : clippedApart(lanes)[at]))
              : log
                ? ticks.map((at) => (at === null ? null : isLabelled(at) ? format(at) : ""))
                : toldApart(ticks, format),
        },
      ],
      series: [{}, { paths: () => null, points: { show: false } }],
      hooks: { draw: [(u) => draw(penOf(u, log))] },
    },
    [[0, model.iterations], bounds()],
    host,
  );
  listen(plot, log, find);
  const made = { plot, host, height };
  charts.push(made);
  return made;
}

function removeChart(made) {
  charts.splice(charts.indexOf(made), 1);
  made.plot.destroy();
}

// Return the texts of ticks, in more digits where few would not be true; what they then have in common may be left out.
function toldApart(ticks, format) {
  const near = Math.abs(ticks[1] - ticks[0]) / 100;
  const isTrue = (texts) => !texts.some((text, at) => Math.abs(Number(text) - ticks[at]) > near);
  let texts = ticks.map(format);
  for (let digits = 5; !isTrue(texts) && digits <= 17; digits++)
    texts = ticks.map((at) => String(Number(at.toPrecision(digits))));
  const most = GUTTER() < 60 ? 6 : 9;
  if (texts.every((text) => text.length <= most)) return texts;
  const longest = Math.max(...texts.map((text) => text.length));
  let common = 0;
  while (texts.length > 1 && texts.every((text) => text[common] === texts[0][common])) common++;
  const from = Math.min(common, longest - most + 1);
  return texts.map((text) => (from > 1 ? `…${text.slice(from)}` : text));
}

// Whether a tick of a logarithmic axis is one of the round numbers that have labels.
function isLabelled(value) {
  const digit = value / 10 ** Math.floor(Math.log10(value) + 1e-9);
  return [1, 2, 5].some((round) => Math.abs(digit - round) < 1e-6);
}

function clipped(text) {
  const most = GUTTER() < 60 ? 6 : 9;
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

// Clip the names of lanes at their ends, or else, if that leaves some alike, at their beginnings.
function clippedApart(texts) {
  const short = texts.map(clipped);
  const most = GUTTER() < 60 ? 6 : 9;
  if (new Set(short).size === texts.length) return short;
  return texts.map((text) => (text.length > most ? `…${text.slice(1 - most)}` : text));
}

// Return a pen: the context of a chart, cut to its frame, with its scales as functions.
function penOf(plot, log) {
  const { left, top, width, height } = plot.bbox;
  const { min: x0, max: x1 } = plot.scales.x;
  const { min: y0, max: y1 } = plot.scales.y;
  const scale = log ? Math.log10 : (value) => value;
  const [low, high] = [scale(y0), scale(y1)];
  const x = (value) => left + ((value - x0) / (x1 - x0)) * width;
  const y = (value) => top + height - ((scale(value) - low) / (high - low)) * height;
  return { context: plot.ctx, plot, x, y, left, top, width, height, x0, x1, y0, y1, ratio: devicePixelRatio || 1 };
}

// Draw inside the frame of a chart only.
function inside(pen, draw) {
  pen.context.save();
  pen.context.beginPath();
  pen.context.rect(pen.left, pen.top, pen.width, pen.height);
  pen.context.clip();
  draw(pen.context);
  pen.context.restore();
}

function stroke(pen, path, { name, width = 1, alpha = 1, dash = [] }) {
  const { context, ratio } = pen;
  context.globalAlpha = alpha;
  context.strokeStyle = colour(name);
  context.lineWidth = width * ratio;
  context.lineJoin = "round";
  context.setLineDash(dash.map((length) => length * ratio));
  context.stroke(path);
  context.setLineDash([]);
  context.globalAlpha = 1;
}

function listen(plot, log, find) {
  const area = plot.over;
  const at = (event) => {
    const box = area.getBoundingClientRect();
    const pen = penOf(plot, log);
    return find(
      (event.clientX - box.left) * pen.ratio + pen.left,
      (event.clientY - box.top) * pen.ratio + pen.top,
      pen,
    );
  };
  area.addEventListener("pointermove", (event) => {
    const found = at(event);
    point(found ? found.trial : null);
    if (found) showTip(event, `Trial ${label(found.trial)}`, found.rows ?? tipRows(found.stint, found.iteration));
    else hideTip();
  });
  area.addEventListener("pointerleave", () => (point(null), hideTip()));
  let pressed = 0;
  area.addEventListener("pointerdown", (event) => (pressed = event.clientX));
  area.addEventListener("click", (event) => {
    const found = Math.abs(event.clientX - pressed) < 4 ? at(event) : null;
    if (found) toggleFollow(found.trial);
  });
}

// How strongly a trial's lines are drawn: others step back while one stands out.
function strength(trial) {
  const chosen = current();
  if (chosen !== null) return chosen === trial ? 1 : 0.18;
  return Math.max(0.3, Math.min(0.9, 6 / Math.sqrt(run.trials.length)));
}

// Return a function that gives a stint's path, and makes none anew while only the trial that stands out changes.
const memories = new WeakMap();
function remembered(pen, path) {
  const { x0, x1, y0, y1, width, height } = pen;
  const frame = [view.time, x0, x1, y0, y1, width, height].join();
  if (memories.get(pen.plot)?.frame !== frame) memories.set(pen.plot, { frame, paths: new Map() });
  const { paths } = memories.get(pen.plot);
  return (stint, last) => {
    const key = `${stint.index} ${last}`;
    if (!paths.has(key)) paths.set(key, path(stint, view.time, last));
    return paths.get(key);
  };
}

// Draw all that has begun: first the crowd, then the winner's lineage, then the trial that stands out.
//   path(stint, time, last): returns the Path2D of a stint up to an iteration.
function drawStints(pen, path) {
  const chosen = current();
  const pathOf = remembered(pen, path);
  const groups = new Map();
  for (const stint of begunAt(view.time)) {
    if (stint.trial === chosen) continue;
    const key = `${familyName(stint.founder)} ${strength(stint.trial)}`;
    if (!groups.has(key)) groups.set(key, { stint, lines: new Path2D() });
    groups.get(key).lines.addPath(pathOf(stint, Infinity));
  }
  for (const { stint, lines } of groups.values()) {
    stroke(pen, lines, { name: familyName(stint.founder), width: 1.2, alpha: strength(stint.trial) });
  }
  const lineage = new Path2D();
  for (const [index, last] of model.winning) {
    if (model.stints[index].began <= view.time) lineage.addPath(pathOf(model.stints[index], last));
  }
  if (chosen === null) stroke(pen, lineage, { name: "paper", width: 5.5 }); // an edge, among lines of the same colour
  stroke(pen, lineage, { name: "family-1", width: 3, alpha: chosen === null ? 1 : 0.35 });
  if (chosen === null) return;
  for (const stint of model.byTrial[chosen]) {
    if (stint.began > view.time) break;
    stroke(pen, pathOf(stint, Infinity), { name: familyName(stint.founder), width: 2.5 });
  }
}

// Give a figure its title and words, and return the element for its picture.
function heading(figure, title, words, ...extra) {
  figure.append(make("figcaption", {}, make("h3", {}, title), make("p", {}, words), ...extra));
  return figure.appendChild(make("div", { class: "plot", role: "img", "aria-label": `${title}. ${words}` }));
}

function emptyFigure(figure, title, words) {
  figure.append(make("figcaption", {}, make("h3", {}, title)), make("p", { class: "empty" }, words));
}

function whyNoValues() {
  if (!run.run.metric) return "The run has no metric: nobody was ranked.";
  if (run.health.not_finite < run.run.reports) return `No value of ${run.run.metric} can be drawn.`;
  return run.run.reports ? `No report had a finite value of ${run.run.metric}.` : "Nobody has reported yet.";
}

// Redraw, or make anew what depends on the width of the page.
whenChanged((what) => {
  if (what.has("looks")) resolved.clear();
  for (const { plot } of charts) plot.redraw(false, what.has("looks"));
});

let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === width) return;
  width = innerWidth;
  for (const { plot, host, height } of charts) plot.setSize({ width: Math.max(200, host.clientWidth), height });
  changed("size");
});
