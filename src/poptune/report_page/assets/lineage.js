"use strict";
// The lineage: a line per trial, in the colour of the founder of its weights, and a link wherever one copied another.

const lineage = { rows: [], top: 8, row: 0, height: 0 };

function drawLineage() {
  const figure = byId("lineage");
  if (!model.stints.some((stint) => stint.x.length))
    return void emptyFigure(figure, "Lineage", "Nobody has reported yet.");
  const host = heading(
    figure,
    "Lineage",
    "Each line is a trial, each curve a copy. Strong: what is behind the weights at the end. Thick: behind the winner's.",
  );
  lineage.row = Math.max(4, Math.min(26, 720 / run.trials.length));
  lineage.height = lineage.top + lineage.row * run.trials.length;
  const root = host.appendChild(svg("svg", { height: lineage.height + 30, "aria-hidden": "true" }));
  const [axis, links, lines, best, names] = ["axis", "links", "lines", "best", "names"].map((name) =>
    root.appendChild(svg("g", { class: name })),
  );
  Object.assign(lineage, { root, axis, links, lines, best, names });
  root.classList.toggle("dense", lineage.row < 7);
  host.addEventListener("pointermove", (event) => {
    const found = trialAt(event);
    point(found ? found.trial : null);
    if (found) showTip(event, `Trial ${label(found.trial)}`, tipRows(found.stint, found.iteration));
    else hideTip();
  });
  host.addEventListener("pointerleave", () => (point(null), hideTip()));
  host.addEventListener("click", (event) => {
    const found = trialAt(event);
    if (found) toggleFollow(found.trial);
  });
  layLineage();
  whenChanged((what) => {
    if (what.has("size")) layLineage();
    else if (what.has("time")) traceLineage();
    if (what.has("time") || what.has("trial")) stressLineage();
  });
}

const rowOf = (trial) => lineage.top + lineage.row * (trial + 0.5);

function placeOf(iteration) {
  const width = lineage.root.parentNode.clientWidth;
  return GUTTER() + (iteration / model.iterations) * (width - GUTTER() - MARGIN);
}

// Draw what depends on the width: the axis and the names of the rows.
function layLineage() {
  const width = lineage.root.parentNode.clientWidth;
  lineage.root.setAttribute("width", width);
  lineage.root.setAttribute("viewBox", `0 0 ${width} ${lineage.height + 30}`); // paper is as wide as it is
  const ticks = roundTicks(model.iterations, width / 90);
  lineage.axis.replaceChildren(
    ...ticks.flatMap((at) => [
      svg("line", { x1: placeOf(at), x2: placeOf(at), y1: 0, y2: lineage.height }),
      written(placeOf(at), lineage.height + 20, String(at), "middle"),
    ]),
  );
  const every = Math.ceil(13 / lineage.row);
  lineage.names.replaceChildren(
    ...run.trials.flatMap((trial, number) =>
      number % every ? [] : [written(GUTTER() - 10, rowOf(number) + 4, clipped(trial.label), "end")],
    ),
  );
  traceLineage();
  stressLineage();
}

function written(x, y, text, anchor) {
  const element = svg("text", { x, y, "text-anchor": anchor });
  element.textContent = text;
  return element;
}

function roundTicks(end, most) {
  const rough = end / Math.max(2, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 5, 10].find((factor) => factor * power >= rough) * power);
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, at) => at * step);
}

// Draw what depends on the moment: per trial one path for what is behind weights of today, and one for what is not.
function traceLineage() {
  const paths = new Map();
  const add = (group, trial, kind, founder, text) => {
    const key = `${trial} ${kind} ${familyName(founder)}`;
    if (!paths.has(key)) paths.set(key, { group, trial, kind, founder, text: "" });
    paths.get(key).text += text;
  };
  for (const stint of begunAt(view.time)) {
    const [y, last] = [rowOf(stint.trial), reached(stint, view.time)];
    const until = Math.min(model.alive.get(stint) ?? stint.start, last);
    if (stint.origin) {
      const kind = model.alive.has(stint) ? "alive" : "dead";
      add(lineage.links, stint.trial, kind, stint.founder, link(stint));
    }
    if (until > stint.start) add(lineage.lines, stint.trial, "alive", stint.founder, line(stint.start, until, y));
    if (last > until)
      add(lineage.lines, stint.trial, "dead", stint.founder, line(Math.max(until, stint.start), last, y));
  }
  for (const group of [lineage.links, lineage.lines]) group.replaceChildren();
  for (const { group, trial, kind, founder, text } of paths.values()) {
    group.append(svg("path", { d: text, class: `${kind} ${familyName(founder)}`, "data-trial": trial }));
  }
  lineage.best.replaceChildren(
    svg("path", { d: pathOf([...model.winning].map(([i, last]) => [model.stints[i], last])), class: "family-1" }),
  );
}

// How long before its beginning the link to a stint leaves its donor's line.
const bend = (stint) => Math.min(18, 4 + Math.abs(rowOf(stint.trial) - rowOf(stint.origin.trial)) / 8);

const line = (from, to, y) => `M${placeOf(from).toFixed(1)} ${y}H${placeOf(to).toFixed(1)}`;

function link(stint) {
  if (stint.origin.trial === stint.trial) return `M${placeOf(stint.start).toFixed(1)} ${rowOf(stint.trial)}`;
  const [x, from, to] = [placeOf(stint.start), rowOf(stint.origin.trial), rowOf(stint.trial)];
  const back = bend(stint);
  return `M${(x - back).toFixed(1)} ${from}C${x.toFixed(1)} ${from} ${(x - back).toFixed(1)} ${to} ${x.toFixed(1)} ${to}`;
}

// Return one line through stretches of training, oldest first, that bends from trial to trial.
function pathOf(stretches) {
  const begun = stretches.filter(([stint]) => stint.began <= view.time);
  return begun
    .map(([stint, last], at) => {
      const next = begun[at + 1]?.[0];
      const end =
        placeOf(Math.min(last, reached(stint, view.time))) - (next && next.trial !== stint.trial ? bend(next) : 0);
      const begin = placeOf(stint.start);
      return `${stint.origin && at ? link(stint) : `M${begin.toFixed(1)} ${rowOf(stint.trial)}`}H${Math.max(end, begin).toFixed(1)}`;
    })
    .join("");
}

// Let the trial that stands out, and all that is behind its weights, stand out here too.
function stressLineage() {
  const chosen = current();
  lineage.root.classList.toggle("has-choice", chosen !== null);
  lineage.root.querySelector(".chosen")?.remove();
  if (chosen === null) return;
  const stint = stintAt(chosen, view.time);
  const behind = ancestry(stint, reached(stint, view.time)).reverse();
  lineage.root.append(svg("path", { d: pathOf(behind), class: `chosen ${familyName(stint.founder)}` }));
}

function trialAt(event) {
  const box = lineage.root.getBoundingClientRect();
  const trial = Math.floor((event.clientY - box.top - lineage.top) / lineage.row);
  if (trial < 0 || trial >= run.trials.length) return null;
  const share = (event.clientX - box.left - GUTTER()) / (box.width - GUTTER() - MARGIN);
  const iteration = Math.max(0, Math.min(model.iterations, Math.round(share * model.iterations)));
  const own = model.byTrial[trial].filter((stint) => stint.began <= view.time);
  const stint = own.filter(({ start }) => start <= iteration).pop() ?? own[0];
  return stint ? { trial, stint, iteration: Math.min(iteration, reached(stint, view.time)) } : null;
}
