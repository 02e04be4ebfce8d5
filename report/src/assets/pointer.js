// --- the pointer: a line at the time it is over, and dragging to zoom
const pointer = (line) => {
  const make = (name) => {
    const node = document.createElement("div");
    node.className = name;
    node.hidden = true;
    line.behind.append(node);
    return node;
  };
  const cross = make("cross");
  const chosen = make("chosen");
  const words = document.createElement("span");
  cross.append(words);
  let start = null;
  const timeAt = (event) => {
    const box = line.behind.getBoundingClientRect();
    const part = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    return line.view.from + part * (line.view.to - line.view.from);
  };
  const point = (time) => {
    const place = line.share(time);
    cross.hidden = place < 0 || place > 100;
    cross.style.left = place + "%";
    words.textContent = (time / 1000).toFixed(3) + " s";
    words.style.left = place > 85 ? "auto" : "5px";
    words.style.right = place > 85 ? "5px" : "auto";
  };
  line.root.addEventListener("pointermove", (event) => {
    if (!event.target.closest(".cell")) { cross.hidden = true; return; }
    point(timeAt(event));
    if (start === null) return;
    const [a, b] = [start, timeAt(event)].sort((x, y) => x - y).map(line.share);
    chosen.hidden = false;
    chosen.style.left = a + "%";
    chosen.style.width = b - a + "%";
  });
  line.root.addEventListener("pointerdown", (event) => {
    if (event.button === 0 && event.pointerType === "mouse" && event.target.closest(".cell")) start = timeAt(event);
  });
  addEventListener("pointerup", (event) => {
    if (start === null) return;
    const [from, to] = [start, timeAt(event)].sort((x, y) => x - y);
    start = null;
    chosen.hidden = true;
    if (line.share(to) - line.share(from) > 0.7) line.show(from, to);
  });
  line.root.addEventListener("pointerleave", () => { cross.hidden = true; });
  // The wheel zooms where the pointer is (with Ctrl, as a pinch does) or moves (with Shift, or sideways): once a frame.
  let turned = null;
  line.root.addEventListener("wheel", (event) => {
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (!event.target.closest(".cell") || (!event.ctrlKey && !sideways)) return;
    event.preventDefault();
    if (!turned) {
      turned = { zoom: 0, pan: 0, at: 0 };
      requestAnimationFrame(() => {
        const { zoom, pan, at } = turned;
        turned = null;
        if (zoom) line.zoom(1.002 ** zoom, at);
        if (pan) line.pan(pan / 1500);
      });
    }
    turned.at = timeAt(event);
    if (event.ctrlKey) turned.zoom += event.deltaY;
    else turned.pan += sideways;
  }, { passive: false });
  line.root.addEventListener("dblclick", (event) => {
    if (event.target.closest(".cell")) line.show(line.whole.from, line.whole.to);
  });
  return point;
};

