// @ts-check
// Pixels on a canvas, and the histogram of a volume.

import { LOWEST, grey, greyTable, isPadded, short } from "./greys.js";
import { placement } from "./places.js";
import { axisOf, colour, sampled } from "./sampling.js";
import { clipped, write } from "./words.js";

export const CROSS_COLOUR = "#56b4e9";
const CURVE_COLOUR = "#e69f00", PADDING_GROUND = 0xff4c3824; // as R, G, B: 36, 56, 76
export const MAIN_SIZE = 512; // height of the large picture, CSS pixels
const HISTOGRAM_HEIGHT = 60; // CSS pixels
const STILL_MS = 100; // after which a picture is drawn finely

/** @typedef {CanvasRenderingContext2D} Pen */

// A canvas of the page, and the layers from which it is drawn.
/** @param {HTMLCanvasElement} canvas @returns {View} */
export const viewOf = (canvas) => ({ canvas, layers: {} });

// A layer of a view, with one pixel for each of a picture; what it had before is on it while the size stays.
/** @param {View} view @param {string} name @param {{rows: number, columns: number}} geometry */
export function layerOf({ layers }, name, { rows, columns }) {
  const known = layers[name];
  if (known && known.canvas.width === columns && known.canvas.height === rows) return known;
  const canvas = known?.canvas || document.createElement("canvas");
  Object.assign(canvas, { width: columns, height: rows });
  const pen = penOf(canvas, { willReadFrequently: true });
  layers[name] = { canvas, pen, image: pen.createImageData(columns, rows) };
  return layers[name];
}

/** @param {HTMLCanvasElement} canvas @param {CanvasRenderingContext2DSettings} [settings] */
export const penOf = (canvas, settings) => /** @type {Pen} */ (canvas.getContext("2d", settings));

// How large a canvas is on the page, CSS pixels: as `sized` made it, since to ask the page would make it lay out all anew.
/** @param {HTMLElement} canvas @returns {Size} */
export function sizeOf(canvas) {
  const { width, height } = canvas.style;
  return width.endsWith("px") ? { width: parseFloat(width), height: parseFloat(height) } : { width: canvas.clientWidth, height: canvas.clientHeight };
}

