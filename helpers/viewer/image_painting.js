// @ts-check
// An image that is no volume on its canvas: its pixels, a part of it in more of them, letters and words.

import { exact, isPadded, voiText } from "./greys.js";
import { drawRightWords, paintImageLabels } from "./labels.js";
import { fillGreys, layerOf, sizeOf } from "./painting.js";
import { placement } from "./places.js";
import { LETTER_COLOUR, drawFoot, drawLetters, wrapped, write, writeLines } from "./words.js";

/** @typedef {CanvasRenderingContext2D} Pen */

// Draws an image; returns the boxes of the words on it.
/** @param {Pen} pen @param {View} view @param {ImageFound} found @param {Detail | null} detail @param {Zoomed} state @param {Look} look @param {ImageSource} source */
export function drawImage(pen, view, found, detail, state, look, source) {
  const canvas = sizeOf(view.canvas), at = placement(canvas, found, state), { count } = source.meta;
  put(pen, filled(view, "picture", found, look), found, [0, 0], found.spacing, at);
  if (detail) put(pen, filled(view, "detail", detail, look), detail, [detail.box[0], detail.box[2]], found.spacing, at);
  const labels = paintImageLabels(pen, view, found, state, source);
  const { width } = canvas, size = width < 300 ? 10 : 12;
  const upper = upperWords(found, count).flatMap((text) => wrapped(pen, text, size, 0.45 * width));
  const bar = { scale: at.scale, unit: found.spacing_unit };
  return [
    ...drawLetters(pen, found.letters, seenBox(at, canvas), width < 300 ? 13 : 20),
    ...writeLines(pen, upper, 6, 6, "left", size),
    ...drawFoot(pen, look.voi ? voiText(look.voi, found.unit) : "colour", found.words, bar, canvas, size),
    ...drawRightWords(pen, found.badge, labels, canvas, size),
  ];
}

// Draws a part of an image where it lies; `corner` is its first row and column.
/** @param {Pen} pen @param {Layer} layer @param {Part} part @param {Vector} corner @param {Vector} spacing @param {Placement} at */
function put(pen, layer, { factors, size }, [top, left], spacing, at) {
  const [down, right] = spacing.map((step) => step * at.scale); // CSS pixels of one pixel of the image
  const [height, width] = [size[0] * factors[0] * down, size[1] * factors[1] * right];
  pen.imageSmoothingEnabled = factors[1] * right < 3;
  pen.imageSmoothingQuality = factors[1] * right < 1 ? "high" : "low";
  pen.save();
  pen.beginPath();
  pen.rect(at.left, at.top, at.width, at.height);
  pen.clip();
  pen.drawImage(layer.canvas, at.left + left * right, at.top + top * down, width, height);
  pen.restore();
}

// The layer with the pixels of a part of an image; filled once for each window.
/** @param {View} view @param {string} name @param {Part} part @param {Look} look */
function filled(view, name, part, look) {
  const [rows, columns] = part.size, layer = layerOf(view, name, { rows, columns });
  if (layer.part === part && layer.look === look) return layer;
  if (part.rgb) fillColour(layer, part.rgb);
  else if (part.values) fillGreys(layer, { values: part.values, padding: part.padding }, look);
  return Object.assign(layer, { part, look });
}

/** @param {Layer} layer @param {Uint8Array} rgb */
function fillColour({ pen, image }, rgb) {
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0, at = 0; i < pixels.length; i++, at += 3) pixels[i] = 0xff000000 | (rgb[at + 2] << 16) | (rgb[at + 1] << 8) | rgb[at];
  pen.putImageData(image, 0, 0);
}

// What is seen of the picture on its canvas.
/** @param {Placement} at @param {Size} canvas */
function seenBox(at, { width, height }) {
  const low = [Math.max(0, at.left), Math.max(0, at.top)];
  return { low, high: [Math.min(width, at.left + at.width), Math.min(height, at.top + at.height)] };
}

/** @param {ImageFound} found @param {number} count @returns {string[]} */
function upperWords(found, count) {
  const isPart = found.run.stop - found.run.start < count; // else its frame says which it is
  return [isPart ? found.number || `${found.index + 1} of ${count}` : "", ...found.upper].filter(Boolean);
}

/** @param {Pen} pen @param {ImageFailed} found @param {Size} canvas */
export function drawError(pen, found, { width, height }) {
  const lines = [`Image ${found.index + 1} cannot be shown.`, ...wrapped(pen, found.error, 13, width - 40)];
  lines.forEach((text, number) => write(pen, text, 20, height / 3 + number * 18, "left", "top", 13, number ? "#fff" : LETTER_COLOUR));
}

// An image in words.
/** @param {AnyImage} found @param {Voi | null} voi @param {number} count */
export function imageText(found, voi, count) {
  const which = `image ${found.number || `${found.index + 1} of ${count}`}`;
  if (found.error !== undefined) return `${which} cannot be shown: ${found.error}`;
  const [left, right, top, bottom] = found.letters.map((letter) => letter === "?" ? "unknown" : letter);
  const edges = `${left} is left, ${right} right, ${top} above, ${bottom} below`;
  const parts = [which, ...found.upper, edges, voi ? voiText(voi, found.unit) : "colour", ...found.words, found.badge];
  return parts.filter(Boolean).join("; ");
}

// The value of a pixel where it is at hand as it is, else null.
/** @param {Part} part @param {Geometry} geometry @param {Vector} pixel */
export function valueAt(part, { rows, columns }, [row, column]) {
  const [top, bottom, left, right] = part.box || [0, rows, 0, columns];
  const isInside = row >= top && row < bottom && column >= left && column < right;
  if (part.estimated || Math.max(...part.factors) > 1 || !isInside) return null;
  return pixelText(part, (row - top) * part.size[1] + column - left);
}

/** @param {Part} part @param {number} at */
export function pixelText({ rgb, values, padding, unit }, at) {
  if (rgb) return `R ${rgb[3 * at]} G ${rgb[3 * at + 1]} B ${rgb[3 * at + 2]}`;
  if (isPadded(padding, at) || !values) return "padding, no value";
  return `${exact(values[at])} ${unit || ""}`.trim();
}
