"use strict";
// The population as a table that sorts, and the log of what happened.

function drawPopulation() {
  const columns = [
    ["trial", (trial, number) => number, "text"],
    ["status", (trial) => trial.status, "text"],
    ["iteration", (trial) => trial.iteration],
    ...(run.run.metric
      ? [
          [run.run.metric, (trial) => trial.value],
          ["best ever", (trial) => trial.best],
        ]
      : []),
    ...run.hyperparameters.map(({ name }, at) => [name, (trial) => trial.values[at]]),
    ["exploits", (trial) => trial.exploits],
    ["was copied", (trial) => trial.copied],
    ...(run.trials.some((trial) => trial.failures) ? [["failures", (trial) => trial.failures]] : []),
  ];
  const rows = run.trials.map((trial, number) => populationRow(trial, number, columns));
  const buttons = columns.map(([name]) => make("button", { type: "button" }, name));
  const heads = columns.map(([, , kind], at) =>
    make("th", { scope: "col", class: kind ? null : "number" }, buttons[at]),
  );
  const body = make("tbody", {}, ...rows.map(({ row }) => row));
  const sort = (at, direction) => {
    const value = columns[at][1];
    const order = rows.map(({ trial, number, row }) => ({ key: value(trial, number), number, row }));
    order.sort((a, b) => compared(a.key, b.key, direction) || a.number - b.number);
    body.append(...order.map(({ row }) => row));
    heads.forEach((head, other) =>
      other === at
        ? head.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending")
        : head.removeAttribute("aria-sort"),
    );
  };
  buttons.forEach((button, at) =>
    button.addEventListener("click", () => {
      sort(at, heads[at].getAttribute("aria-sort") === "ascending" ? -1 : 1);
    }),
  );
  const table = make(
    "table",
    { id: "trials" },
    make("caption", { class: "unseen" }, "All trials at the end"),
    make("thead", {}, make("tr", {}, ...heads)),
    body,
  );
  document.querySelector("#population .body").append(scrolling(table, "Population"), ...failures());
  sort(run.winner ? 3 : 0, run.winner && run.run.mode !== "min" ? -1 : 1);
  const mark = () => {
    for (const { number, row, button } of rows) {
      row.classList.toggle("chosen", current() === number);
      button.setAttribute("aria-pressed", String(view.followed === number));
    }
  };
  whenChanged((what) => what.has("trial") && mark());
}

function populationRow(trial, number, columns) {
  const others = columns.slice(1);
  const button = make(
    "button",
    { type: "button", class: "trial", "aria-pressed": "false", title: trial.id },
    swatch(stintAt(number, Infinity).founder),
    label(number),
  );
  button.addEventListener("click", () => toggleFollow(number));
  button.addEventListener("focus", () => point(number));
  button.addEventListener("blur", () => point(null));
  const isWinner = run.winner && run.winner.trial === number;
  const row = make(
    "tr",
    { class: isWinner ? "winner" : null, "data-trial": number },
    make("th", { scope: "row" }, button, isWinner ? make("span", { class: "crown" }, "winner") : null),
    ...others.map(([, value, kind]) => cell(value(trial, number), kind)),
  );
  row.addEventListener("pointerenter", () => point(number));
  row.addEventListener("pointerleave", () => point(null));
  return { trial, number, row, button };
}

function cell(value, kind) {
  if (kind) return make("td", {}, make("span", { class: `status ${value}` }, value.toLowerCase()));
  return make(
    "td",
    { class: "number", "data-value": value, title: value === null ? null : String(value) },
    short(value),
  );
}

// Compare two cells: numbers before texts, and what is missing always last.
function compared(a, b, direction) {
  const rank = (value) => (value === null ? 2 : typeof value === "number" ? 0 : 1);
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (a === null) return 0;
  return direction * (typeof a === "number" ? a - b : a.localeCompare(b));
}

function failures() {
  return run.trials
    .filter((trial) => trial.error)
    .map((trial) => {
      const [first, ...rest] = trial.error.split("\n");
      return make(
        "details",
        { class: "failure" },
        make("summary", {}, `Trial ${trial.label} failed for good: ${first}`),
        make("pre", { tabindex: "0" }, rest.length ? trial.error : first),
      );
    });
}

// The log

const PAGE = 40; // entries that are shown at once
const KINDS = [
  ["news", "Exploits and failures"],
  ["Exploit", "Exploits"],
  ["trouble", "Failures only"],
  ["all", "Everything"],
];
const ENDS = new Set(["Stop", "TrialFinished"]); // the table has them
const TROUBLE = new Set([
  "TrialFailed",
  "TrialEvicted",
  "TrialStarted",
  "TrialRevived",
  "TrialReset",
  "Overdue",
  "Continue",
]);

function drawLog() {
  const { entries, earlier } = run.log;
  const body = document.querySelector("#log .body");
  if (!entries.length) return void body.append(make("p", { class: "empty" }, "Nothing has happened yet."));
  const kinds = KINDS.filter(([kind]) => entries.some((entry) => isOf(entry, kind)));
  const chooser = make(
    "select",
    { "aria-label": "What to show" },
    ...kinds.map(([kind, words]) => make("option", { value: kind }, words)),
  );
  const count = make("span", { class: "note", role: "status" });
  const list = make("ol", { class: "log" });
  const more = make("button", { type: "button" }, "Show more");
  body.append(
    make("p", { class: "actions" }, kinds.length > 1 ? chooser : null, count),
    list,
    make("p", { class: "actions" }, more),
  );
  if (earlier)
    body.append(
      make(
        "p",
        { class: "note" },
        `${counted(earlier, "earlier entry").replace("entrys", "entries")}: the journal has them.`,
      ),
    );
  let shown = PAGE;
  const update = () => {
    const found = entries.filter((entry) => entry.at <= view.time && isOf(entry, chooser.value));
    const newest = found.slice(-shown).reverse();
    list.replaceChildren(...newest.map(logItem));
    count.textContent = found.length === 1 ? "1 entry" : `${found.length.toLocaleString("en")} entries`;
    more.hidden = found.length <= shown;
  };
  chooser.addEventListener("change", () => ((shown = PAGE), update()));
  more.addEventListener("click", () => ((shown += 5 * PAGE), update()));
  update();
  whenChanged((what) => {
    if (what.has("time")) update();
    if (what.has("trial")) for (const item of list.children) stressItem(item);
  });
}

const TESTS = {
  all: () => true,
  news: ({ kind }) => !ENDS.has(kind),
  Exploit: ({ kind }) => kind === "Exploit",
  trouble: ({ kind }) => TROUBLE.has(kind),
};

const isOf = (entry, kind) => TESTS[kind](entry);

function logItem(entry) {
  const lines = entry.detail ? entry.detail.split("\n") : [];
  const detail = !lines.length
    ? null
    : lines.length < 4
      ? make("span", { class: "detail" }, lines.map((text) => text.trim()).join(" "))
      : make("details", {}, make("summary", {}, "Traceback"), make("pre", { tabindex: "0" }, entry.detail));
  const item = make(
    "li",
    { class: entry.kind, "data-trials": entry.trials.join(" ") },
    make("time", {}, spell(entry.at)),
    make("span", { class: "said" }, entry.text, detail),
  );
  item.addEventListener("pointerenter", () => point(entry.trials[0]));
  item.addEventListener("pointerleave", () => point(null));
  stressItem(item);
  return item;
}

function stressItem(item) {
  const chosen = current();
  item.classList.toggle("chosen", chosen !== null && item.dataset.trials.split(" ").includes(String(chosen)));
}
