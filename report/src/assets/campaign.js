// What the page of a campaign offers beyond reading: other axes for the matrix, and which runs are shown. Everything comes from the
// table of runs, so the page is whole without it.
(() => {
  "use strict";
  const all = (root, selector) => Array.from(root.querySelectorAll(selector));
  const form = document.getElementById("choose");
  const table = document.querySelector("table.runs");
  const cells = document.getElementById("cells");
  const count = document.getElementById("count");
  const axes = all(table, "th.axis").map((head) => head.textContent);
  const runs = all(table, "tbody tr").map((row) => ({
    row,
    state: row.dataset.state,
    chip: row.querySelector(".chip"),
    values: all(row, "td.axis").map((cell) => cell.textContent),
  }));
  const make = (name, text = "", scope = "") => {
    const node = document.createElement(name);
    node.textContent = text;
    if (scope) node.scope = scope;
    return node;
  };
  const unique = (values) => Array.from(new Set(values));

  // --- which runs are shown
  const isShown = (run) => {
    const boxes = all(form, "input[type=checkbox]");
    const state = boxes.find((box) => box.value === run.state);
    if (state && !state.checked) return false;
    return all(form, "select[data-axis]").every((select) => {
      // The table writes a dash where a run has no value on an axis.
      const value = select.value === "" ? "–" : select.value;
      return value === "*" || run.values[axes.indexOf(select.dataset.axis)] === value;
    });
  };

  // --- the matrix of two axes
  const draw = (shown) => {
    const [rows, columns] = [axes.indexOf(form.elements.rows.value), axes.indexOf(form.elements.columns.value)];
    const value = (run, axis, none) => (axis < 0 ? none : run.values[axis]);
    const rowValues = unique(shown.map((run) => value(run, rows, "all")));
    const columnValues = unique(shown.map((run) => value(run, columns, "runs")));
    const places = new Map();
    const matrix = make("table");
    matrix.className = "matrix";
    const head = matrix.createTHead().insertRow();
    head.append(make("th", [rows, columns].filter((axis) => axis >= 0).map((axis) => axes[axis]).join(" × "), "col"));
    for (const name of columnValues) head.append(make("th", name, "col"));
    const body = matrix.createTBody();
    for (const name of rowValues) {
      const row = body.insertRow();
      row.append(make("th", name, "row"));
      for (const column of columnValues) {
        const chips = make("div");
        chips.className = "chips";
        row.insertCell().append(chips);
        places.set(JSON.stringify([name, column]), chips);
      }
    }
    for (const run of shown) {
      const place = places.get(JSON.stringify([value(run, rows, "all"), value(run, columns, "runs")]));
      place.append(run.chip.cloneNode(true), " ");
    }
    cells.replaceChildren(matrix);
  };

  const choose = () => {
    for (const run of runs) run.row.hidden = !isShown(run);
    const shown = runs.filter((run) => !run.row.hidden);
    count.textContent = shown.length === runs.length ? runs.length + " runs" : shown.length + " of " + runs.length + " runs";
    draw(shown);
  };
  // The form says the same, and more.
  document.getElementById("legend").hidden = true;
  form.hidden = false;
  form.addEventListener("change", choose);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(choose));
  choose();
  document.documentElement.dataset.ready = "true";
})();