// Gives a canvas a size in CSS pixels, and as many of its own as the screen has there; returns its pen.
/** @param {HTMLCanvasElement} canvas @param {number} width @param {number} height */
export function sized(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const own = [width, height].map((length) => Math.max(1, Math.round(length * ratio)));
  if (canvas.width !== own[0] || canvas.height !== own[1]) {
    [canvas.width, canvas.height] = own;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const pen = penOf(canvas);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return pen;
}

// Draws at once, and then once more at most before the screen is refreshed.
/** @param {() => void} drawNow */
export function onceARefresh(drawNow) {
  let refresh = 0, stale = false;
  const draw = () => {
    if (refresh) { stale = true; return; }
    stale = false;
    drawNow();
    refresh = requestAnimationFrame(() => { refresh = 0; if (stale) draw(); });
  };
  return draw;
}

// Draws roughly, which is fast, where the screen has more pixels than CSS; finely once nothing has moved for a while.
/** @param {Element} root @param {(isRough: boolean) => void} drawNow */
export function roughlyFirst(root, drawNow) {
  let still = 0;
  return () => {
    const isRough = window.devicePixelRatio > 1;
    clearTimeout(still);
    drawNow(isRough);
    if (isRough) still = setTimeout(() => { if (root.isConnected) drawNow(false); }, STILL_MS);
  };
}

// Pixels

// Draws pixels where the picture lies, as they look, one for each of the screen's: values between those of the picture, or
// the nearest ones. What is drawn again as it was is not worked out again, values not for another window. A rough one has CSS
// pixels, which is faster.
/** @param {Pen} pen @param {View} view @param {Pixels} found @param {Geometry} geometry @param {Zoomed} state @param {Look} look @param {boolean} isLinear @param {boolean} isRough */
export function paint(pen, view, found, geometry, state, look, isLinear, isRough) {
  const { rows, columns, spacing } = geometry, canvas = sizeOf(view.canvas), at = placement(canvas, geometry, state);
  const own = pen.getTransform().a, ratio = isRough ? 1 : own; // pixels for each of CSS
  const [left, width] = covered(at.left * ratio, at.width * ratio, isRough ? canvas.width : view.canvas.width);
  const [top, height] = covered(at.top * ratio, at.height * ratio, isRough ? canvas.height : view.canvas.height);
  if (width <= 0 || height <= 0) return;
  const layer = layerOf(view, isRough ? "rough" : "picture", { rows: height, columns: width });
  const key = [left, top, at.left, at.top, at.scale, ratio, isLinear].join();
  const isSampled = layer.found === found && layer.key === key;
  if (!isSampled) {
    const down = axisOf(top, height, at.top * ratio, spacing[0] * at.scale * ratio, rows, isLinear);
    const right = axisOf(left, width, at.left * ratio, spacing[1] * at.scale * ratio, columns, isLinear);
    layer.sampled = sampled(found, columns, down, right, layer.sampled);
  }
  if (!isSampled || layer.look !== look) {
    colour(new Int32Array(layer.image.data.buffer), /** @type {Sampled} */ (layer.sampled), look, PADDING_GROUND);
    layer.pen.putImageData(layer.image, 0, 0);
  }
  Object.assign(layer, { found, look, key });
  pen.save();
  pen.setTransform(own / ratio, 0, 0, own / ratio, 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(layer.canvas, left, top);
  pen.restore();
}

// [the first, how many] of the screen's pixels have their middles in a length that begins at `start`.
/** @param {number} start @param {number} length @param {number} all @returns {[number, number]} */
function covered(start, length, all) {
  const first = Math.max(0, Math.ceil(start - 0.5 - 1e-6)), last = Math.min(all, Math.floor(start + length - 0.5 + 1e-6) + 1);
  return [first, last - first];
}

// What greys are seen through, that are there before their values.
/** @type {Look} */
export const AS_SEEN = { voi: { name: "", center: 127.5, width: 255, function: "LINEAR_EXACT" }, inverted: false, table: null };

// Draws a layer over the whole picture.
/** @param {Pen} pen @param {Layer} layer @param {Placement} at @param {boolean} isSmooth */
export function lay(pen, { canvas }, at, isSmooth) {
  pen.imageSmoothingEnabled = isSmooth;
  pen.drawImage(canvas, at.left, at.top, at.width, at.height);
}

// Puts values on a layer: through the grey table (16 bits) or one by one (float).
/** @param {Layer} layer @param {Pixels} found @param {Look} look */
export function fillGreys({ pen, image }, { values, padding }, look) {
  const pixels = new Uint32Array(image.data.buffer), voi = /** @type {Voi} */ (look.voi);
  if (values instanceof Float32Array) fillOneByOne(pixels, values, voi, look.inverted);
  else fillByTable(pixels, /** @type {Int16Array} */ (values), look.table ||= greyTable(voi, look.inverted));
  if (padding) fillPadding(pixels, padding);
  pen.putImageData(image, 0, 0);
}

/** @param {Uint32Array} pixels @param {Int16Array} values @param {Uint8Array} table */
function fillByTable(pixels, values, table) {
  for (let i = 0; i < values.length; i++) {
    const g = table[values[i] - LOWEST];
    pixels[i] = 0xff000000 | (g << 16) | (g << 8) | g;
  }
}

/** @param {Uint32Array} pixels @param {Float32Array} values @param {Voi} voi @param {boolean} inverted */
function fillOneByOne(pixels, values, voi, inverted) {
  for (let i = 0; i < values.length; i++) {
    const shown = Math.round(grey(values[i], voi)), g = inverted ? 255 - shown : shown;
    pixels[i] = 0xff000000 | (g << 16) | (g << 8) | g;
  }
}

/** @param {Uint32Array} pixels @param {Uint8Array} padding */
function fillPadding(pixels, padding) {
  for (let i = 0; i < pixels.length; i++) if (isPadded(padding, i)) pixels[i] = PADDING_GROUND;
}

// The pixels, RGBA, of a picture that a page holds.
/** @param {string} address @param {Vector} size */
export async function storedPixels(address, [rows, columns]) {
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
  const pen = penOf(canvas, { willReadFrequently: true });
  pen.drawImage(picture, 0, 0);
  return pen.getImageData(0, 0, columns, rows).data;
}

// Histogram

/** @param {HTMLCanvasElement} canvas @param {number} width  CSS pixels @param {{histogram: Histogram, unit: string, inverted: boolean}} values @param {Voi} voi */
export function drawHistogram(canvas, width, { histogram, unit, inverted }, voi) {
  const height = HISTOGRAM_HEIGHT, { low, high } = histogram;
  if (canvas.width !== width) {
    Object.assign(canvas, { width, height });
    canvas.style.height = `${height}px`;
  }
  const pen = penOf(canvas);
  pen.fillStyle = "#000";
  pen.fillRect(0, 0, width, height);
  drawCounts(pen, histogram.counts, width, height);
  drawCurve(pen, histogram, voi, inverted, width, height);
  const end = (/** @type {number} */ value) => clipped(pen, `${short(value)} ${unit}`, 10, width / 2 - 6);
  write(pen, end(low), 3, 2, "left", "top", 10);
  write(pen, end(high), width - 3, 2, "right", "top", 10);
}

/** @param {Pen} pen @param {number[]} counts @param {number} width @param {number} height */
function drawCounts(pen, counts, width, height) {
  const most = Math.log1p(Math.max(...counts)) || 1;
  pen.fillStyle = "#999";
  counts.forEach((count, bin) => {
    const tall = Math.log1p(count) / most * (height - 14);
    pen.fillRect(bin / counts.length * width, height - tall, Math.ceil(width / counts.length), tall);
  });
}

/** @param {Pen} pen @param {Limits} range @param {Voi} voi @param {boolean} inverted @param {number} width @param {number} height */
function drawCurve(pen, { low, high }, voi, inverted, width, height) {
  Object.assign(pen, { strokeStyle: CURVE_COLOUR, lineWidth: 2 });
  pen.beginPath();
  for (let x = 0; x <= width; x += 2) {
    const shown = grey(low + x / width * (high - low), voi) / 255;
    pen[x ? "lineTo" : "moveTo"](x, (height - 2) - (inverted ? 1 - shown : shown) * (height - 16));
  }
  pen.stroke();
}
