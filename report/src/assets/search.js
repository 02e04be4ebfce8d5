// --- search: operations by their numbers and names, rows of tables by their words
const NUMBERED = { op: "op", operation: "op", value: "value", offset: "offset", client: "process", process: "process" };
// Rows that can be found, and what they are.
const ROWS = [["#findings tr[id]", "Finding"], ["#findings .cycle-case", "Finding"], ["#lines tr[id]", "A broker’s own words"], ["#faults tr[id]", "Fault"]];

const findableRows = () => {
  const found = [];
  for (const [selector, title] of ROWS) {
    for (const node of all(document, selector)) {
      const when = node.querySelector("[data-goto]");
      found.push({ node, title, time: when ? Number(when.dataset.goto) : NaN, text: node.textContent.toLowerCase() });
    }
  }
  return found;
};

// What is asked for: conditions on operations, and words.
const parsed = (text, ops) => {
  const asked = { numbers: [], any: [], keys: [], outcome: -1, f: -1, words: [] };
  const parts = text.trim().toLowerCase().split(/[\s:=]+/).filter(Boolean);
  const keys = new Map();
  let key = 0;
  for (const { name, partitions } of ops.topics) {
    const prefix = name.toLowerCase();
    keys.set(prefix, [key, key + partitions]);
    key += partitions;
  }
  const keyOf = (part) => {
    const dash = part.lastIndexOf("-");
    const range = keys.get(part.slice(0, dash));
    const number = Number(part.slice(dash + 1));
    return range && /^\d+$/.test(part.slice(dash + 1)) && range[0] + number < range[1] ? [range[0] + number, range[0] + number + 1] : keys.get(part);
  };
  for (let at = 0; at < parts.length; at += 1) {
    const part = parts[at].replace(/^#?op-(?=\d)/, "");
    const isNumber = (text) => /^-?\d+$/.test(text || "");
    if (NUMBERED[part] && isNumber(parts[at + 1])) asked.numbers.push([NUMBERED[part], Number(parts[++at])]);
    else if (isNumber(part)) asked.any.push(Number(part));
    else if (OUTCOME.includes(part)) asked.outcome = OUTCOME.indexOf(part);
    else if (WHAT.includes(part)) asked.f = WHAT.indexOf(part);
    else if (keyOf(part)) asked.keys.push(keyOf(part));
    else asked.words.push(part);
  }
  asked.conditions = asked.numbers.length + asked.any.length + asked.keys.length + (asked.outcome >= 0) + (asked.f >= 0);
  return asked;
};

const matching = (asked, ops, words) => {
  const hits = [];
  const errors = ops.errors.map((error) => asked.words.every((word) => error.toLowerCase().includes(word)));
  if (!asked.conditions && !errors.some(Boolean)) return hits;
  const holds = (at, test) => {
    const { from, to } = words.items(at);
    for (let item = from; item < to; item += 1) if (test(item)) return true;
    return false;
  };
  const number = (at, name, value) => {
    if (name === "op") return ops.id[at] === value;
    if (name === "process") return ops.process[at] === value;
    const column = name === "value" ? ops.value : ops.offset;
    return holds(at, (item) => column[item] === value);
  };
  for (let at = 0; at < ops.count; at += 1) {
    if (asked.outcome >= 0 && ops.what[at] >> 4 !== asked.outcome) continue;
    if (asked.f >= 0 && (ops.what[at] & 15) !== asked.f) continue;
    if (asked.words.length && !(ops.error[at] && errors[ops.error[at] - 1])) continue;
    if (!asked.numbers.every(([name, value]) => number(at, name, value))) continue;
    if (!asked.any.every((value) => ops.id[at] === value || holds(at, (item) => ops.value[item] === value))) continue;
    if (!asked.keys.every(([low, high]) => holds(at, (item) => ops.key[item] >= low && ops.key[item] < high))) continue;
    hits.push(at);
  }
  return hits;
};

// Goes through the hits of what is asked for, operations and rows each in order of time.
const search = (visitRow, visitOperation) => {
  const input = document.getElementById("find");
  const told = document.getElementById("hits");
  const rows = findableRows();
  let model = null;
  let asked = "";
  let hits = [];
  let at = -1;
  const find = (text) => {
    asked = text;
    at = -1;
    const parts = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const rowHits = parts.length ? rows.filter((row) => parts.every((part) => row.text.includes(part))) : [];
    const wanted = model && parts.length ? parsed(text, model.ops) : { conditions: 0, words: parts };
    const found = model && parts.length ? matching(wanted, model.ops, model.words) : [];
    const operations = found.map((index) => ({ index }));
    // Who asks in the terms of operations, and in no other words, means an operation.
    hits = wanted.conditions && !wanted.words.length ? [...operations, ...rowHits] : [...rowHits, ...operations];
  };
  const say = () => {
    const count = hits.length.toLocaleString("en");
    told.textContent = !asked.trim() ? "" : at < 0 ? count + (hits.length === 1 ? " hit" : " hits") : (at + 1).toLocaleString("en") + " of " + count;
  };
  const step = (by) => {
    if (input.value !== asked) find(input.value);
    if (hits.length) {
      at = at < 0 && by < 0 ? hits.length - 1 : (at + by + hits.length) % hits.length;
      const hit = hits[at];
      if (hit.node) visitRow(hit);
      else visitOperation(hit.index);
    }
    say();
  };
  let due = 0;
  input.addEventListener("input", () => {
    clearTimeout(due);
    due = setTimeout(() => { find(input.value); say(); }, 200);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      step(event.shiftKey ? -1 : 1);
    } else if (event.key === "Escape") {
      event.stopPropagation();
      input.blur();
    }
  });
  const ready = (found) => {
    model = found;
    if (input.value) { find(input.value); say(); }
  };
  return { input, step, ready, rows, find };
};
