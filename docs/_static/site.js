// The link to the other language keeps the place on the page.
document.addEventListener("DOMContentLoaded", () => {
  // The arrows that open a part of the sidebar have no text of their own.
  for (const arrow of document.querySelectorAll("li > details > summary")) {
    const link = arrow.closest("li").querySelector("a");
    arrow.setAttribute("aria-label", link ? link.textContent.trim() : "...");
  }
  for (const link of document.querySelectorAll("a.language-switch")) {
    const page = link.getAttribute("href");
    const keepPlace = () => link.setAttribute("href", page + window.location.hash);
    window.addEventListener("hashchange", keepPlace);
    keepPlace();
  }
});
