"use strict";
// Put the page together: its parts, the replay, and the looks.

function drawReplay() {
  const [slider, play, now, chooser] = ["time", "play", "now", "follow"].map(byId);
  const momentOf = (place) => {
    if (place >= 1000 || !model.times.length) return Infinity;
    return model.times[Math.floor((place / 1000) * (model.times.length - 1))];
  };
  const say = () => {
    const time = view.time === Infinity ? run.run.duration_s : view.time;
    const iteration = Math.max(0, ...begunAt(view.time).map((stint) => reached(stint, view.time)));
    now.textContent = `${spell(time)} · iteration ${iteration}`;
    slider.setAttribute("aria-valuetext", `${spell(time)}, iteration ${iteration}`);
    slider.style.setProperty("--share", `${slider.value / 10}%`);
  };
  slider.addEventListener("input", () => {
    view.time = momentOf(Number(slider.value));
    changed("time");
  });
  chooser.append(
    make("option", { value: "" }, "none"),
    ...run.trials.map((trial, at) => make("option", { value: at }, trial.label)),
  );
  chooser.addEventListener("change", () => follow(chooser.value === "" ? null : Number(chooser.value)));
  whenChanged((what) => {
    if (what.has("time")) say();
    if (what.has("trial")) chooser.value = view.followed ?? "";
  });
  say();
  player(slider, play);
}

// Let the slider move by itself, from the beginning if it stands at the end, in about eight seconds.
function player(slider, play) {
  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.setAttribute("aria-label", "Play the run");
    play.classList.remove("playing");
  };
  const move = (place) => {
    slider.value = place;
    slider.dispatchEvent(new Event("input"));
    if (Number(slider.value) >= 1000) stop();
  };
  const [pause, step] = motionIsReduced() ? [1000, 125] : [40, 5];
  play.addEventListener("click", () => {
    if (timer) return stop();
    if (Number(slider.value) >= 1000) move(0);
    timer = setInterval(() => move(Number(slider.value) + step), pause);
    play.setAttribute("aria-label", "Pause");
    play.classList.add("playing");
  });
}

function drawLooks() {
  const button = byId("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
  const say = () => (button.textContent = isDark() ? "Light" : "Dark");
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    say();
    changed("looks");
  });
  dark.addEventListener("change", () => (say(), changed("looks")));
  matchMedia("print").addEventListener("change", () => changed("looks"));
  say();
}

for (const draw of [
  drawHead,
  drawHealth,
  drawWinner,
  drawReplay,
  drawFamilies,
  drawCurves,
  drawSchedules,
  drawLineage,
  drawAncestors,
  drawPopulation,
  drawLog,
  drawFacts,
  drawLooks,
]) {
  draw();
}
document.documentElement.dataset.ready = "yes";
