// @ts-check
// What mouse, pen, fingers and keys do on a picture. `host` is what they act on:
//   index(), count(), way(), setIndex(i)   which picture is shown, of how many, and which step leads on
//   voi(), setVoi(voi), range()     its window, and {low, high} of its values
//   point(at), doubled(at)          a place on the canvas that is pointed to, or clicked twice
//   pointBy(down, right)            from the point so many pixels on
//   fit(), toggle(), help(), hint() the whole picture; plays or stops; how it is used; that it has to be taken in hand
//   moved(), draw(), tell()         it was zoomed or moved; draws anew; writes what lies under the pointer
//
// Wheel and single fingers are the page's until the picture is taken in hand: by a click, a tap, or Tab.

import { asWindow, dragged, rounded } from "./greys.js";
import { MAIN_SIZE, sizeOf } from "./painting.js";
import { pinchTo, zoomTo } from "./places.js";

const WHEEL_STEP = 50, LINE = 40; // CSS pixels: that lead one picture on, and of a line
const ZOOM_STEP = 1.25, NUDGE = 8; // of a key; CSS pixels that an arrow key is worth
/** @typedef {Zoomed & {tool: string, pointed: Vector | null}} Pointed */
/** @typedef {{at: Vector, tool: string, index: number, voi: Voi | null, pan: Vector}} Start */

/** @param {HTMLCanvasElement} canvas @param {Pointed} state @param {Host} host */
export function wirePointer(canvas, state, host) {
  /** @type {Map<number, Vector>} */
  const pointers = new Map();
  /** @type {Start | null} */
  let start = null;
  /** @type {Pinched | null} */
  let pinch = null;
  canvas.onpointerdown = (event) => {
    const at = placeIn(canvas, event), isFinger = event.pointerType === "touch";
    pointers.set(event.pointerId, at);
    if (pointers.size === 2) { [start, pinch] = [null, pinchedBy(pointers, state)]; return; }
    if (pointers.size > 2 || isFinger && !isInHand(canvas)) return; // a tap takes it in hand, once it is over
    if (!isFinger) canvas.focus({ preventScroll: true });
    capture(canvas, event);
    start = startOf(at, toolOf(event, state.tool, host), state, host);
    if (start.tool === "point") host.point(at);
  };
  canvas.onpointermove = (event) => {
    const at = placeIn(canvas, event);
    state.pointed = at;
    if (pointers.has(event.pointerId)) pointers.set(event.pointerId, at);
    if (pinch && pointers.size === 2) {
      pinchTo(sizeOf(canvas), state, pinch, pinchedBy(pointers, state));
      host.moved();
    } else if (start && pointers.has(event.pointerId)) drag(canvas, at, start, state, host);
    else host.tell();
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => {
    pointers.delete(event.pointerId);
    start = pinch = null; // a finger that is left does nothing more
  };
  canvas.onpointerleave = () => { state.pointed = null; host.tell(); };
  canvas.oncontextmenu = (event) => event.preventDefault();
  canvas.ondblclick = (event) => host.doubled(placeIn(canvas, event));
  canvas.addEventListener("touchstart", (event) => { if (event.touches.length > 1) event.preventDefault(); }, { passive: false });
  canvas.addEventListener("wheel", wheelOf(canvas, state, host), { passive: false });
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

// Whether a finger on it is the viewer's: STYLE says the same of the page's own scrolling.
/** @param {HTMLElement} canvas */
export const isInHand = (canvas) => canvas.matches(":focus, .dv-held canvas");

/** @param {PointerEvent} event @param {string} chosen @param {Host} host */
function toolOf(event, chosen, host) {
  if (event.button === 1 || event.shiftKey) return "pan";
  if (event.button === 2) return "slice";
  return chosen === "window" && !host.voi() ? "pan" : chosen; // colours have no window
}

/** @param {Vector} at @param {string} tool @param {Zoomed} state @param {Host} host @returns {Start} */
function startOf(at, tool, state, host) {
  return { at, tool, index: host.index(), voi: host.voi(), pan: [...state.pan] };
}

/** @param {HTMLElement} canvas @param {Vector} at @param {Start} start @param {Zoomed} state @param {Host} host */
function drag(canvas, at, start, state, host) {
  const [dx, dy] = [at[0] - start.at[0], at[1] - start.at[1]];
  if (start.tool === "pan") {
    state.pan = [start.pan[0] + dx, start.pan[1] + dy];
    host.moved();
  } else if (start.tool === "slice") host.setIndex(start.index + host.way() * dy / Math.max(2, canvas.clientHeight / host.count()));
  else if (start.tool === "point") host.point(at);
  else if (start.voi && (start.tool === "window" || start.tool === "over")) host.setVoi(dragged(start.voi, dx, dy, host.range()));
}

/** @param {Map<number, Vector>} pointers @param {Zoomed} state @returns {Pinched} */
function pinchedBy(pointers, { zoom, pan }) {
  const [a, b] = [...pointers.values()];
  return { middle: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2], apart: Math.hypot(a[0] - b[0], a[1] - b[1]) || 1, zoom, pan };
}

// One picture on for each notch of a wheel, or for so much of a finger's way; the page scrolls where nobody is at work here.
/** @param {HTMLElement} canvas @param {Pointed} state @param {Host} host */
function wheelOf(canvas, state, host) {
  let turned = 0;
  return (/** @type {WheelEvent} */ event) => {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      zoomTo(sizeOf(canvas), state, state.zoom * Math.exp(-event.deltaY / 300), state.pointed || placeIn(canvas, event)); // a wheel's is rounded
      host.moved();
    } else if (!canvas.closest(".dv")?.matches(":focus-within")) host.hint();
    else if (event.deltaY) {
      event.preventDefault(); // at the ends too: the page does not jump
      const by = event.deltaY * (event.deltaMode ? LINE : 1);
      turned = turned * by > 0 ? turned + by : by;
      if (Math.abs(turned) < WHEEL_STEP) return;
      host.setIndex(host.index() + host.way() * Math.sign(turned));
      turned = 0;
    }
  };
}

