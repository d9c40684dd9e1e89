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

import { STYLE, choices, labelled, make, makeCanvas, windowControls } from "./controls.js";
import { clamp, exact, greyTable, short, voiText } from "./greys.js";
import { drawLabelNames, labelControls, paintImageLabels } from "./labels.js";
import { LETTER_COLOUR, drawBadge, drawFoot, drawHistogram, fill, onceARefresh, sized, wrapped, write } from "./painting.js";
import { pixelAt, placement, zoomTo } from "./places.js";
import { wireHistogram, wireKeys, wirePointer } from "./pointer.js";

export const STAGE = { width: 720, height: 600 }; // of the canvas, CSS pixels at most
const MAX_IMAGE_ZOOM = 60;
const DETAIL_MS = 150; // that a picture stands still before its detail is fetched
const DETAIL_MARGIN = 0.1; // of what is seen, fetched around it
const SYNC_MS = 1000; // between two times that the kernel hears of the frame that plays
const SLIDE_SHOW_MS = 1000; // that an image of one view is shown when played
const IMAGES_AHEAD = 3; // images fetched before they are asked for, in the direction of the last step

export function mountImages(el, source) {
  const { count } = source.meta;
  const root = make("div", { className: "dv" }, el);
  make("style", { textContent: STYLE }, root);
  const state = { zoom: 1, pan: [0, 0], tool: "window", maxZoom: MAX_IMAGE_ZOOM, pointed: null, playing: null, shown: null, step: 1 };
  const controls = imageControls(root, count);
  const stage = make("div", { className: "dv-views" }, root), canvas = makeCanvas(stage, "");
  canvas.title = "Wheel or arrow keys: images. Drag: what the menu says. Shift and drag: move. Ctrl and wheel, + and -: zoom. "
    + "Double click: zoom in, and back. Space: play.";
  const bars = makeCanvas(root, "histogram of the values with the window; drag moves the window");
  bars.style.maxWidth = `${STAGE.width}px`;
  const words = make("div", { className: "dv-row dv-words" }, root), ofLabels = make("div", {}, root);
  const pointer = make("output", { ariaLive: "off" }, words), status = make("span", { className: "dv-status", role: "status" }, words);
  let detail = null, timer = 0, asked = ""; // a part of the image that is shown, in more pixels

  const index = () => state.playing ? state.playing.index : clamp(source.get("index"), 0, count - 1);
  const image = (ahead = false) => source.image(index(), ahead);
  const voi = () => voiOf(image());
  const voiOf = (found) => {
    if (!found?.voi) return null;
    const own = source.get("customs")[found.run.start], preset = source.get("preset");
    if (own) return own;
    const named = preset && found.windows.find((one) => one.name === preset);
    if (named && named.center === undefined && !named.values) { source.named(found.index, preset); return found.voi; }
    return named || found.voi;
  };
  const setVoi = (wanted) => {
    const found = image();
    if (!found?.voi) return;
    const customs = { ...source.get("customs") };
    delete customs[found.run.start];
    if (wanted.name === "custom") customs[found.run.start] = wanted; else source.set("preset", wanted.name);
    source.set("customs", customs);
    source.save();
    draw();
  };
  const setIndex = (wanted) => {
    const next = clamp(Math.round(wanted), 0, count - 1);
    if (next === index()) return;
    stop();
    state.step = Math.sign(next - source.get("index")) || 1;
    source.set("index", next);
    source.save();
    draw();
    for (let step = 1; step <= IMAGES_AHEAD; step++) fetchAhead(next + step * state.step);
    fetchAhead(next - state.step);
  };
  const fetchAhead = (number) => { if (number >= 0 && number < count) source.image(number, true); };
  const fit = () => { Object.assign(state, { zoom: 1, pan: [0, 0] }); draw(); };
  const doubled = (at) => { if (state.zoom > 1) fit(); else { zoomTo(canvas, state, 3, at); draw(); } };

  const draw = onceARefresh(() => drawNow());
  function drawNow() {
    const number = index(), found = source.image(number);
    controls.show({ index: number, image: found, voi: voiOf(found), state, label: found?.label });
    if (!found) { canvas.dataset.waiting = `image ${number}`; return; }
    const room = stage.clientWidth || STAGE.width, width = Math.max(160, Math.min(STAGE.width, room));
    const height = Math.round(Math.min(STAGE.height, width * STAGE.height / STAGE.width * 1.2));
    if (state.shown !== null && !sameFrame(state.shown, found)) Object.assign(state, { zoom: 1, pan: [0, 0] });
    state.shown = found;
    if (detail?.index !== number) detail = null;
    const pen = sized(canvas, width, height);
    pen.fillStyle = "#000"; pen.fillRect(0, 0, width, height);
    if (found.error) drawError(pen, found, width, height);
    else drawImage(pen, canvas, found, detail, state, voiOf(found), source);
    if (!state.playing) labels?.show();
    bars.hidden = !found.voi;
    bars.style.display = found.voi ? "block" : "none";
    if (found.voi && !state.playing) drawHistogram(bars, found, voiOf(found));
    if (!state.playing) canvas.ariaLabel = described(found, voiOf(found), count);
    canvas.dataset.slice = `image ${number}`;
    delete canvas.dataset.waiting;
    canvas.dataset.failed = found.error ? "yes" : "";
    canvas.dataset.factors = found.error ? "" : String(detail ? detail.factors : found.factors);
    tell();
    root.dataset.drawn = String(Number(root.dataset.drawn || 0) + 1);
    clearTimeout(timer);
    if (!state.playing && !found.error) timer = setTimeout(() => wantDetail(found), DETAIL_MS);
  }
  function wantDetail(found) {
    const wanted = missingDetail(canvas, found, detail, state);
    if (wanted) source.part(found.index, wanted.box, wanted.factors);
  }

  // The value under the pointer: of the pixels at hand where none are reduced, else asked for.
  const tell = () => {
    const found = state.shown, at = state.pointed && found && !found.error && pixelUnder(canvas, found, state);
    pointer.textContent = "";
    if (!at) return;
    const [row, column] = at, key = `${found.index} ${row} ${column}`;
    const [down, right] = found.spacing, mm = found.spacing_unit;
    const text = valueAt(found, row, column) ?? (detail && valueAt(detail, row, column)) ?? (asked.startsWith(`${key}:`) ? asked.slice(key.length + 1) : null);
    if (text === null && asked !== key) { asked = key; source.value(found.index, row, column); }
    pointer.textContent = `${text ?? "…"} at row ${row}, column ${column}: (${(column * right).toFixed(1)}, ${(row * down).toFixed(1)}) ${mm}`;
  };

  // Frames follow the clock: those for which there is no time, or which have not come, are dropped.
  const stop = () => {
    if (!state.playing) return;
    const { index: last, request } = state.playing;
    cancelAnimationFrame(request);
    state.playing = null;
    status.textContent = "";
    source.set("index", last);
    source.save();
    draw();
  };
  const play = () => {
    const found = image(), isCine = found && found.run.stop - found.run.start > 1;
    const plan = playPlan(isCine ? found.run : { start: 0, stop: count }, controls.rate());
    const first = plan.order.indexOf(index());
    state.playing = { index: index(), since: performance.now() - plan.starts[Math.max(0, first)], synced: 0, request: 0, seen: [] };
    const tick = (now) => {
      const playing = state.playing;
      if (!playing) return;
      playing.request = requestAnimationFrame(tick);
      const at = frameAt(plan, now - playing.since), wanted = plan.order[at];
      for (let step = 0; step <= plan.ahead; step++) source.image(plan.order[(at + step) % plan.order.length], true);
      if (wanted !== playing.index && source.has(wanted)) {
        playing.index = wanted;
        playing.seen.push(now);
        draw();
      }
      if (now - playing.synced > SYNC_MS) {
        playing.synced = now;
        source.set("index", playing.index);
        source.save();
        playing.seen = playing.seen.filter((time) => time > now - 2000);
        const rate = playing.seen.length / 2, full = plan.rate;
        status.textContent = now - playing.since > 4000 && rate < 0.8 * Math.min(full, 60) ? `shows ${rate.toFixed(0)} of ${short(full)} frames per second` : "";
      }
    };
    state.playing.request = requestAnimationFrame(tick);
    draw();
  };
  const toggle = () => state.playing ? stop() : play();

  controls.wire({ setIndex, setVoi, voi, known: () => image()?.windows || [], fit, toggle, state, again: () => { if (state.playing) { stop(); play(); } } });
  const labels = labelControls(ofLabels, source, { plane: () => "image", index, setIndex, draw });
  const range = () => image().histogram;
  wirePointer(canvas, state, { index, count: () => count, setIndex, voi, setVoi, range, point: () => {}, doubled, draw, tell });
  wireKeys(canvas, { index, count: () => count, setIndex });
  canvas.addEventListener("keydown", (event) => {
    const middle = [canvas.clientWidth / 2, canvas.clientHeight / 2];
    if (event.key === "+" || event.key === "=") { zoomTo(canvas, state, state.zoom * 1.5, middle); draw(); }
    else if (event.key === "-") { zoomTo(canvas, state, state.zoom / 1.5, middle); draw(); }
    else if (event.key === "0") fit();
    else if (event.key === " ") toggle();
    else return;
    event.preventDefault(); event.stopPropagation();
  });
  wireHistogram(bars, { voi, setVoi, range });
  source.on("index", () => { if (!state.playing) draw(); });
  for (const name of ["preset", "customs", "hidden_labels"]) source.on(name, draw);
  source.arrived((told) => {
    if (told.type === "image" && told.index === index()) draw();
    else if (told.type === "part" && told.index === index()) { detail = told; draw(); }
    else if (told.type === "value" && asked === `${told.index} ${told.row} ${told.column}`) { asked += `:${told.text}`; tell(); }
    else if (told.type === "window") draw();
  });
  const box = () => {
    const ratio = window.devicePixelRatio || 1, width = Math.min(STAGE.width, stage.clientWidth || STAGE.width);
    return { width: Math.round(width * ratio), height: Math.round(Math.min(STAGE.height, width) * ratio) };
  };
  source.screen?.(box);
  const resized = new ResizeObserver(draw);
  resized.observe(root);
  draw();
  fetchAhead(index() + 1);
  return () => { state.playing = null; clearTimeout(timer); resized.disconnect(); source.off?.(); };
}

