// --- what buttons, keys and addresses do
const commands = (line, point) => {
  const marks = (line.root.dataset.marks || "").split(",").filter(Boolean).map(Number);
  let mark = -1;
  const goto = (time) => {
    const half = Math.min(line.view.to - line.view.from, 4000) / 2;
    line.show(time - half, time + half);
    point(time);
  };
  const step = (by) => {
    if (!marks.length) return;
    mark = (mark + by + marks.length) % marks.length;
    goto(marks[mark]);
  };
  const run = {
    in: () => line.zoom(0.5),
    out: () => line.zoom(2),
    back: () => line.pan(-0.25),
    forward: () => line.pan(0.25),
    reset: () => line.show(line.whole.from, line.whole.to),
    next: () => step(1),
    previous: () => step(mark < 0 ? 0 : -1),
  };
  return { run, goto };
};

// Opens whatever something is folded into.
const unfold = (target) => {
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
};
const reveal = () => {
  const target = document.getElementById(location.hash.slice(1));
  if (!target) return;
  unfold(target);
  target.scrollIntoView();
};

const whole = (main) => {
  main.tabIndex = 0;
  main.setAttribute("role", "group");
  main.setAttribute("aria-label", "Timeline. The key ? lists the keys.");
  const line = timeline(main);
  const point = pointer(line);
  const { run, goto } = commands(line, point);
  const panel = detail();
  const section = document.getElementById("timeline");
  const help = document.getElementById("help");
  // The operations, once they are unpacked.
  let model = null;
  let lanes = null;
  let chosen = -1;

  const visit = (time) => {
    goto(time);
    section.scrollIntoView();
  };
  const visitRow = ({ node, title, time }) => {
    if (Number.isNaN(time)) {
      unfold(node);
      node.scrollIntoView({ block: "center" });
    } else visit(time);
    panel.row(title, node);
  };
  const visitOperation = (at) => {
    const { ops, words } = model;
    const begin = ops.begin[at] / 1000;
    const took = Math.max(0, ops.took[at]) / 1000;
    const length = Math.max(20, Math.min(20000, took * 6));
    chosen = at;
    const lane = lanes.laneIn(at);
    if (lane) unfold(lane.cell);
    line.show(begin + took / 2 - length / 2, begin + took / 2 + length / 2);
    point(begin);
    lanes.choose(at);
    panel.operation(ops, words, at);
    history.replaceState(null, "", "#op-" + ops.id[at]);
    const target = lane ? lane.cell : document.getElementById("clients");
    target.scrollIntoView({ block: "center", behavior: "instant" });
  };
  const found = search(visitRow, visitOperation);
  const close = () => {
    if (!panel.root.hidden) panel.close();
    else run.reset();
    if (lanes) lanes.choose(-1);
  };

  // The next row of a table by time, from the middle of what is shown.
  let told = -1;
  const lines = found.rows.filter(({ node }) => node.id.startsWith("line-"));
  const stepLine = (by) => {
    if (!lines.length) return;
    if (told < 0) told = Math.max(0, lines.findIndex(({ time }) => time >= line.view.from)) - (by > 0 ? 1 : 0);
    told = (told + by + lines.length) % lines.length;
    visitRow(lines[told]);
  };
  const stepOperation = (by) => {
    if (!model) return;
    const lane = chosen < 0 ? null : model.ops.process[chosen];
    for (let at = chosen < 0 ? model.ops.begin.findIndex((begin) => begin >= line.view.from * 1000) : chosen + by; at >= 0 && at < model.ops.count; at += by) {
      if (lane === null || model.ops.process[at] === lane) return visitOperation(at);
    }
  };
  Object.assign(run, {
    line: () => stepLine(1),
    lineBefore: () => stepLine(-1),
    operation: () => stepOperation(1),
    operationBefore: () => stepOperation(-1),
    find: () => { section.scrollIntoView(); found.input.focus({ preventScroll: true }); found.input.select(); },
    timeline: () => { section.scrollIntoView(); main.focus({ preventScroll: true }); },
    help: () => help.showModal(),
    close,
  });

  const keys = { "+": "in", "=": "in", "-": "out", 0: "reset", n: "next", p: "previous", l: "line", L: "lineBefore", "]": "operation", "[": "operationBefore", "/": "find", t: "timeline", "?": "help", Escape: "close" };
  const inside = { ArrowLeft: "back", ArrowRight: "forward" };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest && event.target.closest("input, textarea, select, dialog[open]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const name = keys[event.key] || (main.contains(event.target) && inside[event.key]);
    if (!name) return;
    event.preventDefault();
    run[name]();
  });
  for (const tools of all(document, ".tools")) {
    tools.hidden = false;
    tools.addEventListener("click", (event) => {
      const name = event.target.dataset.do;
      if (name) run[name]();
    });
  }
  help.querySelector("[data-do=close]").addEventListener("click", () => help.close());

  // A click on an operation that is no drag opens it.
  let pressed = null;
  main.addEventListener("pointerdown", (event) => { pressed = event; });
  main.addEventListener("pointerup", (event) => {
    const still = pressed && Math.hypot(event.clientX - pressed.clientX, event.clientY - pressed.clientY) < 4;
    const at = still && lanes ? lanes.under(event) : -1;
    if (at >= 0) visitOperation(at);
  });

  // An address that ends in #at=5.301 opens the page at that second, one in #op-120 at that operation.
  const fromAddress = () => {
    const at = /^#at=(\d+(\.\d+)?)$/.exec(location.hash);
    if (at) return visit(Number(at[1]) * 1000);
    const op = /^#op-(\d+)$/.exec(location.hash);
    if (!op) return reveal();
    if (!model) return;
    const place = model.words.place(Number(op[1]));
    if (place >= 0) visitOperation(place);
    else panel.open("Operation " + op[1], make("p", model.ops.count < model.ops.whole ? "It is not on this page, which holds the first " + model.ops.count + " operations: see the history." : "There is no such operation in this run."));
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest("[data-goto], a[href^='#op-']");
    if (!link) return;
    event.preventDefault();
    if (link.dataset.goto === undefined) {
      history.replaceState(null, "", link.getAttribute("href"));
      return fromAddress();
    }
    const time = Number(link.dataset.goto);
    history.replaceState(null, "", "#at=" + (time / 1000).toFixed(3));
    visit(time);
  });
  addEventListener("hashchange", fromAddress);
  fromAddress();

  const data = document.getElementById("operations-data");
  const load = async () => {
    if (!data || !globalThis.DecompressionStream) return reveal();
    const ops = await readOperations(data.content.textContent);
    data.remove();
    const words = describing(ops);
    model = { ops, words };
    lanes = clientLanes(line, ops, words);
    found.ready(model);
    if (location.hash.startsWith("#op-")) fromAddress();
    document.documentElement.dataset.operations = ops.count;
    performance.mark("tribunal-operations");
  };
  // The page is painted first.
  requestAnimationFrame(() => setTimeout(load, 0));
};

all(document, ".tl").filter((root) => !("zoom" in root.dataset)).forEach(timeline);
const main = document.querySelector(".tl[data-zoom]");
if (main) whole(main);
else {
  addEventListener("hashchange", reveal);
  if (location.hash) reveal();
}

for (const button of all(document, "[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const source = document.getElementById(button.dataset.copy);
    const done = () => { button.textContent = "Copied"; };
    const choose = () => getSelection().selectAllChildren(source);
    if (navigator.clipboard) navigator.clipboard.writeText(source.textContent).then(done, choose);
    else choose();
  });
}
document.documentElement.dataset.ready = "true";
performance.mark("tribunal-ready");
