// @ts-check
// Draws images that are no volume, one after the other, each with its own aspect, window and letters; plays frames.
//
// Two hosts use it: a widget in a notebook with a kernel (kernelImages), and a page without one (storedImages). A source is
//   meta               {count}: how many images there are
//   image(i, ahead)    what is known of image i with its pixels (see helpers/viewer/image_data.py), or null where it still
//                      has to come: {rows, columns, spacing, letters, …, values or rgb, padding, factors, size}; or {error}
//   has(i)             whether image(i) is there
//   part(i, box, f), value(i, r, c), named(i, name)   ask for a part of it, a value, a window taken from the values; told to
//   arrived(f)         calls f({type, index, …}) when something of these has come
//   get(k), set(k, v), save(), on(k, f), off()        the shared state: index, preset, customs

import { STYLE, fitWidth, hintOver, isCalm, make, makeCanvas, speak } from "./controls.js";
import { clamp, limits, lookOf, voiText } from "./greys.js";
import { imageControls } from "./image_controls.js";
import { drawError, drawImage, imageText, valueAt } from "./image_painting.js";
import { IMAGE_TOOLS } from "./keys.js";
import { labelList } from "./label_list.js";
import { measuredInImages } from "./measures.js";
import { measuring } from "./measuring.js";
import { MAIN_SIZE, drawHistogram, onceARefresh, sizeOf, sized, viewOf } from "./painting.js";
import { missingDetail, pixelUnder, zoomTo } from "./places.js";
import { playPlan, playerOf } from "./playing.js";
import { wireHistogram, wireKeys, wirePointer } from "./pointer.js";

export const STAGE = { width: 720, height: 600 }; // of the canvas, CSS pixels at most
const MIN_STAGE_WIDTH = 160; // CSS pixels
const MAX_IMAGE_ZOOM = 60;
const DETAIL_MS = 150; // that a picture stands still before its detail is fetched
const IMAGES_AHEAD = 3; // images fetched before they are asked for, in the direction of the last step
const WHOLE = { zoom: 1, pan: [0, 0] };
const CALM_RATE = 2; // frames per second, for who has asked for less motion

