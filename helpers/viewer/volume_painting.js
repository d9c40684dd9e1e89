// @ts-check
// A slice of a volume on its canvas: pixels, what lies over them, letters and words.

import { exact, isPadded, isSameVoi, voiText } from "./greys.js";
import { drawRightWords, labelText, paintLabels } from "./labels.js";
import { drawColourBar, overText, paintOver } from "./overlay.js";
import { AS_SEEN, CROSS_COLOUR, paint, sizeOf, sized } from "./painting.js";
import { pixelUnder, placeOf, placement } from "./places.js";
import { pointText, toPoint, toVoxel } from "./planes.js";
import { drawFoot, drawLetters, wrapped, writeLines } from "./words.js";

/** @typedef {CanvasRenderingContext2D} Pen */

// Draws the slice of an index, its longer side `length` CSS pixels, as far as its pixels have come; returns the boxes of
// the words on it.
/** @param {View} view @param {Source} source @param {State} state @param {string} name @param {number} index @param {number} length @param {boolean} large @returns {Box[]} */
export function drawSlice(view, source, state, name, index, length, large) {
  const { canvas } = view, plane = source.meta.planes[name], found = source.slice(name, index);
  const seen = found ? null : earlier(source, name, index);
  const size = sizeFor(plane, length), pen = sized(canvas, size.width, size.height);
  pen.fillStyle = "#000";
  if (found || seen || canvas.dataset.slice === undefined) pen.fillRect(0, 0, size.width, size.height);
  tellProgress(canvas, source, found, seen, `${name} ${index}`);
  if (!(found || seen) || !state.look) return [];
  const isLinear = source.get("interpolation") !== "nearest";
  canvas.toggleAttribute("data-rough", state.isRough);
  if (found) paint(pen, view, found, plane, state, state.look, isLinear, state.isRough);
  else if (seen) paint(pen, view, seen, plane, state, AS_SEEN, isLinear, state.isRough);
  if (found) paintOver(pen, view, found, plane, state, source);
  const labels = found ? paintLabels(pen, view, found, name, index, state, source) : [];
  canvas.ariaLabel = described(source, state, name, index, large);
  const at = placement(sizeOf(canvas), plane, state);
  if (state.three) drawCross(pen, plane, source.get("position_mm"), at);
  const letters = drawLetters(pen, plane.letters, { low: [0, 0], high: [size.width, size.height] }, large ? 20 : 13);
  if (!large) return letters;
  return [...letters, ...drawWords(pen, source, plane, index, at.scale, size, state.label?.(), labels, (found || seen)?.slab)];
}

/** @param {Plane} plane @param {number} length @returns {Size} */
function sizeFor({ rows, columns, spacing }, length) {
  const aspect = rows * spacing[0] / (columns * spacing[1]);
  const [width, height] = aspect > 1 ? [length / aspect, length] : [length, length * aspect];
  return { width: Math.round(width), height: Math.round(height) };
}

// A slice as it is seen, where its values have not come and the window is still the same.
/** @param {Source} source @param {string} name @param {number} index */
function earlier(source, name, index) {
  const seen = source.seen?.(name, index);
  return seen && isSameVoi(seen.voi, source.get("voi")) ? seen : null;
}

// Which slice is drawn, and which one still has to come or to be complete.
/** @param {HTMLElement} canvas @param {Source} source @param {Found | null} found @param {Seen | null} seen @param {string} which */
function tellProgress({ dataset }, source, found, seen, which) {
  if (found || seen) dataset.slice = which;
  const isWhole = found && (!source.over || found.over) && (!source.labels || found.maps);
  if (isWhole) delete dataset.waiting; else dataset.waiting = which;
}

/** @param {Source} source @param {State} state @param {string} name @param {number} index @param {boolean} large */
function described({ meta, get }, state, name, index, large) {
  const { count, positions, letters: [left, right, top, bottom] } = meta.planes[name];
  const words = [
    state.label?.(), `${name} slice ${index + 1} of ${count}, ${positions[index]}`,
    `${left} is left, ${right} right, ${top} above, ${bottom} below`,
    voiText(get("voi"), meta.unit), large && meta.badge,
  ];
  return words.filter(Boolean).join("; ");
}

/** @param {Pen} pen @param {Plane} plane @param {Vector} point @param {Placement} at */
function drawCross(pen, plane, point, at) {
  const [, row, column] = toVoxel(plane, point), [x, y] = placeOf(at, plane, [row, column]);
  Object.assign(pen, { strokeStyle: CROSS_COLOUR, lineWidth: 1 });
  pen.beginPath();
  pen.moveTo(x, at.top);
  pen.lineTo(x, at.top + at.height);
  pen.moveTo(at.left, y);
  pen.lineTo(at.left + at.width, y);
  pen.stroke();
}

/**
 * @param {Pen} pen @param {Source} source @param {Plane} plane @param {number} index @param {number} scale
 * @param {Size} canvas @param {string | undefined} label @param {LabelItem[]} labels @param {string} [slab]
 */
function drawWords(pen, source, plane, index, scale, canvas, label, labels, slab) {
  const { meta, members, over } = source, { width } = canvas, size = width < 300 ? 10 : 12;
  const upper = [`${index + 1} of ${plane.count}`, plane.positions[index], ...(slab ? [slab] : [])];
  const remarks = members?.remark ? [...plane.words, members.remark] : plane.words;
  return [
    ...writeLines(pen, [...upper, ...(label ? wrapped(pen, label, size, 0.45 * width) : [])], 6, 6, "left", size),
    ...drawFoot(pen, voiText(source.get("voi"), meta.unit), remarks, { scale, unit: "mm" }, canvas, size),
    ...drawRightWords(pen, meta.badge, labels, canvas, size),
    ...(over ? drawColourBar(pen, over, source.get("over_voi"), canvas, size) : []),
  ];
}

// What lies at a place of a canvas of a size, in words.
/** @param {Size} size @param {Source} source @param {Zoomed} state @param {string} name @param {number} index @param {Vector | null} place */
export function pointedText(size, source, state, name, index, place) {
  const plane = source.meta.planes[name], pixel = place && pixelUnder(size, plane, state, place);
  const found = pixel && source.slice(name, index);
  if (!found) return "";
  const at = pixel[0] * plane.columns + pixel[1], { values, padding } = found;
  const value = isPadded(padding, at) ? "padding, no value" : `${exact(values[at])} ${source.meta.unit}`.trim();
  const where = `${pointText(toPoint(plane, [index, ...pixel]))}; row ${pixel[0]}, column ${pixel[1]}`;
  return `${value}${overText(found, source.over, at)}${labelText(found.maps, source, at)} at ${where}`;
}