// Whether two images lie alike, so that zoom and place are kept from one to the other: frames of one file.
const sameFrame = (one, other) => one.run.start === other.run.start && one.rows === other.rows && one.columns === other.columns;

// Drawing

function drawImage(pen, canvas, found, detail, state, voi, source) {
  const look = lookOf(found, voi), width = canvas.clientWidth, height = canvas.clientHeight, at = placement(canvas, found, state);
  const key = canvas.picture ||= document.createElement("canvas");
  const [down, right] = found.spacing.map((step) => step * at.scale); // CSS pixels of one pixel of the image
  const put = (part, own, [top, , left]) => {
    filled(own, part, look);
    pen.imageSmoothingEnabled = part.factors[1] * right < 3;
    pen.imageSmoothingQuality = part.factors[1] * right < 1 ? "high" : "low";
    const size = [part.size[1] * part.factors[1] * right, part.size[0] * part.factors[0] * down];
    pen.save();
    pen.beginPath(); pen.rect(at.left, at.top, at.width, at.height); pen.clip();
    pen.drawImage(own, at.left + left * right, at.top + top * down, ...size);
    pen.restore();
  };
  put(found, key, [0, 0, 0, 0]);
  if (detail) put(detail, canvas.detail ||= document.createElement("canvas"), detail.box);
  const size = width < 300 ? 10 : 12, line = size * 1.35;
  const { count } = source.meta, labels = paintImageLabels(pen, canvas, found, state, source);
  drawEdgeLetters(pen, found.letters, at, width, height, width < 300 ? 13 : 20);
  const isPart = found.run.stop - found.run.start < count; // else its frame says which it is
  [isPart ? found.number || `${found.index + 1} of ${count}` : "", ...found.upper].filter(Boolean)
    .flatMap((text) => wrapped(pen, text, size, 0.45 * width))
    .forEach((text, number) => write(pen, text, 6, 6 + number * line, "left", "top", size));
  const bar = { scale: at.scale, unit: found.spacing_unit };
  drawFoot(pen, voi ? voiText(voi, found.unit) : "colour", found.words, bar, width, height, size);
  drawBadge(pen, found.badge, width, size);
  drawLabelNames(pen, labels, found.badge, width, height, size);
}