// Puts a viewer into an element; returns what takes it away again.
/** @param {Element} el @param {ImageSource} source */
export function mountImages(el, source) {
  const { count } = source.meta;
  const root = make("div", { className: "dv" }, el);
  make("style", { textContent: STYLE }, root);
  /** @type {ImagesState} */
  const state = { ...WHOLE, tool: "window", maxZoom: MAX_IMAGE_ZOOM, pointed: null, shown: null, step: 1, look: null };
  const controls = imageControls(root, count, state), parts = layOutImages(root, count);
  const { canvas, bars } = parts, view = viewOf(canvas);
  /** @type {Detail | null} */
  let detail = null; // a part of the image that is shown, in more pixels
  let timer = 0;

  const index = () => player.index() ?? clamp(source.get("index"), 0, count - 1);
  const image = () => source.image(index());
  const { voi, setVoi } = windowsOf(source, image, () => draw());
  const range = () => /** @type {ImageFound} */ (image()).histogram;
  const setIndex = (/** @type {number} */ wanted) => {
    const next = clamp(Math.round(wanted), 0, count - 1);
    if (next === index()) return;
    player.stop();
    state.step = Math.sign(next - source.get("index")) || 1;
    source.set("index", next);
    source.save();
    draw();
    for (let step = 1; step <= IMAGES_AHEAD; step++) fetchAhead(next + step * state.step);
    fetchAhead(next - state.step);
  };
  const fetchAhead = (/** @type {number} */ number) => { if (number >= 0 && number < count) source.image(number, true); };
  const fit = () => { Object.assign(state, WHOLE); draw(); };
  const zoom = (/** @type {number} */ wanted, /** @type {Vector} */ at) => { zoomTo(sizeOf(canvas), state, wanted, at); draw(); };
  const doubled = (/** @type {Vector} */ at) => state.zoom > 1 ? fit() : zoom(3, at);

  const draw = onceARefresh(() => drawNow());
  function drawNow() {
    fitWidth(root);
    const number = index(), found = source.image(number), now = voi(found), isPlaying = player.isOn();
    controls.show(number, found, now, isPlaying);
    if (!found) { canvas.dataset.waiting = `image ${number}`; return; }
    if (state.shown && !sameFrame(state.shown, found)) Object.assign(state, WHOLE);
    state.shown = found;
    if (detail?.index !== number) detail = null;
    drawStage(found, now);
    bars.hidden = !now;
    bars.style.display = now ? "block" : "none";
    bars.style.maxWidth = canvas.style.width;
    if (!isPlaying) showBeside(found, now);
    tellImage(canvas, number, found, detail);
    tell();
    root.dataset.drawn = String(Number(root.dataset.drawn || 0) + 1);
    clearTimeout(timer);
    if (!isPlaying && found.error === undefined) timer = setTimeout(() => wantDetail(found), DETAIL_MS);
  }
  /** @param {AnyImage} found @param {Voi | null} now  its window */
  function drawStage(found, now) {
    const size = stageSize(parts.stage), pen = sized(canvas, size.width, size.height);
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, size.width, size.height);
    if (found.error !== undefined) { drawError(pen, found, size); return; }
    state.look = lookOf(state.look, now, found.inverted);
    const written = drawImage(pen, view, found, detail, state, state.look, source);
    measures.drawOn(canvas, found, state, "image", found.index, written);
  }
  // What stands beside the picture; while frames play there is no time for it.
  /** @param {AnyImage} found @param {Voi | null} now  its window */
  function showBeside(found, now) {
    labels?.show();
    measures.show();
    if (now && found.error === undefined) drawHistogram(bars, bars.clientWidth || MAIN_SIZE, found, now);
    canvas.ariaLabel = imageText(found, now, count);
    const range = found.error === undefined && found.histogram, window = now && range ? voiText(now, found.unit) : "";
    if (count > 1) speak(canvas, found.index + 1, 1, count, [found.label, window].filter(Boolean).join("; "));
    if (now && range) speak(bars, clamp(now.center ?? limits(now)[0], range.low, range.high), range.low, range.high, window);
  }
  /** @param {ImageFound} found */
  function wantDetail(found) {
    const wanted = missingDetail(sizeOf(canvas), found, detail, state, window.devicePixelRatio || 1);
    if (wanted) source.part(found.index, wanted.box, wanted.factors);
  }

  const values = valuesOf(source);
  const tell = () => {
    const found = state.shown?.error === undefined ? state.shown : null;
    const pixel = found && state.pointed && pixelUnder(sizeOf(canvas), found, state, state.pointed);
    parts.pointer.textContent = pixel ? values.textAt(found, detail, pixel) : "";
  };
  const player = playerOf(source, {
    index, draw,
    plan: () => {
      const own = image()?.run, run = own && own.stop - own.start > 1 ? own : { start: 0, stop: count };
      const plan = playPlan(run, controls.rate());
      return isCalm() && !controls.rate() && plan.rate > CALM_RATE ? playPlan(run, CALM_RATE) : plan;
    },
    tell: (words) => { parts.status.textContent = words; },
  });

  const steps = { index, count: () => count, way: () => 1, setIndex }, windowing = { voi: () => voi(image()), setVoi, range };
  controls.wire({ ...windowing, steps, setIndex, fit, toggle: player.toggle, again: player.again, known: () => knownWindows(image()) });
  const labels = labelList(parts.labels, source, { plane: () => "image", index, way: () => 1, setIndex, draw });
  const geometry = () => { const found = image(); return found && found.error === undefined ? found : null; };
  const measures = measuring(root, canvas, state, source, measuredInImages(source), {
    geometry, plane: () => "image", index, goTo: (item) => setIndex(item.index || 0), draw, tell,
  });
  const hands = { fit, toggle: player.toggle, help: controls.help, hint: hintOver(parts.stage, "images"), moved: draw, draw, tell };
  const host = { ...steps, ...windowing, ...hands, point: () => {}, pointBy: () => {}, doubled };
  wirePointer(canvas, state, host);
  wireKeys(canvas, state, host, IMAGE_TOOLS);
  wireHistogram(bars, windowing);
  source.on("index", () => { if (!player.isOn()) draw(); });
  for (const name of /** @type {const} */ (["preset", "customs", "hidden_labels"])) source.on(name, draw);
  source.arrived((told) => {
    const isShown = told.index === index();
    if (told.type === "window" || told.type === "measured" || told.type === "image" && isShown) draw();
    else if (told.type === "part" && isShown) { detail = told; draw(); }
    else if (told.type === "value" && values.keep(told)) tell();
  });
  source.screen?.(() => screenBox(parts.stage));
  const resized = new ResizeObserver(draw);
  resized.observe(root);
  draw();
  fetchAhead(index() + 1);
  return () => { player.halt(); clearTimeout(timer); resized.disconnect(); source.off?.(); };
}

