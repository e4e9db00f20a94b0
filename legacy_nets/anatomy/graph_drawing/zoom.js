// Makes a graph interactive: a stage opens its layers, the buttons change the level and the size.
// Where its place is narrower, as on a phone, it begins smaller: no box is cut.
for (const svg of document.querySelectorAll("svg.net-graph:not(.live)")) {
  svg.classList.add("live");
  const levels = {};
  for (const group of svg.querySelectorAll(".level")) levels[group.dataset.level] = group;
  let current = "stages", zoom = 1;
  const show = (level, stage) => {
    current = level;
    for (const name in levels) levels[name].style.display = name === level ? "inline" : "none";
    const { width, height } = levels[level].dataset;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("width", width * zoom);
    svg.setAttribute("height", height * zoom);
    const buttons = levels[level].querySelector(".buttons"); // never too small for a finger
    if (buttons) buttons.style.transform = `scale(${Math.max(1, 1 / zoom)})`;
    if (stage === undefined) return;
    const marks = levels[level].querySelectorAll("[data-stage]");
    const mark = [...marks].find((one) => one.dataset.stage === stage);
    if (!mark) return;
    mark.scrollIntoView({ block: "start", inline: "center" });
    mark.focus({ preventScroll: true });
  };
  const act = (event) => {
    if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
    const button = event.target.closest("[data-level], [data-zoom]");
    if (!button || button.classList.contains("level")) return;
    event.preventDefault();
    if (button.dataset.zoom) zoom = Math.min(3, Math.max(0.2, zoom * button.dataset.zoom));
    show(button.dataset.level ?? current, button.dataset.stage);
  };
  const fit = (svg.parentElement?.clientWidth ?? 0) / levels.stages.dataset.width;
  if (fit > 0 && fit < 1) {
    zoom = Math.max(0.5, fit);
    show(current);
  }
  svg.addEventListener("click", act);
  svg.addEventListener("keydown", act);
}
