// --- one thing in detail: an operation, or a row of a table
const RECORDS_SHOWN = 40;
const READERS_SHOWN = 8;

const make = (name, text, attributes = {}) => {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
};

const detail = () => {
  const root = document.getElementById("detail");
  const close = () => {
    root.hidden = true;
    root.replaceChildren();
  };
  const open = (title, ...content) => {
    const button = make("button", "Close", { type: "button", title: "Close (Esc)" });
    button.addEventListener("click", close);
    const head = make("div", undefined, { class: "detail-head" });
    head.append(make("strong", title), button);
    root.replaceChildren(head, ...content);
    root.hidden = false;
    root.scrollTop = 0;
  };
  const facts = (pairs) => {
    const list = make("dl", undefined, { class: "facts" });
    for (const [name, value] of pairs.filter(([, value]) => value !== "")) {
      const pair = make("div");
      const told = make("dd");
      told.append(value);
      pair.append(make("dt", name), told);
      list.append(pair);
    }
    return list;
  };

  const link = (ops, words, at, text) => make("a", text || "op " + words.exact(ops.id[at]), { href: "#op-" + ops.id[at] });

  // Who else wrote or read this value.
  const others = (ops, words, own) => {
    const { from, to } = words.items(own);
    if (to - from !== 1 || Number.isNaN(ops.value[from])) return [];
    const found = [];
    for (let item = ops.value.indexOf(ops.value[from]); item >= 0 && found.length <= READERS_SHOWN; item = ops.value.indexOf(ops.value[from], item + 1)) {
      if (item !== from) found.push(item);
    }
    return found;
  };
  // The operation that an item belongs to.
  const ownerOf = (ops, item) => {
    let [low, high] = [0, ops.count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ops.first[middle + 1] <= item) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  const records = (ops, words, at) => {
    const { from, to } = words.items(at);
    const many = ops.first[at + 1] - ops.first[at];
    if (many === 0) return [];
    const body = make("tbody");
    for (let item = from; item < Math.min(to, from + RECORDS_SHOWN); item += 1) {
      const row = make("tr");
      const name = Object.keys(ITEM)[ops.kind[item]];
      const number = (value) => make("td", Number.isNaN(value) ? "" : words.exact(value), { class: "number" });
      row.append(make("td", name), make("td", words.keyName(ops.key[item])), number(ops.offset[item]), number(ops.value[item]));
      body.append(row);
    }
    const head = make("tr");
    for (const title of ["What", "Partition", "Offset", "Value"]) {
      head.append(make("th", title, { scope: "col", class: title === "Offset" || title === "Value" ? "number" : "" }));
    }
    const table = make("table");
    const heading = make("thead");
    heading.append(head);
    table.append(heading, body);
    const left = many - body.children.length;
    return [table, ...(left > 0 ? [make("p", left + " more are in the history.", { class: "muted" })] : [])];
  };

  const operation = (ops, words, at) => {
    const { from, to } = words.items(at);
    const one = ops.first[at + 1] - ops.first[at] === 1 && to > from;
    const number = (value) => (one && !Number.isNaN(value) ? words.exact(value) : "");
    const elsewhere = others(ops, words, at);
    const also = make("span");
    elsewhere.slice(0, READERS_SHOWN).forEach((item, index) => {
      const owner = ownerOf(ops, item);
      also.append(index ? ", " : "", link(ops, words, owner), " (" + (ops.kind[item] === ITEM.read ? "read at " : "wrote it at ") + words.seconds(ops.begin[owner]) + ")");
    });
    if (elsewhere.length > READERS_SHOWN) also.append(", …");
    open(
      "Operation " + words.exact(ops.id[at]),
      facts([
        ["Client", String(ops.process[at])],
        ["What", words.f(at)],
        ["Partition", one ? words.keyName(ops.key[from]) : ""],
        ["Value", number(ops.value[from])],
        ["Offset", number(ops.offset[from])],
        ["Begun", words.seconds(ops.begin[at])],
        ["Ended", ops.took[at] < 0 ? "never" : words.seconds(ops.begin[at] + ops.took[at]) + ", after " + words.length(ops.took[at])],
        ["Outcome", words.outcome(at)],
        ["By node", ops.broker[at] < 0 ? "" : String(ops.broker[at])],
        ["Error", words.error(at)],
        ["The same value", elsewhere.length ? also : ""],
      ]),
      ...(one ? [] : records(ops, words, at)),
    );
  };

  // A row of a table, in its own words.
  const row = (title, node) => {
    const cells = Array.from(node.querySelectorAll(":scope > td, :scope > th")).map((cell) => cell.textContent.trim());
    const words = make("p", (cells.length ? cells.filter(Boolean).join(" · ") : node.textContent).slice(0, 1200));
    const back = make("p");
    if (node.id) back.append(make("a", "Its row in the table", { href: "#" + node.id }));
    open(title, words, back);
  };
  return { operation, row, open, close, root };
};