// The letters at the edges of what is seen of the picture.
function drawEdgeLetters(pen, [left, right, top, bottom], at, width, height, size) {
  const low = [Math.max(0, at.left), Math.max(0, at.top)], high = [Math.min(width, at.left + at.width), Math.min(height, at.top + at.height)];
  const middle = [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2];
  write(pen, left, low[0] + 6, middle[1], "left", "middle", size, LETTER_COLOUR, true);
  write(pen, right, high[0] - 6, middle[1], "right", "middle", size, LETTER_COLOUR, true);
  write(pen, top, middle[0], low[1] + 6, "center", "top", size, LETTER_COLOUR, true);
  write(pen, bottom, middle[0], high[1] - 6, "center", "bottom", size, LETTER_COLOUR, true);
}

function drawError(pen, found, width, height) {
  const lines = [`Image ${found.index + 1} cannot be shown.`, ...wrapped(pen, found.error, 13, width - 40)];
  lines.forEach((text, number) => write(pen, text, 20, height / 3 + number * 18, "left", "top", 13, number ? "#fff" : LETTER_COLOUR));
}

// Puts pixels on a canvas of their own number; done once for each window.
function filled(key, part, look) {
  if (key.part === part && key.look === look) return;
  const [rows, columns] = part.size;
  if (part.rgb) fillColour(key, part.rgb, rows, columns);
  else {
    if (!(part.values instanceof Float32Array)) look.table ||= greyTable(look.voi, look.inverted);
    fill(key, part, { rows, columns }, look);
  }
  Object.assign(key, { part, look });
}

