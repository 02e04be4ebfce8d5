// --- one timeline: everything in it shows the same stretch of time
const timeline = (root) => {
  const whole = { from: Number(root.dataset.from), to: Number(root.dataset.to) };
  const view = { ...whole };
  // What is folded away is drawn when it opens.
  const fold = (node) => node.closest("details");
  const plots = all(root, ".plot").map((plot) => ({ plot, fold: fold(plot), box: plot.getAttribute("viewBox").split(" ") }));
  const words = all(root, ".words").map((node) => ({
    node,
    fold: fold(node),
    from: Number(node.dataset.a),
    to: Number(node.dataset.b),
    needed: node.textContent.length * LETTER + 8,
  }));
  const drawn = [];
  const grid = root.querySelector(".grid");
  const axes = all(root, ".axis-picture");
  const behind = root.querySelector(".behind");
  const draft = (name) => document.createElementNS(plots[0].plot.namespaceURI, name);
  const share = (time) => ((time - view.from) / (view.to - view.from)) * 100;
  const width = () => behind.getBoundingClientRect().width || 1;

  const round = (step) => {
    const size = 10 ** Math.floor(Math.log10(step));
    return size * [1, 2, 5, 10].find((factor) => factor * size >= step * 0.999999);
  };
  const ticks = () => {
    const step = round((view.to - view.from) / Math.max(3, Math.min(10, width() / 85)));
    const decimals = Math.max(0, -Math.floor(Math.log10(step / 1000) + 1e-9));
    const found = [];
    for (let at = Math.ceil(view.from / step) * step; at <= view.to; at += step) {
      found.push({ at, text: (at / 1000).toFixed(decimals) });
    }
    return found;
  };
  const drawAxis = () => {
    const found = ticks();
    for (const axis of axes) {
      axis.replaceChildren(...found.map(({ at, text }, index) => {
        const label = draft("text");
        const place = share(at);
        label.setAttribute("x", place + "%");
        label.setAttribute("y", "15");
        label.setAttribute("text-anchor", place < 3 ? "start" : place > 97 ? "end" : "middle");
        label.textContent = index === 0 ? text + " s" : text;
        return label;
      }));
    }
    grid.replaceChildren(...found.map(({ at }) => {
      const line = draft("path");
      line.setAttribute("d", "M" + at + " 0v1");
      return line;
    }));
  };
  const drawWords = () => {
    const pixels = width();
    for (const { node, fold, from, to, needed } of words) {
      if (fold && !fold.open) continue;
      const left = Math.max(0, share(from));
      const right = Math.min(100, share(to));
      const shown = ((right - left) / 100) * pixels >= needed;
      node.classList.toggle("tight", !shown);
      if (shown) {
        node.setAttribute("x", left + "%");
        node.setAttribute("width", right - left + "%");
      }
    }
  };
  const draw = () => {
    for (const { plot, fold, box } of plots) {
      if (fold && !fold.open) continue;
      plot.setAttribute("viewBox", [view.from, box[1], view.to - view.from, box[3]].join(" "));
    }
    drawAxis();
    drawWords();
    for (const then of drawn) then();
  };
  const show = (from, to) => {
    const length = Math.min(whole.to - whole.from, Math.max(SHORTEST, to - from));
    view.from = Math.max(whole.from, Math.min(whole.to - length, from));
    view.to = view.from + length;
    draw();
  };
  const zoom = (factor, at = (view.from + view.to) / 2) =>
    show(at - (at - view.from) * factor, at + (view.to - at) * factor);
  const pan = (part) => {
    const by = (view.to - view.from) * part;
    show(view.from + by, view.to + by);
  };
  addEventListener("resize", draw);
  root.addEventListener("toggle", draw, true);
  draw();
  return { root, behind, view, whole, show, zoom, pan, share, draw, drawn };
};

