// The link to the other language keeps the place on the page.
document.addEventListener("DOMContentLoaded", () => {
  for (const link of document.querySelectorAll("a.language-switch")) {
    const page = link.getAttribute("href");
    const keepPlace = () => link.setAttribute("href", page + window.location.hash);
    window.addEventListener("hashchange", keepPlace);
    keepPlace();
  }
});