function fillColour(key, rgb, rows, columns) {
  if (key.width !== columns || key.height !== rows) { key.width = columns; key.height = rows; key.image = null; }
  const own = key.getContext("2d", { willReadFrequently: true }), image = key.image ||= own.createImageData(columns, rows);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0, at = 0; i < pixels.length; i++, at += 3) pixels[i] = 0xff000000 | (rgb[at + 2] << 16) | (rgb[at + 1] << 8) | rgb[at];
  own.putImageData(image, 0, 0);
}

// What an image is seen through; the last is kept, for its grey table takes some milliseconds.
let lastLook = null;
function lookOf({ inverted }, voi) {
  const key = voi && JSON.stringify([voi.center, voi.width, voi.function, voi.values?.length, voi.name, inverted]);
  if (!lastLook || lastLook.key !== key || (voi?.values && lastLook.voi !== voi)) lastLook = { key, voi, inverted };
  return lastLook;
}

function described(found, voi, count) {
  const which = `image ${found.number || `${found.index + 1} of ${count}`}`;
  if (found.error) return `${which} cannot be shown: ${found.error}`;
  const [left, right, top, bottom] = found.letters, known = (letter) => letter === "?" ? "unknown" : letter;
  const edges = `${known(left)} is left, ${known(right)} right, ${known(top)} above, ${known(bottom)} below`;
  const parts = [which, ...found.upper, edges, voi ? voiText(voi, found.unit) : "colour", ...found.words, found.badge];
  return parts.filter(Boolean).join("; ");
}

// Detail

// What of an image is seen, in its pixels: [first row, last row, first column, last column], the last not included.
function visibleBox(canvas, found, state, margin = 0) {
  const [top, left] = pixelAt(canvas, found, state, 0, 0), [bottom, right] = pixelAt(canvas, found, state, canvas.clientWidth, canvas.clientHeight);
  const more = [(bottom - top) * margin, (right - left) * margin];
  return [Math.max(0, Math.floor(top - more[0])), Math.min(found.rows, Math.ceil(bottom + 1 + more[0])),
    Math.max(0, Math.floor(left - more[1])), Math.min(found.columns, Math.ceil(right + 1 + more[1]))];
}

// {box, factors} of the pixels that the screen could show and that are not at hand; null where there are none.
function missingDetail(canvas, found, detail, state) {
  const ratio = window.devicePixelRatio || 1, { scale } = placement(canvas, found, state);
  const factors = found.spacing.map((step) => Math.max(1, Math.floor(1 / (step * scale * ratio) + 1e-6)));
  const isFiner = (own) => own[0] > factors[0] || own[1] > factors[1];
  if (!isFiner(found.factors)) return null;
  const [top, bottom, left, right] = visibleBox(canvas, found, state);
  if (bottom <= top || right <= left) return null;
  if (detail && !isFiner(detail.factors) && detail.box[0] <= top && detail.box[1] >= bottom && detail.box[2] <= left && detail.box[3] >= right) return null;
  return { box: visibleBox(canvas, found, state, DETAIL_MARGIN), factors };
}

function pixelUnder(canvas, found, state) {
  const [row, column] = pixelAt(canvas, found, state, ...state.pointed).map(Math.round);
  return row < 0 || column < 0 || row >= found.rows || column >= found.columns ? null : [row, column];
}

// The value of a pixel where it is at hand as it is, else null.
function valueAt(part, row, column) {
  const [top, bottom, left, right] = part.box || [0, part.rows, 0, part.columns];
  if (part.estimated || part.factors[0] > 1 || part.factors[1] > 1 || row < top || row >= bottom || column < left || column >= right) return null;
  return pixelText(part, (row - top) * part.size[1] + column - left);
}

