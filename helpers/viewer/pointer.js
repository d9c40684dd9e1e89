// @ts-check
// What mouse, pen, fingers and keys do on a picture. `host` is what they act on:
//   index(), count(), setIndex(i)   which picture is shown, of how many
//   voi(), setVoi(voi), range()     its window, and {low, high} of its values
//   point(at), doubled(at)          a place on the canvas that is pointed to, or clicked twice
//   draw(), tell()                  draws anew; writes what lies under the pointer

import { asWindow, dragged, rounded } from "./greys.js";
import { MAIN_SIZE, sizeOf } from "./painting.js";
import { zoomTo } from "./places.js";

/** @typedef {Zoomed & {tool: string, pointed: Vector | null}} Pointed */
/** @typedef {{at: Vector, tool: string, index: number, voi: Voi | null, pan: Vector, apart: number, zoom: number}} Start */

/** @param {HTMLCanvasElement} canvas @param {Pointed} state @param {Host} host */
export function wirePointer(canvas, state, host) {
  /** @type {Map<number, Vector>} */
  const pointers = new Map();
  /** @type {Start | null} */
  let start = null;
  canvas.onpointerdown = (event) => {
    const at = placeIn(canvas, event);
    canvas.focus({ preventScroll: true });
    capture(canvas, event);
    pointers.set(event.pointerId, at);
    start = startOf(at, toolOf(event, state.tool, host), state, host);
    if (start.tool === "point") host.point(at);
  };
  canvas.onpointermove = (event) => {
    const at = placeIn(canvas, event);
    state.pointed = at;
    if (!start || !pointers.has(event.pointerId)) { host.tell(); return; }
    pointers.set(event.pointerId, at);
    if (pointers.size === 2) pinch(canvas, [...pointers.values()], start, state, host);
    else drag(canvas, at, start, state, host);
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => {
    pointers.delete(event.pointerId);
    if (!pointers.size) start = null;
  };
  canvas.onpointerleave = () => { state.pointed = null; host.tell(); };
  canvas.oncontextmenu = (event) => event.preventDefault();
  canvas.ondblclick = (event) => host.doubled(placeIn(canvas, event));
  canvas.addEventListener("wheel", (event) => turn(canvas, event, state, host), { passive: false });
}

/** @param {HTMLElement} canvas @param {MouseEvent} event @returns {Vector} */
export function placeIn(canvas, event) {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

/** @param {HTMLElement} canvas @param {PointerEvent} event */
export function capture(canvas, event) {
  try { canvas.setPointerCapture(event.pointerId); } catch { /* a pointer that is gone already */ }
}

/** @param {PointerEvent} event @param {string} chosen @param {Host} host */
function toolOf(event, chosen, host) {
  if (event.button === 1 || event.shiftKey) return "pan";
  if (event.button === 2) return "slice";
  return chosen === "window" && !host.voi() ? "pan" : chosen; // colours have no window
}

/** @param {Vector} at @param {string} tool @param {Zoomed} state @param {Host} host @returns {Start} */
function startOf(at, tool, state, host) {
  return { at, tool, index: host.index(), voi: host.voi(), pan: [...state.pan], apart: 0, zoom: state.zoom };
}

/** @param {HTMLElement} canvas @param {Vector} at @param {Start} start @param {Zoomed} state @param {Host} host */
function drag(canvas, at, start, state, host) {
  const [dx, dy] = [at[0] - start.at[0], at[1] - start.at[1]];
  if (start.tool === "pan") {
    state.pan = [start.pan[0] + dx, start.pan[1] + dy];
    host.draw();
  } else if (start.tool === "slice") host.setIndex(start.index + dy / Math.max(2, canvas.clientHeight / host.count()));
  else if (start.tool === "point") host.point(at);
  else if (start.voi) host.setVoi(dragged(start.voi, dx, dy, host.range()));
}

/** @param {HTMLElement} canvas @param {Vector[]} fingers @param {Start} start @param {Zoomed} state @param {Host} host */
function pinch(canvas, [a, b], start, state, host) {
  const apart = Math.hypot(a[0] - b[0], a[1] - b[1]);
  start.apart ||= apart;
  zoomTo(sizeOf(canvas), state, start.zoom * apart / start.apart, [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]);
  host.draw();
}

/** @param {HTMLElement} canvas @param {WheelEvent} event @param {Zoomed} state @param {Host} host */
function turn(canvas, event, state, host) {
  event.preventDefault();
  if (event.ctrlKey || event.metaKey) {
    zoomTo(sizeOf(canvas), state, state.zoom * Math.exp(-event.deltaY / 300), placeIn(canvas, event));
    host.draw();
  } else host.setIndex(host.index() + Math.sign(event.deltaY));
}

// Neither the page nor the notebook acts on what was done here.
/** @param {Event} event */
export function done(event) {
  event.preventDefault();
  event.stopPropagation();
}

/** @type {Record<string, number>} */
const STEPS = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1, PageUp: -10, PageDown: 10 };

/** @param {HTMLElement} canvas @param {Stepped} host */
export function wireKeys(canvas, { index, count, setIndex }) {
  canvas.onkeydown = (event) => {
    if (event.key in STEPS) setIndex(index() + STEPS[event.key]);
    else if (event.key === "Home") setIndex(0);
    else if (event.key === "End") setIndex(count() - 1);
    else return;
    done(event);
  };
}

/** @type {Record<string, Vector>} */
const WINDOW_STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** @param {HTMLElement} canvas @param {Windowed} host */
export function wireHistogram(canvas, { voi, setVoi, range }) {
  canvas.onpointerdown = canvas.onpointermove = (event) => {
    const now = voi();
    if (!event.buttons || !now) return;
    const { low, high } = range(), share = placeIn(canvas, event)[0] / (canvas.clientWidth || MAIN_SIZE);
    setVoi({ ...asWindow(now), center: rounded(low + share * (high - low), (high - low) / 800) });
  };
  canvas.onkeydown = (event) => {
    const now = voi();
    if (!(event.key in WINDOW_STEPS) || !now) return;
    const [dx, dy] = WINDOW_STEPS[event.key];
    setVoi(dragged(now, 8 * dy, 8 * dx, range()));
    done(event);
  };
}
