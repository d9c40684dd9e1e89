// @ts-check
// Draws the slices of a volume on a canvas and lets a person scroll, window, zoom and point.
//
// Two hosts use it: a widget in a notebook with a kernel (kernel.js), which fetches slices when they are needed, and a
// page without a kernel (stored.js), which has them all. A source is
//   meta            what does not change of the volume that is shown: planes, windows, unit, words (see viewer_data.py)
//   slice(p, i)     {values, padding} of slice i of plane p, or null where it still has to come
//   get(k), set(k, v), save(), on(k, f), off()   the shared state: plane, index, position_mm, voi
//   arrived(f)      calls f(p, i) when a slice has come
// and what members.js, overlay.js and labels.js say, where the volume is one of several, and where something lies over it.

import { STYLE, fitWidth, hintOver, make, makeCanvas, speak } from "./controls.js";
import { clamp, lookOf, voiText } from "./greys.js";
import { labelList } from "./label_list.js";
import { measuredInVolume } from "./measures.js";
import { measuring } from "./measuring.js";
import { memberSlider, wireMemberKeys } from "./members.js";
import { movesOf } from "./moves.js";
import { MAIN_SIZE, drawHistogram, onceARefresh, roughlyFirst, sizeOf, viewOf } from "./painting.js";
import { inside, pixelAt, seeAs, seenOf } from "./places.js";
import { nearestIndex, readingWay, toPoint, toVoxel } from "./planes.js";
import { capture, placeIn, wireHistogram, wireKeys, wirePointer } from "./pointer.js";
import { volumeControls } from "./volume_controls.js";
import { drawSlice, pointedText } from "./volume_painting.js";

const SIDE_SIZE = 230; // height of the two pictures beside the large one, CSS pixels
const FITTED = { zoom: 1, pan: [0, 0] };

