// What the page offers beyond reading: one zoom for all panels, words under the pointer, jumps. The page is whole
// without it. Times are milliseconds of the run.
(() => {
  "use strict";
  const all = (root, selector) => Array.from(root.querySelectorAll(selector));
  const SHORTEST = 5;
  const LETTER = 6.6;

  // --- words under the pointer: the titles of the pictures, shown at once and in our own style
  const tip = document.getElementById("tip");
  const titleOf = (target) => {
    for (let at = target; at && at.nodeType === 1 && at.tagName !== "DIV"; at = at.parentNode) {
      if (at.dataset && at.dataset.tip) return at.dataset.tip;
      const title = all(at, ":scope > title")[0];
      if (title) {
        at.dataset.tip = title.textContent;
        title.remove();
        return at.dataset.tip;
      }
    }
    return "";
  };
  const showTip = (event) => {
    const text = event.target.closest && event.target.closest(".picture") ? titleOf(event.target) : "";
    tip.hidden = !text;
    if (!text) return;
    tip.textContent = text;
    const box = tip.getBoundingClientRect();
    const left = event.clientX + 14 + box.width > innerWidth ? event.clientX - box.width - 14 : event.clientX + 14;
    const top = event.clientY + 18 + box.height > innerHeight ? event.clientY - box.height - 12 : event.clientY + 18;
    tip.style.left = Math.max(4, left) + "px";
    tip.style.top = Math.max(4, top) + "px";
  };
  document.addEventListener("pointermove", showTip);
  document.addEventListener("pointerdown", showTip);
  document.addEventListener("pointerleave", () => { tip.hidden = true; });
  document.addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });

  // --- one timeline: everything in it shows the same stretch of time
  const timeline = (root) => {
    const whole = { from: Number(root.dataset.from), to: Number(root.dataset.to) };
    const view = { ...whole };
    const plots = all(root, ".plot").map((plot) => ({ plot, box: plot.getAttribute("viewBox").split(" ") }));
    const words = all(root, ".words").map((node) => ({
      node,
      from: Number(node.dataset.a),
      to: Number(node.dataset.b),
      needed: node.textContent.length * LETTER + 8,
    }));
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
      for (const { node, from, to, needed } of words) {
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
      for (const { plot, box } of plots) {
        plot.setAttribute("viewBox", [view.from, box[1], view.to - view.from, box[3]].join(" "));
      }
      drawAxis();
      drawWords();
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
    draw();
    return { root, behind, view, whole, show, zoom, pan, share };
  };

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
    line.root.addEventListener("dblclick", (event) => {
      if (event.target.closest(".cell")) line.show(line.whole.from, line.whole.to);
    });
    return point;
  };

  // --- what the buttons and keys do on the timeline of the whole run
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
    const keys = { "+": "in", "=": "in", "-": "out", ArrowLeft: "back", ArrowRight: "forward", 0: "reset", Escape: "reset", n: "next", p: "previous" };
    line.root.addEventListener("keydown", (event) => {
      const name = keys[event.key];
      if (!name || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      run[name]();
    });
    return { run, goto };
  };

  all(document, ".tl").filter((root) => !("zoom" in root.dataset)).forEach(timeline);
  const main = document.querySelector(".tl[data-zoom]");
  if (main) {
    main.tabIndex = 0;
    main.setAttribute("role", "group");
    main.setAttribute("aria-label", "Timeline. Keys: plus and minus zoom, arrows move, 0 shows the whole run, n and p go to the next and previous finding.");
    const line = timeline(main);
    const { run, goto } = commands(line, pointer(line));
    for (const tools of all(document, ".tools")) {
      tools.hidden = false;
      tools.addEventListener("click", (event) => {
        const name = event.target.dataset.do;
        if (name) run[name]();
      });
    }
    // An address that ends in #at=5.301 opens the page at that second.
    const visit = (time) => {
      goto(time);
      document.getElementById("timeline").scrollIntoView();
    };
    const fromAddress = () => {
      const at = /^#at=(\d+(\.\d+)?)$/.exec(location.hash);
      if (at) visit(Number(at[1]) * 1000);
    };
    document.addEventListener("click", (event) => {
      const link = event.target.closest && event.target.closest("[data-goto]");
      if (!link) return;
      event.preventDefault();
      const time = Number(link.dataset.goto);
      history.replaceState(null, "", "#at=" + (time / 1000).toFixed(3));
      visit(time);
    });
    addEventListener("hashchange", fromAddress);
    fromAddress();
  }

  // An address that names a finding opens whatever it is folded into.
  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (!target) return;
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  if (location.hash) reveal();

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
})();