// Neither the page nor the notebook acts on what was done here.
/** @param {Event} event */
export function done(event) {
  event.preventDefault();
  event.stopPropagation();
}

/** @type {Record<string, number>} */
const STEPS = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9 };
/** @type {Record<string, Vector>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// Keys that step through pictures, of the picture itself or of its slider.
/** @param {HTMLElement} element @param {Stepped} host */
export function wireSteps(element, { index, way, setIndex }) {
  element.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || !(event.key in STEPS)) return;
    setIndex(index() + way() * STEPS[event.key]);
    done(event);
  });
}

// All other keys of a picture; `tools` are those of its Drag menu.
/** @param {HTMLElement} canvas @param {Pointed} state @param {Host} host @param {import("./keys.js").Tool[]} tools */
export function wireKeys(canvas, state, host, tools) {
  /** @param {number} zoom */
  function zoomBy(zoom) {
    const { width, height } = sizeOf(canvas);
    zoomTo({ width, height }, state, state.zoom * zoom, [width / 2, height / 2]);
    host.moved();
  }
  /** @type {Record<string, () => void>} */
  const actions = {
    "+": () => zoomBy(ZOOM_STEP), "=": () => zoomBy(ZOOM_STEP), "-": () => zoomBy(1 / ZOOM_STEP),
    0: host.fit, " ": host.toggle, "?": host.help, Escape: () => canvas.blur(),
  };
  for (const [name, , key] of tools) actions[key] = () => { state.tool = name; host.draw(); };
  wireSteps(canvas, host);
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey) return;
    const act = actions[event.key] || actions[event.key.toLowerCase()], arrow = event.altKey && ARROWS[event.key];
    if (arrow) nudge(canvas, arrow, state, host);
    else if (act && !event.altKey) act();
    else return;
    done(event);
  });
}

// What dragging a little would do.
/** @param {HTMLElement} canvas @param {Vector} way @param {Pointed} state @param {Host} host */
function nudge(canvas, [right, down], state, host) {
  if (state.tool === "point") { host.pointBy(down, right); return; }
  const tool = state.tool === "window" && !host.voi() ? "pan" : state.tool, start = startOf([0, 0], tool, state, host);
  if (tool === "slice") host.setIndex(host.index() + host.way() * (down || right));
  else drag(canvas, [NUDGE * right, NUDGE * down], start, state, host);
}

/** @param {HTMLCanvasElement} canvas @param {Windowed} host */
export function wireHistogram(canvas, { voi, setVoi, range }) {
  canvas.onpointerdown = canvas.onpointermove = (event) => {
    const now = voi();
    if (!event.buttons || !now) return;
    const { low, high } = range(), share = placeIn(canvas, event)[0] / (canvas.clientWidth || MAIN_SIZE);
    setVoi({ ...asWindow(now), center: rounded(low + share * (high - low), (high - low) / 800) });
  };
  canvas.onkeydown = (event) => {
    const now = voi(), arrow = ARROWS[event.key];
    if (!arrow || !now) return;
    setVoi(dragged(now, -NUDGE * arrow[1], NUDGE * arrow[0], range()));
    done(event);
  };
}
