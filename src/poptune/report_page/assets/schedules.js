"use strict";
// Hyperparameters: a chart for each, with what was in force when.

function drawSchedules() {
  const figures = run.hyperparameters.map(() => byId("schedules").appendChild(make("figure"))); // all, before any is measured
  run.hyperparameters.forEach((hyperparameter, number) => {
    const figure = figures[number];
    const places = model.stints.map((stint) => stint.values[number]).filter((place) => place !== null);
    const words = hyperparameter.domain || "In force over iterations.";
    if (!places.length) return void emptyFigure(figure, hyperparameter.name, "None of its values can be drawn.");
    const host = heading(figure, hyperparameter.name, words);
    chart(host, {
      height: 210,
      log: hyperparameter.log,
      lanes: hyperparameter.lanes,
      bounds: () => hyperparameter.limits,
      draw: (pen) =>
        inside(pen, () => {
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
