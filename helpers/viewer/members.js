// @ts-check
// The volumes of a group (times, b-values, echoes): which one is shown, and which one is wanted and still has to come.
//
// A source with a group has, beside what volume.js says of it,
//   members            {name, labels, remark, one_window}; null without a group
//   shown, show(m)     the number of the volume that is shown, from 0
//   about(m)           the meta of a volume, or undefined where it still has to come
//   slice(p, i, ahead, m)   as of the volume that is shown, of another one
//   failed(f)          calls f(text, m) when a volume cannot be shown

import { labelled, make, makeRow } from "./controls.js";
import { done } from "./pointer.js";

export const PREFETCHED = 6; // pictures fetched before they are asked for
const LARGE_BYTES = 2 ** 24; // of a volume; of larger ones a single one is loaded ahead

// A row with a slider, for a group; `tell` writes why a volume cannot be shown.
/** @param {Element} root @param {Source} source @param {Moves} moves @param {(text: string) => void} tell @returns {MemberSlider | null} */
export function memberSlider(root, source, moves, tell) {
  const { members } = source;
  if (!members) return null;
  const { labels, one_window } = members, last = labels.length - 1;
  /** @type {Map<number, string>} */
  const lost = new Map(); // why some cannot be shown
  let wanted = source.shown, way = 1;
  const { slider, label } = sliderRow(root, members.name, last);
  slider.oninput = () => want(Number(slider.value));

  const indexIn = (/** @type {Meta} */ meta) => moves.indexOf(source.get("plane"), meta);
  const asked = (/** @type {number} */ m, /** @type {boolean} */ ahead) => {
    return source.slice(source.get("plane"), indexIn(source.about(m) || source.meta), ahead, m);
  };
  /** @param {number} m */
  function want(m) {
    way = Math.sign(m - source.shown) || way;
    wanted = m;
    if (lost.has(m)) refuse(m);
    else if (m !== source.shown && asked(m, false) && source.about(m)) show(m);
    draw();
  }
  /** @param {number} m */
  function show(m) {
    const before = source.meta.windows;
    source.show(m);
    tell("");
    moves.change({ ...(source.get("member") === m ? {} : changed(m, before)), index: indexIn(source.meta) });
    ahead();
  }
  /** @param {number} member @param {Voi[]} before */
  function changed(member, before) {
    const voi = source.get("voi");
    return { voi: one_window ? voi : ownWindow(voi, before, source.meta.windows), member };
  }
  function ahead() {
    const [{ count, rows, columns }] = Object.values(source.meta.planes);
    const far = 2 * count * rows * columns > LARGE_BYTES ? 1 : PREFETCHED;
    for (let step = 1; step <= far; step++) {
      const m = source.shown + step * way;
      if (m >= 0 && m <= last && !lost.has(m)) asked(m, true);
    }
  }
  /** @param {number} m */
  function refuse(m) {
    wanted = source.shown;
    tell(lost.get(m) || "");
  }
  // To the next volume that can be shown, from the last to the first where `round` says so.
  function step(by = 1, round = false) {
    for (let m = wanted + by, tried = 0; tried <= last; m += by, tried++) {
      if (round) m = (m + last + 1) % (last + 1);
      if (m < 0 || m > last) return;
      if (!lost.has(m)) { want(m); return; }
    }
  }
  function draw() {
    const count = `${wanted + 1} of ${labels.length}`, own = labels[wanted];
    const text = own.endsWith(count) ? own : `${own} (${count})`;
    slider.value = String(wanted);
    label.textContent = wanted === source.shown ? text : `${text} is loaded …`;
    slider.setAttribute("aria-valuetext", text);
  }

  const catchUp = () => { if (source.get("member") !== source.shown) want(source.get("member")); };
  source.on("member", catchUp);
  source.arrived(() => { if (wanted !== source.shown) want(wanted); });
  source.failed((text, m) => {
    if (m === undefined || m === source.shown) return;
    lost.set(m, text);
    if (m === wanted) { refuse(m); draw(); }
  });
  catchUp();
  draw();
  ahead();
  return { step, draw, waits: () => wanted !== source.shown, label: () => labels[source.shown] };
}

/** @param {Element} root @param {string} name @param {number} max */
function sliderRow(root, name, max) {
  const row = makeRow(root), slider = labelled(row, name, "input", { type: "range", min: 0, max, step: 1 });
  slider.title = "[ and ], or Shift and the arrow keys on the picture";
  return { slider, label: make("output", { className: "dv-member", ariaLive: "off" }, row) };
}

// The window of another volume that has the name of the one that is set; its first for a first, else the one that is set.
/** @param {Voi} voi @param {Voi[]} before @param {Voi[]} now */
function ownWindow(voi, before, now) {
  const known = now.find((one) => one.name === voi.name) || (before[0].name === voi.name ? now[0] : null);
  return known ? { ...known } : voi;
}

/** @type {Record<string, number>} */
const MEMBER_STEPS = { "[": -1, "]": 1, "Shift ArrowLeft": -1, "Shift ArrowUp": -1, "Shift ArrowRight": 1, "Shift ArrowDown": 1 };

// Keys that step through a group, before those that step through slices see them.
/** @param {HTMLElement} canvas @param {MemberSlider} slider */
export function wireMemberKeys(canvas, slider) {
  canvas.addEventListener("keydown", (event) => {
    const by = MEMBER_STEPS[event.shiftKey ? `Shift ${event.key}` : event.key];
    if (!by) return;
    slider.step(by);
    done(event);
    event.stopImmediatePropagation();
  }, true);
}
