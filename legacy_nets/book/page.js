// Opens what a link leads into, and everything before the page is printed.
const open = (element) => {
  for (let fold = element?.closest("details"); fold; fold = fold.parentElement.closest("details"))
    fold.open = true;
};
const follow = () => {
  const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  open(place);
  place?.scrollIntoView({ block: "center" });
};
addEventListener("hashchange", follow);
addEventListener("load", () => location.hash && follow());
addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details")) fold.open = true;
});
