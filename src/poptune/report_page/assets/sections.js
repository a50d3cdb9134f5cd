"use strict";
// What stands in words and figures: the head of the page, the winner, the facts.

const when = (stamp) =>
  stamp ? new Date(stamp).toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" }) : "–";

const versions = () =>
  Object.entries(run.run.versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ");

function drawHead() {
  const about = run.run;
  document.title = `${about.name} · PopTune report`;
  byId("name").textContent = about.name;
  byId("lead").append(make("span", { class: `state ${about.state}` }, about.state), ` ${run.outcome}`);
  byId("when").textContent = [when(about.began), `seed ${about.seed}`, versions()].join(" · ");
  const best = run.winner && run.trials[run.winner.trial];
  const figures = [
    best && [about.metric, short(run.winner.value), `trial ${best.label}, the best at the end`, run.winner.value],
    ["Trials", String(about.trials)],
    ["Iterations", about.iterations.toLocaleString("en")],
    ["Exploits", about.exploits.toLocaleString("en")],
    ["Time", about.duration],
  ];
  byId("figures").append(
    ...figures
      .filter(Boolean)
      .map(([name, value, note, exact]) =>
        make(
          "div",
          {},
          make("dt", {}, name),
          make("dd", { "data-value": exact }, value),
          note && make("dd", { class: "note" }, note),
        ),
      ),
  );
}

function whyNobodyWon() {
  const someHaveValues = run.run.metric && run.health.not_finite < run.run.reports;
  return someHaveValues ? `No trial ended with a finite value of ${run.run.metric}.` : whyNoValues();
}

function drawWinner() {
  const body = document.querySelector("#winner .body");
  if (!run.winner) return void body.append(make("p", { class: "empty" }, whyNobodyWon()));
  const { columns, schedule, code } = run.winner;
  const best = run.trials[run.winner.trial];
  const table = make(
    "table",
    { id: "schedule" },
    make("caption", { class: "unseen" }, "The winner's schedule"),
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        ...["iterations", "trial", ...columns].map((name, at) =>
          make("th", { scope: "col", class: at > 1 ? "number" : null }, name),
        ),
      ),
    ),
    make(
      "tbody",
      {},
      ...schedule.map(({ first, last, trial, values }) =>
        make(
          "tr",
          { "data-trial": trial },
          make("td", {}, first === last ? String(first) : `${first}–${last}`),
          make("td", {}, label(trial)),
          ...values.map((value) => make("td", { class: "number" }, value)),
        ),
      ),
    ),
  );
  body.append(
    make(
      "p",
      { class: "verdict" },
      "Trial ",
      make("strong", {}, best.label),
      " ended with ",
      make("strong", {}, `${run.run.metric} ${short(run.winner.value)}`),
      ` at iteration ${run.winner.iteration}.`,
    ),
    make(
      "div",
      { class: "pair" },
      make(
        "div",
        {},
        scrolling(table, "The winner's schedule"),
        make(
          "p",
          { class: "actions" },
          download("schedule.csv", "text/csv", run.winner.csv, "Download CSV"),
          download("schedule.json", "application/json", run.winner.json, "Download JSON"),
        ),
      ),
      make(
        "div",
        {},
        make("h3", {}, schedule.length > 1 ? "Train by this schedule" : "Train with these values"),
        make("pre", { tabindex: "0", "aria-label": "Python code" }, make("code", {}, code)),
        make("p", { class: "actions" }, copyButton(code)),
      ),
    ),
  );
  for (const row of table.tBodies[0].rows) {
    row.addEventListener("pointerenter", () => point(Number(row.dataset.trial)));
    row.addEventListener("pointerleave", () => point(null));
  }
}

// Put a wide table into a region of its own that scrolls, with keys too.
const scrolling = (content, name) =>
  make("div", { class: "scrolling", tabindex: "0", role: "region", "aria-label": name }, content);

function download(name, type, text, words) {
  const link = make("a", { class: "button", download: name }, words);
  link.href = URL.createObjectURL(new Blob([text], { type }));
  return link;
}

function copyButton(text) {
  const button = make("button", { type: "button" }, "Copy code");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(document.querySelector("#winner code"));
      button.textContent = "Selected: press Ctrl+C";
    }
  });
  return button;
}

function drawFacts() {
  const about = run.run;
  const facts = [
    ["Trained", about.trainable],
    ["Scheduler", about.scheduler],
    ["Metric", about.metric ? `${about.metric}, ${about.mode === "min" ? "lower" : "higher"} is better` : "none"],
    ["Began", when(about.began)],
    ["Took", about.duration],
    ["Stops at", about.stop || "–"],
    ["Seed", String(about.seed)],
    ["Reports", about.reports.toLocaleString("en")],
    ["Executor", `${about.executor}${about.workers ? `, ${counted(about.workers, "worker")}` : ""}`],
    ["Versions", versions()],
    ["Directory", about.directory],
    ["Report made", `${when(about.made)}, by PopTune ${about.made_by}`],
  ];
  const notes = [];
  if (run.thinned > 1)
    notes.push(`Of about ${run.thinned} reports the charts draw the extremes; figures and tables count all.`);
  if (run.left_out) notes.push(`${counted(run.left_out, "more hyperparameter")} were varied and are not shown.`);
  document
    .querySelector("#facts .body")
    .append(
      make(
        "dl",
        { class: "facts" },
        ...facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]),
      ),
      ...notes.map((note) => make("p", { class: "note" }, note)),
    );
}

// The founders that have a colour, with how many trials go back to each at the moment.
function drawFamilies() {
  const host = byId("families");
  const shown = model.founders.slice(0, FAMILIES);
  const chips = shown.map((founder) => {
    const count = make("span", { class: "count" });
    const chip = make(
      "button",
      { type: "button", class: "chip" },
      swatch(founder),
      `from trial ${label(founder.trial)} `,
      count,
    );
    chip.addEventListener("click", () => toggleFollow(founder.trial));
    chip.addEventListener("pointerenter", () => point(founder.trial));
    chip.addEventListener("pointerleave", () => point(null));
    return { founder, chip, count };
  });
  const rest = make(
    "span",
    { class: "chip" },
    make("span", { class: "swatch family-0", "aria-hidden": "true" }),
    "from others ",
    make("span", { class: "count" }),
  );
  host.append(...chips.map(({ chip }) => chip), ...(model.founders.length > FAMILIES ? [rest] : []));
  const update = () => {
    const now = run.trials.map((_, trial) => stintAt(trial, view.time).founder);
    const count = (founder) => now.filter((other) => other === founder).length;
    for (const entry of chips) {
      entry.count.textContent = String(count(entry.founder));
      entry.chip.classList.toggle("gone", !count(entry.founder));
      entry.chip.setAttribute("aria-pressed", String(view.followed === entry.founder.trial));
    }
    rest.querySelector(".count").textContent = String(now.filter((founder) => !familyOf.get(founder)).length);
  };
  update();
  whenChanged((what) => (what.has("time") || what.has("trial")) && update());
}
