// A link into what is folded opens it.
const openTarget = () => {
  const place = document.getElementById(decodeURIComponent(window.location.hash.slice(1)));
  for (let fold = place?.closest("details"); fold; fold = fold.parentElement.closest("details"))
    fold.open = true;
  place?.scrollIntoView({ block: "center" });
};
window.addEventListener("hashchange", openTarget);

// Names of arrows, long code, and the link to the other language, which keeps the place on the page.
document.addEventListener("DOMContentLoaded", () => {
  if (window.location.hash) openTarget();
  // The arrows that open a part of the sidebar have no text of their own.
  for (const arrow of document.querySelectorAll("li > details > summary")) {
    const link = arrow.closest("li").querySelector("a");
    arrow.setAttribute("aria-label", link ? link.textContent.trim() : "...");
  }
  // Code that is longer than a line of a phone may break; shorter code, such as --augment, stays whole.
  for (const code of document.querySelectorAll("code .pre")) {
    code.classList.toggle("long", code.textContent.length > 30);
  }
  // A long name in the sidebar breaks after an underscore.
  for (const link of document.querySelectorAll(".bd-sidebar-primary li > a")) {
    if (!link.children.length && link.textContent.includes("_")) {
      const parts = link.textContent.split("_").flatMap((part) => ["_", document.createElement("wbr"), part]);
      link.replaceChildren(...parts.slice(2));
    }
  }
  for (const link of document.querySelectorAll("a.language-switch")) {
    const page = link.getAttribute("href");
    const keepPlace = () => link.setAttribute("href", page + window.location.hash);
    window.addEventListener("hashchange", keepPlace);
    keepPlace();
  }
});

// Paper is white: a dark page is printed in the light colours.
let themeOfScreen;
const setPaper = (isPrinted) => {
  const root = document.documentElement.dataset;
  if (isPrinted && themeOfScreen === undefined) {
    themeOfScreen = root.theme;
    root.theme = "light";
  } else if (!isPrinted && themeOfScreen !== undefined) {
    root.theme = themeOfScreen;
    themeOfScreen = undefined;
  }
};
window.addEventListener("beforeprint", () => setPaper(true));
window.addEventListener("afterprint", () => setPaper(false));
window.matchMedia("print").addEventListener("change", (event) => setPaper(event.matches));
