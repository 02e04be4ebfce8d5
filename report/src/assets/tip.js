// What the page offers beyond reading: one zoom for all panels, words under the pointer, jumps. The page is whole
// without it. Times are milliseconds of the run.
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
  const at = event.target;
  const text = at.told ? at.told(event) : at.closest && at.closest(".picture") ? titleOf(at) : "";
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