/** @param {Element} root @param {number} count */
function layOutImages(root, count) {
  const stage = make("div", { className: "dv-views" }, root), canvas = makeCanvas(stage, "", count > 1 ? "slider" : "img");
  if (count > 1) canvas.ariaRoleDescription = "picture";
  const words = make("div", { className: "dv-row dv-words" }, root);
  const bars = makeCanvas(root, "histogram of the values with the window; arrow keys and drags move the window", "slider");
  const labels = make("div", {}, root);
  const pointer = make("output", { ariaLive: "off" }, words);
  const status = make("span", { className: "dv-status", role: "status" }, words);
  return { stage, canvas, bars, labels, pointer, status };
}

/** @param {Element} stage @returns {Size} */
function stageSize(stage) {
  const width = Math.max(MIN_STAGE_WIDTH, Math.min(STAGE.width, stage.clientWidth || STAGE.width));
  return { width, height: Math.round(Math.min(STAGE.height, width * STAGE.height / STAGE.width * 1.2)) };
}

// How many pixels the screen has there.
/** @param {Element} stage @returns {Size} */
function screenBox(stage) {
  const ratio = window.devicePixelRatio || 1, width = Math.min(STAGE.width, stage.clientWidth || STAGE.width);
  return { width: Math.round(width * ratio), height: Math.round(Math.min(STAGE.height, width) * ratio) };
}

// Whether two images lie alike, so that zoom and place are kept from one to the other: frames of one file.
/** @param {AnyImage} one @param {AnyImage} other */
const sameFrame = (one, other) => one.run.start === other.run.start && one.rows === other.rows && one.columns === other.columns;

// Which image is drawn, whether it could be, and how far its pixels are reduced.
/** @param {HTMLCanvasElement} canvas @param {number} number @param {AnyImage} found @param {Detail | null} detail */
function tellImage({ dataset }, number, found, detail) {
  const isShown = found.error === undefined;
  delete dataset.waiting;
  Object.assign(dataset, { slice: `image ${number}`, failed: isShown ? "" : "yes", factors: isShown ? String((detail || found).factors) : "" });
}

/** @param {AnyImage | null} found */
const knownWindows = (found) => found && found.error === undefined ? found.windows : [];

// The window of an image, by what was chosen: one that was typed or dragged holds for its run, a name for all images.
/** @param {ImageSource} source @param {() => AnyImage | null} image @param {() => void} draw */
function windowsOf(source, image, draw) {
  /** @param {AnyImage | null} found @returns {Voi | null} */
  function voi(found) {
    if (!found || found.error !== undefined || !found.voi) return null;
    const own = source.get("customs")[found.run.start], preset = source.get("preset");
    if (own) return own;
    const named = preset && found.windows.find((one) => one.name === preset);
    if (!named) return found.voi;
    if (named.values || named.center !== undefined) return named;
    source.named(found.index, preset); // it still has to come
    return found.voi;
  }
  /** @param {Voi} wanted */
  function setVoi(wanted) {
    const found = image();
    if (!voi(found) || !found) return;
    const customs = { ...source.get("customs") };
    delete customs[found.run.start];
    if (wanted.name === "custom") customs[found.run.start] = wanted; else source.set("preset", wanted.name);
    source.set("customs", customs);
    source.save();
    draw();
  }
  return { voi, setVoi };
}

// The value of a pixel in words: of the pixels at hand where none are reduced, else asked for.
/** @param {ImageSource} source */
function valuesOf(source) {
  let asked = "", text = ""; // for which pixel, and what has come
  const keyOf = (/** @type {number} */ index, /** @type {Vector} */ pixel) => `${index} ${pixel}`;
  /** @param {ImageFound} found @param {Detail | null} detail @param {Vector} pixel */
  function textAt(found, detail, pixel) {
    const [row, column] = pixel, [down, right] = found.spacing;
    const value = valueAt(found, found, pixel) ?? (detail && valueAt(detail, found, pixel)) ?? askedText(found.index, pixel);
    const place = `(${(column * right).toFixed(1)}, ${(row * down).toFixed(1)}) ${found.spacing_unit}`;
    return `${value} at row ${row}, column ${column}: ${place}`;
  }
  /** @param {number} index @param {Vector} pixel */
  function askedText(index, pixel) {
    const key = keyOf(index, pixel);
    if (asked !== key) {
      [asked, text] = [key, "…"];
      source.value(index, pixel[0], pixel[1]);
    }
    return text;
  }
  /** @param {{index: number, row: number, column: number, text: string}} told  whether it is the one that is asked for */
  function keep(told) {
    const isAsked = asked === keyOf(told.index, [told.row, told.column]);
    if (isAsked) ({ text } = told);
    return isAsked;
  }
  return { textAt, keep };
}