// Puts a viewer into an element; returns what takes it away again.
/** @param {Element} el @param {Source} source */
export function mount(el, source) {
  const root = make("div", { className: "dv" }, el);
  make("style", { textContent: STYLE }, root);
  /** @type {State} */
  const state = { ...FITTED, tool: "window", three: source.meta.three_planes, playing: 0, pointed: null, look: null, isRough: false };
  const controls = volumeControls(root, source, state), parts = layOut(root);
  const main = viewOf(parts.main), small = parts.small.map(viewOf);
  const index = () => clamp(source.get("index"), 0, moves.plane().count - 1);
  const tell = () => { parts.pointer.textContent = pointedText(sizeOf(parts.main), source, state, source.get("plane"), index(), state.pointed); };
  const tellSmall = (/** @type {HTMLElement} */ canvas, /** @type {string} */ name, /** @type {Vector | null} */ at) => {
    parts.pointer.textContent = pointedText(sizeOf(canvas), source, FITTED, name, moves.indexOf(name), at);
  };
  const tellStatus = (/** @type {string} */ text) => { parts.status.textContent = text; };
  // Linked viewers see the same: what is seen of one is in the state that they share.
  const moved = () => {
    if (source.get("view_mm")) {
      source.set("view_mm", seenOf(sizeOf(parts.main), moves.plane(), state, index()));
      source.save();
    }
    draw();
  };
  const fit = () => { Object.assign(state, FITTED); moved(); };

  let isMounted = false;
  const drawSoon = onceARefresh(roughlyFirst(root, (isRough) => { state.isRough = isRough; drawNow(); }));
  const draw = () => { if (isMounted && !moves.isChanging()) drawSoon(); };
  const moves = movesOf(source, draw), slider = memberSlider(controls.members, source, moves, tellStatus);
  const way = () => readingWay(source.get("plane"), moves.plane());
  const host = { plane: () => source.get("plane"), index: () => source.get("index"), way, setIndex: moves.setIndex, draw };
  const labels = labelList(parts.labels, source, host);
  state.label = slider?.label;
  const goTo = (/** @type {Measure} */ { plane = "", points_mm = [] }) => {
    if (plane !== source.get("plane")) fit();
    moves.change({ plane, position_mm: points_mm[0], index: nearestIndex(source.meta.planes[plane], points_mm[0]) });
  };
  const measures = measuring(root, parts.main, state, source, measuredInVolume(source), { ...host, index, geometry: moves.plane, goTo, tell });
  // A slice with what was measured on it.
  const drawWhole = (/** @type {View} */ view, /** @type {State} */ zoomed, /** @type {string} */ name, /** @type {number} */ number, /** @type {number} */ length, large = false) => {
    const written = drawSlice(view, source, zoomed, name, number, length, large), { canvas } = view;
    if (canvas.dataset.slice === `${name} ${number}`) measures.drawOn(canvas, source.meta.planes[name], zoomed, name, number, written);
  };

  let width = MAIN_SIZE; // of the viewer, CSS pixels
  /** @type {unknown[]} */
  let inHistogram = []; // what it shows
  function showHistogram() {
    const wide = Math.min(width, sizeOf(parts.main).width), shown = [source.meta, state.look, wide];
    if (shown.every((part, number) => part === inHistogram[number])) return;
    parts.histogram.style.maxWidth = parts.main.style.width;
    drawHistogram(parts.histogram, wide, source.meta, source.get("voi"));
    inHistogram = shown;
  }
  function drawNow() {
    state.look = lookOf(state.look, source.get("voi"), source.meta.inverted);
    drawWhole(main, state, source.get("plane"), index(), mainSize(width, state), true);
    parts.side.hidden = !state.three;
    parts.side.style.flexFlow = isWide(width) ? "column" : "row wrap"; // beside the large picture or below it
    const beside = { ...state, ...FITTED };
    if (state.three) moves.others().forEach((name, number) => drawWhole(small[number], beside, name, moves.indexOf(name), sideSize(width)));
    showHistogram();
    if (!state.playing) speakSlice(parts, source, index()); // else a screen reader would never end
    controls.show();
    slider?.draw();
    labels?.show();
    measures.show();
    tell();
    root.dataset.drawn = String(Number(root.dataset.drawn || 0) + 1);
  }

  function fitted() {
    width = fitWidth(root) || MAIN_SIZE;
    draw();
  }

  const steps = { index: () => source.get("index"), count: () => moves.plane().count, way, setIndex: moves.setIndex };
  const { toggle } = controls.wire({ moves, slider, steps, fit, draw });
  const hint = hintOver(parts.canvases, "slices");
  wireMain(parts, source, state, moves, { ...steps, draw, tell, moved, fit, toggle, hint, help: controls.help }, controls.tools);
  if (slider) wireMemberKeys(parts.main, slider);
  parts.small.forEach((canvas, number) => wireCrosshair(canvas, () => moves.others()[number], source, moves, tellSmall));
  listen(source, state, moves, draw);
  source.on("view_mm", () => {
    const seen = source.get("view_mm");
    if (!seen || String(seen) === String(seenOf(sizeOf(parts.main), moves.plane(), state, index()))) return;
    seeAs(sizeOf(parts.main), moves.plane(), state, seen);
    draw();
  });
  source.failed(tellStatus);
  const resized = new ResizeObserver(fitted);
  resized.observe(root);
  isMounted = true;
  fitted();
  moves.ahead();
  return () => { clearInterval(state.playing); resized.disconnect(); source.off?.(); };
}

/** @typedef {ReturnType<typeof layOut>} Parts */

/** @param {Element} root */
function layOut(root) {
  const canvases = make("div", { className: "dv-views" }, root), main = makeCanvas(canvases, "", "slider");
  main.ariaRoleDescription = "picture";
  const side = make("div", { className: "dv-side" }, canvases), small = [0, 1].map(() => makeCanvas(side, ""));
  small.forEach((canvas) => { canvas.tabIndex = -1; }); // the same can be done with the large one
  const histogram = makeCanvas(root, "histogram of the values with the window; arrow keys and drags move the window", "slider");
  const words = make("div", { className: "dv-row dv-words" }); // beside the picture's foot, before its histogram
  histogram.before(words);
  const pointer = make("output", { ariaLive: "off" }, words);
  const status = make("span", { className: "dv-status", role: "status" }, words);
  return { canvases, main, side, small, histogram, pointer, status, labels: make("div", {}, root) };
}

