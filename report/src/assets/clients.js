// --- the operations by client, each drawn where there is room: on a canvas over the picture that the page came with
const KINDS = ["--did-read", "--did-write", "--fail", "--info"];
const READ = 0;
const WRITE = 1;
const FAIL = 2;
const UNKNOWN = 3;
const BODY = { top: 1, height: 11 };

// Which operations lie in which lane, in the order of their begin.
const sortedByLane = (ops, drawn) => {
  const laneOf = new Map();
  ops.lanes.slice(0, drawn).forEach((processes, lane) => processes.forEach((process) => laneOf.set(process, lane)));
  const counts = new Uint32Array(drawn);
  const lanes = new Int32Array(ops.count);
  for (let at = 0; at < ops.count; at += 1) {
    const lane = laneOf.get(ops.process[at]);
    lanes[at] = lane === undefined ? -1 : lane;
    if (lane !== undefined) counts[lane] += 1;
  }
  const sorted = Array.from(counts, (count) => ({ order: new Uint32Array(count), used: 0, longest: 0, open: [] }));
  for (let at = 0; at < ops.count; at += 1) {
    if (lanes[at] < 0) continue;
    const lane = sorted[lanes[at]];
    lane.order[lane.used++] = at;
    if (ops.took[at] < 0) lane.open.push(at);
    else if (ops.took[at] > lane.longest) lane.longest = ops.took[at];
  }
  return { sorted, laneOf };
};

const clientLanes = (line, ops, words) => {
  const cells = all(line.root, "[data-lane]");
  const { sorted, laneOf } = sortedByLane(ops, cells.length);
  let colours = {};
  let chosen = -1;

  const kindOf = (at) => {
    const outcome = ops.what[at] >> 4;
    if (outcome === 2) return FAIL;
    if (outcome !== 1) return UNKNOWN;
    const f = ops.what[at] & 15;
    return f === 0 || f === 4 ? WRITE : READ;
  };
  // The first of a lane that might still go on at this time.
  const from = (lane, micros) => {
    const { order, longest } = lane;
    let [low, high] = [0, order.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ops.begin[order[middle]] < micros - longest) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  // Calls `visit` with each operation that shows, and its edges in pixels: once for those that cannot be told apart.
  const visible = (lane, width, visit) => {
    const start = line.view.from * 1000;
    const end = line.view.to * 1000;
    const scale = width / (end - start);
    const reached = [-1, -1, -1, -1];
    const one = (at, to) => {
      if (to < start) return;
      const kind = kindOf(at);
      const left = (ops.begin[at] - start) * scale;
      const right = Math.max((to - start) * scale, left + 1);
      if (right <= reached[kind]) return;
      const seen = Math.max(left, Math.min(reached[kind], right - 1));
      reached[kind] = right - left > 3 ? reached[kind] : Math.ceil(right);
      visit(at, kind, right - left > 3 ? left : seen, right);
    };
    for (const at of lane.open) if (ops.begin[at] <= end) one(at, Infinity);
    for (let index = from(lane, start); index < lane.order.length; index += 1) {
      const at = lane.order[index];
      if (ops.begin[at] > end) break;
      if (ops.took[at] >= 0) one(at, ops.begin[at] + ops.took[at]);
    }
  };

  const draw = (lane) => {
    const { canvas, cell } = lane;
    const width = cell.clientWidth;
    if (!width) return;
    const sharp = devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * sharp)) canvas.width = Math.round(width * sharp);
    const context = canvas.getContext("2d");
    context.setTransform(sharp, 0, 0, sharp, 0, 0);
    context.clearRect(0, 0, width, 14);
    const boxes = [[], [], [], []];
    const named = [];
    visible(lane, width, (at, kind, left, right) => {
      const seen = [Math.max(left, -1), Math.min(right, width + 1)];
      const wide = right - left > 3;
      boxes[kind].push(seen[0], seen[1] - seen[0] - (wide ? 0.75 : 0));
      if (wide && seen[1] - seen[0] > 34) named.push([at, seen[0], seen[1]]);
      if (at === chosen) boxes.chosen = [seen[0], seen[1] - seen[0]];
    });
    boxes.forEach((list, kind) => {
      context.fillStyle = colours[KINDS[kind]];
      for (let at = 0; at < list.length; at += 2) context.fillRect(list[at], BODY.top, list[at + 1], BODY.height);
    });
    context.fillStyle = colours["--on-node"];
    for (const [at, left, right] of named) {
      const text = words.f(at) + " " + ops.id[at];
      if (text.length * 5.2 + 6 < right - left) context.fillText(text, left + 4, 10);
    }
    if (boxes.chosen) {
      context.strokeStyle = colours["--ink"];
      context.lineWidth = 2;
      context.strokeRect(boxes.chosen[0], 1, Math.max(2, boxes.chosen[1]), 12);
    }
  };

  // The operation under the pointer: of several the one that fared worst, then the nearest.
  const at = (lane, event) => {
    const box = lane.cell.getBoundingClientRect();
    const pixel = event.clientX - box.left;
    let best = { index: -1, weight: Infinity };
    visible(lane, box.width, (index, kind, left, right) => {
      const away = Math.max(left - pixel, pixel - right, 0);
      const weight = away * 2 - kind;
      if (away <= 3 && weight < best.weight) best = { index, weight };
    });
    return best.index;
  };

  const lanes = cells.map((cell, index) => {
    const canvas = document.createElement("canvas");
    canvas.height = Math.round(14 * (devicePixelRatio || 1));
    cell.classList.add("live");
    cell.append(canvas);
    const lane = { ...sorted[index], canvas, cell, fold: cell.closest("details") };
    canvas.told = (event) => {
      const found = at(lane, event);
      return found < 0 ? "" : words.summary(found);
    };
    return lane;
  });
  const drawAll = () => {
    for (const lane of lanes) if (!lane.fold || lane.fold.open) draw(lane);
  };
  const recolour = () => {
    const style = getComputedStyle(document.documentElement);
    colours = Object.fromEntries([...KINDS, "--on-node", "--ink"].map((name) => [name, style.getPropertyValue(name)]));
    drawAll();
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
  line.drawn.push(drawAll);
  recolour();
  const choose = (index) => {
    chosen = index;
    drawAll();
  };
  const laneIn = (index) => lanes[laneOf.get(ops.process[index])];
  const under = (event) => {
    const lane = lanes.find(({ canvas }) => canvas === event.target);
    return lane ? at(lane, event) : -1;
  };
  return { choose, laneIn, under, drawAll };
};