export function pixelText({ rgb, values, padding, unit }, at) {
  if (rgb) return `R ${rgb[3 * at]} G ${rgb[3 * at + 1]} B ${rgb[3 * at + 2]}`;
  if (padding && padding[at >> 3] & (128 >> (at & 7))) return "padding, no value";
  return `${exact(values[at])} ${unit || ""}`.trim();
}

// Playing

// {order, starts, total, rate, ahead}: which images follow each other, when each begins (ms), and how many are fetched ahead.
function playPlan(run, rate) {
  const length = run.stop - run.start, ms = run.ms || [SLIDE_SHOW_MS];
  const given = Array.from({ length }, (_, frame) => rate ? 1000 / rate : ms[ms.length > 1 ? frame : 0]);
  const frames = given.map((_, frame) => frame);
  if (run.sweeps) frames.push(...frames.slice(1, -1).reverse());
  const starts = [];
  let total = 0;
  frames.forEach((frame) => { starts.push(total); total += given[frame]; });
  const order = frames.map((frame) => run.start + frame), usual = total / frames.length;
  return { order, starts, total, rate: 1000 / usual, ahead: Math.min(order.length - 1, usual < 500 ? 30 : 2) };
}

function frameAt({ starts, total }, elapsed) {
  const time = elapsed % total;
  let low = 0, high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle] <= time) low = middle; else high = middle - 1;
  }
  return low;
}

// Controls

function imageControls(root, count) {
  const first = make("div", { className: "dv-row" }, root), second = make("div", { className: "dv-row" }, root);
  const windowing = make("span", { className: "dv-row" }, first);
  const windows = windowControls(windowing);
  const tool = labelled(first, "Drag", "select", {});
  choices(tool, [["window", "window"], ["slice", "images"], ["pan", "move"]]);
  const reset = make("button", { type: "button", textContent: "Fit" }, first);
  const slider = labelled(second, "Image", "input", { type: "range", min: 0, max: count - 1, step: 1 });
  const back = make("button", { type: "button", textContent: "◀", ariaLabel: "Image before" }, second);
  const next = make("button", { type: "button", textContent: "▶", ariaLabel: "Next image" }, second);
  const play = make("button", { type: "button", textContent: "▶ Play" }, second);
  const rate = labelled(second, "Frames per second", "input", { type: "number", step: "any", min: "0" });
  const source = make("span", { className: "dv-rate" }, second), place = make("span", { className: "dv-place" }, second);
  second.hidden = count < 2;
  second.style.display = count < 2 ? "none" : "";
  const byHand = {}; // rates that were typed, by the first image of their run

  const usual = ({ ms = [SLIDE_SHOW_MS] }) => 1000 * ms.length / ms.reduce((sum, one) => sum + one, 0);
  let current = null;
  function wire({ setIndex, setVoi, voi, known, fit, toggle, state, again }) {
    windows.wire({ known, voi, setVoi });
    slider.oninput = () => setIndex(Number(slider.value));
    back.onclick = () => setIndex(Number(slider.value) - 1);
    next.onclick = () => setIndex(Number(slider.value) + 1);
    tool.onchange = () => { state.tool = tool.value; };
    reset.onclick = fit;
    play.onclick = toggle;
    rate.onchange = () => { if (Number(rate.value) > 0 && current) byHand[current.start] = Number(rate.value); again(); };
  }
  function show({ index, image, voi, state, label }) {
    if (document.activeElement !== slider || Number(slider.value) !== index) slider.value = index;
    play.textContent = state.playing ? "❚❚ Stop" : "▶ Play";
    place.textContent = label || `${index + 1} of ${count}`;
    if (state.playing) return;
    slider.setAttribute("aria-valuetext", place.textContent);
    if (!image) return;
    const isCine = image.run.stop - image.run.start > 1;
    current = isCine ? image.run : { start: -1, ms: [SLIDE_SHOW_MS] };
    if (document.activeElement !== rate) rate.value = short(byHand[current.start] || usual(current));
    source.textContent = byHand[current.start] ? "" : isCine ? image.run.source : "";
    windowing.style.display = image.error || image.voi ? "" : "none";
    if (voi) windows.show(voi, image.windows);
    tool.options[0].disabled = !voi; // colour has no window
    tool.value = !voi && state.tool === "window" ? "pan" : state.tool;
  }
  return { wire, show, rate: () => byHand[current?.start] || 0 };
}