/** @param {number} width  of the viewer */
const isWide = (width) => width > MAIN_SIZE + SIDE_SIZE;

/** @param {number} width @param {State} state */
function mainSize(width, state) {
  return Math.max(120, Math.min(MAIN_SIZE, state.three && isWide(width) ? width - SIDE_SIZE - 8 : width));
}

// Two side by side below the large picture, where they do not fit as they are.
/** @param {number} width */
const sideSize = (width) => Math.min(SIDE_SIZE, width / 2 - 4);

// What a screen reader speaks of the picture and of the window, when they have changed.
/** @param {Parts} parts @param {Source} source @param {number} index */
function speakSlice({ main, histogram }, source, index) {
  const { count, positions } = source.meta.planes[source.get("plane")], voi = source.get("voi"), { low, high } = source.meta.histogram;
  const window = voiText(voi, source.meta.unit);
  speak(main, index + 1, 1, count, `slice ${index + 1} of ${count}, ${positions[index]}; ${window}`);
  speak(histogram, clamp(voi.center ?? (low + high) / 2, low, high), low, high, window);
}

// Mouse, fingers and keys on the large picture and on the histogram.
/**
 * @param {Parts} parts @param {Source} source @param {State} state @param {Moves} moves
 * @param {Omit<Host, keyof Windowed | "point" | "pointBy" | "doubled">} host @param {import("./keys.js").Tool[]} tools
 */
function wireMain({ main, histogram }, source, state, moves, host, tools) {
  const range = () => source.meta.histogram, voi = () => source.get("voi"), { setVoi } = moves;
  const isOver = () => state.tool === "over";
  const windowing = {
    voi: () => source.get(isOver() ? "over_voi" : "voi"),
    setVoi: (/** @type {Voi} */ wanted) => (isOver() ? moves.setOverVoi : setVoi)(wanted),
    range: () => isOver() && source.over || range(),
  };
  const pointAt = (/** @type {Vector} */ pixel) => {
    const plane = moves.plane();
    moves.setPosition(toPoint(plane, [source.get("index"), ...inside(plane, pixel)]));
  };
  const point = (/** @type {Vector} */ at) => pointAt(pixelAt(sizeOf(main), moves.plane(), state, at));
  const pointBy = (/** @type {number} */ down, /** @type {number} */ right) => {
    const [, row, column] = toVoxel(moves.plane(), source.get("position_mm"));
    pointAt([row + down, column + right]);
  };
  const whole = { ...host, ...windowing, point, pointBy, doubled: point };
  wirePointer(main, state, whole);
  wireKeys(main, state, whole, tools);
  wireHistogram(histogram, { voi, setVoi, range });
}

// A small picture is pointed to: the other planes go there.
/**
 * @param {HTMLCanvasElement} canvas @param {() => string} name @param {Source} source @param {Moves} moves
 * @param {(canvas: HTMLElement, name: string, at: Vector | null) => void} tell
 */
function wireCrosshair(canvas, name, source, moves, tell) {
  const point = (/** @type {PointerEvent} */ event) => {
    const plane = source.meta.planes[name()], pixel = pixelAt(sizeOf(canvas), plane, FITTED, placeIn(canvas, event));
    moves.setPosition(toPoint(plane, [moves.indexOf(name()), ...inside(plane, pixel)]));
  };
  canvas.onpointerdown = (event) => { capture(canvas, event); point(event); };
  canvas.onpointermove = (event) => {
    if (event.buttons) point(event);
    tell(canvas, name(), placeIn(canvas, event));
  };
  canvas.onpointerleave = () => tell(canvas, name(), null);
}

/** @param {Source} source @param {State} state @param {Moves} moves @param {() => void} draw */
function listen(source, state, moves, draw) {
  for (const name of /** @type {const} */ (["index", "plane", "voi", "opacity", "over_voi", "hidden_labels", "label_fill", "slab_mm", "slab_how", "interpolation"])) source.on(name, draw);
  source.on("position_mm", moves.follow);
  source.arrived((name, index) => {
    if (name !== source.get("plane") || index === source.get("index") || state.three) draw();
  });
}
