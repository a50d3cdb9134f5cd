"use strict";
// Ancestors: how much of the population goes back to each founder.

function drawAncestors() {
  const figure = byId("ancestors");
  if (!model.stints.some((stint) => stint.x.length))
    return void emptyFigure(figure, "Ancestors", "Nobody has reported yet.");
  const host = heading(figure, "Ancestors", "Share of the trials whose weights go back to each founder.");
  let bands = [];
  chart(host, {
    height: 220,
    bounds: () => [0, 1],
    format: (share) => `${Math.round(share * 100)} %`,
    draw: (pen) =>
      inside(pen, (context) => {
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
          context.globalAlpha =
            chosen === null || founder.trial === chosen || stintAt(chosen, view.time).founder === founder ? 0.85 : 0.25;
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
  const all = lines.flatMap((line) =>
    line.flatMap(({ from }, at) => (at + 1 < line.length ? [from] : [from, line[at].until])),
  );
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
  return [...bands]
    .map(([founder, steps]) => ({ founder, steps }))
    .filter(({ steps }) => steps.some(({ low, high }) => high > low));
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
    const rows = [
      ["iteration", String(Math.round(iteration))],
      ["share", `${Math.round((step.high - step.low) * 100)} %`],
    ];
    return { trial: founder.trial, rows };
  }
  return null;
}
