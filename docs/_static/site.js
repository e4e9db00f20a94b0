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
    const length = code.textContent.length;
    code.classList.toggle("long", length > 30);
    code.classList.toggle("word", length <= 16); // fits the narrow columns of a phone
    code.classList.toggle("option", length <= 9);
  }
  // The card of a row, on a phone, names the column of each value.
  for (const table of document.querySelectorAll("table.book-table")) {
    const columns = [...table.querySelectorAll("th")].map((head) => head.textContent.trim());
    for (const row of table.tBodies[0].rows)
      [...row.cells].forEach((cell, index) => (cell.dataset.column = columns[index]));
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

// What is wider than its place says so. A fold has a width when it opens.
const markScrolling = () => {
  for (const place of document.querySelectorAll(".wide, .wide-table, .pst-scrollable-table-container"))
    place.classList.toggle("scrolls", place.scrollWidth > place.clientWidth + 1);
};
window.addEventListener("load", markScrolling);
window.addEventListener("resize", markScrolling);
document.addEventListener("toggle", markScrolling, true);

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
