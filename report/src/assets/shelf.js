// The list of results: only those that hold some words.
(() => {
  "use strict";
  const form = document.getElementById("choose");
  const rows = Array.from(document.querySelectorAll("table.shelf tbody tr"));
  const count = document.getElementById("count");
  const choose = () => {
    const words = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      if (!row.hidden) shown += 1;
    }
    count.textContent = words.length ? shown + " of " + rows.length : "";
  };
  form.hidden = rows.length === 0;
  form.addEventListener("input", choose);
  form.addEventListener("submit", (event) => event.preventDefault());
  choose();
  document.documentElement.dataset.ready = "true";
})();
