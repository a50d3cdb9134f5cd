"use strict";
// The run as the pictures need it: the document's stints with their points, founders, and what is visible at a moment.

const run = JSON.parse(document.getElementById("document").textContent);

const model = (() => {
  const stints = run.stints.map((stint, index) => {
    let at = 0;
    const x = stint.x.map((step) => (at += step));
    const last = x.length ? x[x.length - 1] : stint.start;
    return { ...stint, index, x, last, origin: null };
  });
  const byTrial = run.trials.map(() => []);
  for (const stint of stints) {
    const origin = run.stints[stint.index].origin;
    stint.origin = origin === null ? null : stints[origin];
    stint.founder = stint.origin ? stint.origin.founder : stint;
    byTrial[stint.trial].push(stint);
  }
  const winning = new Map(run.winner ? run.winner.lineage : []);
  const times = stints.flatMap((stint) => [stint.began, ...stint.t]).sort((a, b) => a - b);
  return {
    stints,
    byTrial,
    winning,
    times,
    iterations: Math.max(1, run.run.iterations),
    alive: aliveUntil(byTrial),
    founders: rankedFounders(stints, byTrial, winning),
  };
})();

// Return up to which iteration each stint's training is behind the weights that some trial has at the end.
function aliveUntil(byTrial) {
  const alive = new Map();
  for (const own of byTrial) {
    let stint = own[own.length - 1];
    let last = stint.last;
    while (stint && !(alive.get(stint) >= last)) {
      alive.set(stint, last);
      last = stint.start;
      stint = stint.origin;
    }
  }
  return alive;
}

// Return the first stints of all lineages, those that matter most first: the winner's, then by who is left, then by size.
function rankedFounders(stints, byTrial, winning) {
  const weight = new Map();
  const add = (founder, amount) => weight.set(founder, (weight.get(founder) || 0) + amount);
  for (const stint of stints) add(stint.founder, stint.last - stint.start);
  for (const own of byTrial) add(own[own.length - 1].founder, 1e9);
  for (const index of winning.keys()) add(stints[index].founder, 1e15);
  return [...weight.keys()].sort((a, b) => weight.get(b) - weight.get(a) || a.index - b.index);
}

// Return how many of a sorted list's values are at most a limit.
function countUpTo(sorted, limit) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Return how many points of a stint are there at a moment.
const pointsAt = (stint, time) => (time === Infinity ? stint.x.length : countUpTo(stint.t, time));

// Return the iteration that a stint has reached at a moment.
function reached(stint, time) {
  const count = pointsAt(stint, time);
  return count ? stint.x[count - 1] : stint.start;
}

// Return the stints that have begun at a moment.
const begunAt = (time) => (time === Infinity ? model.stints : model.stints.filter((stint) => stint.began <= time));

// Return the stint that a trial is in at a moment.
function stintAt(trial, time) {
  const own = model.byTrial[trial];
  for (let i = own.length - 1; i > 0; i--) if (own[i].began <= time) return own[i];
  return own[0];
}

// Return the value that a stint reported at an iteration, or the one before; null if it has none.
function valueAt(stint, iteration) {
  const at = countUpTo(stint.x, iteration) - 1;
  return at >= 0 ? stint.y[at] : null;
}

// Return [stint, up to which iteration] for everything behind a stint's weights, newest first.
function ancestry(stint, last) {
  const found = [];
  for (; stint; last = stint.start, stint = stint.origin) found.push([stint, last]);
  return found;
}

// Return for each trial a list of [iteration, founder]: whose weights it had from there on.
function foundersOverIterations(time) {
  return model.byTrial.map((own) => {
    const line = [];
    for (const stint of own) {
      if (stint.began > time) break;
      while (line.length && line[line.length - 1].from >= stint.start) line.pop();
      line.push({ from: stint.start, founder: stint.founder, until: reached(stint, time) });
    }
    return line;
  });
}

const isBetter = (a, b) => (run.run.mode === "min" ? a < b : a > b);

// Return the best value reported so far at each iteration, as [iteration, value].
function bestSoFar(time) {
  const at = new Map();
  for (const stint of begunAt(time)) {
    const count = pointsAt(stint, time);
    for (let i = 0; i < count; i++) {
      const [x, y] = [stint.x[i], stint.y[i]];
      if (y !== null && (!at.has(x) || isBetter(y, at.get(x)))) at.set(x, y);
    }
  }
  let best = null;
  return [...at]
    .sort((a, b) => a[0] - b[0])
    .map(([x, y]) => [x, (best = best === null || isBetter(y, best) ? y : best)]);
}

// Return a number in few digits.
function short(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e7) return String(value);
  if (size >= 1e7 || (size < 1e-4 && size > 0))
    return String(Number(value.toPrecision(4)).toExponential()).replace("e+", "e");
  return size >= 1e4 ? String(Math.round(value)) : String(Number(value.toPrecision(4)));
}

// Return a length of time as a person says it.
function spell(seconds) {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  const minutes = Math.floor(seconds / 60);
  const two = (number) => String(number).padStart(2, "0");
  return minutes < 60
    ? `${minutes} min ${two(Math.floor(seconds % 60))} s`
    : `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

const counted = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
