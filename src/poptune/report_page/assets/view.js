"use strict";
// What the reader looks at now, who wants to know when that changes, and how elements are made: from text, never markup.

const view = { time: Infinity, pointed: null, followed: null };

const listeners = [];
let pending = null;

// Call a function with what changed ("time", "trial", "looks"), at most once per frame.
const whenChanged = (listener) => listeners.push(listener);

function changed(what) {
  if (pending) return void pending.add(what);
  pending = new Set([what]);
  requestAnimationFrame(() => {
    const all = pending;
    pending = null;
    for (const listener of listeners) listener(all);
  });
}

// The trial that stands out: the one pointed at, or else the one followed; null if none does.
const current = () => view.pointed ?? view.followed;

function point(trial) {
  if (view.pointed === trial) return;
  view.pointed = trial;
  changed("trial");
}

function follow(trial) {
  view.followed = trial;
  view.pointed = null;
  changed("trial");
}

const toggleFollow = (trial) => follow(view.followed === trial ? null : trial);

const byId = (id) => document.getElementById(id);

// Make an element. Texts become text nodes: names of a run are never read as markup.
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function svg(tag, attributes = {}) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// Return a colour of the style sheet as the browser resolves it, for canvases.
const resolved = new Map();
function colour(name) {
  if (!resolved.has(name)) {
    byId("probe").style.color = `var(--${name})`;
    resolved.set(name, getComputedStyle(byId("probe")).color);
  }
  return resolved.get(name);
}

const FAMILIES = 6; // so many founders have a colour of their own; the others share a grey
const familyOf = new Map(model.founders.map((founder, rank) => [founder, rank < FAMILIES ? rank + 1 : 0]));
const familyName = (founder) => `family-${familyOf.get(founder)}`;

const label = (trial) => run.trials[trial].label;

// A small round sign in the colour of a family.
const swatch = (founder) => make("span", { class: `swatch ${familyName(founder)}`, "aria-hidden": "true" });

// The tip: a few lines beside the pointer.
const tip = byId("tip");

function showTip(event, title, rows) {
  tip.replaceChildren(
    make("strong", {}, title),
    make("dl", {}, ...rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])),
  );
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const x = event.clientX + 16 + width > innerWidth ? event.clientX - 16 - width : event.clientX + 16;
  const y = Math.min(event.clientY + 12, innerHeight - height - 8);
  tip.style.left = `${Math.max(8, x)}px`;
  tip.style.top = `${Math.max(8, y)}px`;
}

function hideTip() {
  tip.hidden = true;
}

// Return the tip's rows for a trial's stint at an iteration.
function tipRows(stint, iteration) {
  const rows = [["iteration", String(iteration)]];
  if (run.run.metric) rows.push([run.run.metric, short(valueAt(stint, iteration))]);
  run.hyperparameters.slice(0, 6).forEach((hyperparameter, at) => {
    rows.push([hyperparameter.name, placed(hyperparameter, stint.values[at])]);
  });
  if (stint.founder.trial !== stint.trial) rows.push(["founder", `trial ${label(stint.founder.trial)}`]);
  return rows;
}

// Return the text of a hyperparameter's value from its place on the axis.
function placed(hyperparameter, place) {
  return place !== null && hyperparameter.lanes.length ? hyperparameter.lanes[place] : short(place);
}

const motionIsReduced = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
