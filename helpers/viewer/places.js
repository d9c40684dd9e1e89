// @ts-check
// Where a picture {rows, columns, spacing} lies on a canvas of a size; `state` has its zoom and pan.

import { clamp } from "./greys.js";
import { toPoint, toVoxel } from "./planes.js";

const MIN_ZOOM = 0.5, MAX_ZOOM = 20;
const DETAIL_MARGIN = 0.1; // of what is seen, fetched around it

// CSS pixels of its corner, and CSS pixels for each mm (or whatever its spacing is in).
/** @param {Size} size @param {Geometry} geometry @param {Zoomed} state @returns {Placement} */
export function placement(size, { rows, columns, spacing }, { zoom, pan }) {
  const [width, height] = [columns * spacing[1], rows * spacing[0]];
  const scale = Math.min(size.width / width, size.height / height) * zoom;
  const left = (size.width - width * scale) / 2 + pan[0];
  const top = (size.height - height * scale) / 2 + pan[1];
  return { left, top, scale, width: width * scale, height: height * scale };
}

// The pixel [row, column], with fractions, at a place of the canvas.
/** @param {Size} size @param {Geometry} geometry @param {Zoomed} state @param {Vector} place @returns {Vector} */
export function pixelAt(size, geometry, state, [x, y]) {
  const at = placement(size, geometry, state), [down, right] = geometry.spacing;
  return [(y - at.top) / at.scale / down - 0.5, (x - at.left) / at.scale / right - 0.5];
}

// The place of a pixel's middle on the canvas.
/** @param {Placement} at @param {Geometry} geometry @param {Vector} pixel @returns {Vector} */
export function placeOf(at, { spacing }, [row, column]) {
  return [at.left + (column + 0.5) * spacing[1] * at.scale, at.top + (row + 0.5) * spacing[0] * at.scale];
}

// The nearest pixel inside the picture.
/** @param {Geometry} geometry @param {Vector} pixel @returns {Vector} */
export const inside = ({ rows, columns }, [row, column]) => [clamp(row, 0, rows - 1), clamp(column, 0, columns - 1)];

// The pixel at a place, whole; null beside the picture.
/** @param {Size} size @param {Geometry} geometry @param {Zoomed} state @param {Vector} place */
export function pixelUnder(size, geometry, state, place) {
  const [row, column] = pixelAt(size, geometry, state, place).map(Math.round);
  const isBeside = row < 0 || column < 0 || row >= geometry.rows || column >= geometry.columns;
  return isBeside ? null : [row, column];
}

// Zooms so that what lies at a place of the canvas stays there.
/** @param {Size} size @param {Zoomed} state @param {number} zoom @param {Vector} place */
export function zoomTo(size, state, zoom, place) {
  const wanted = clamp(zoom, MIN_ZOOM, state.maxZoom || MAX_ZOOM), ratio = wanted / state.zoom;
  const fromMiddle = [place[0] - size.width / 2, place[1] - size.height / 2];
  state.pan = state.pan.map((pan, axis) => fromMiddle[axis] - (fromMiddle[axis] - pan) * ratio);
  state.zoom = wanted;
}

// Zooms and moves as two fingers did: what lay between them stays there. `start` has where and how far apart they were,
// and zoom and pan at that time.
/** @param {Size} size @param {Zoomed} state @param {Pinched} start @param {Pinched} now */
export function pinchTo(size, state, start, now) {
  Object.assign(state, { zoom: start.zoom, pan: start.pan });
  zoomTo(size, state, start.zoom * now.apart / start.apart, start.middle);
  state.pan = state.pan.map((pan, axis) => pan + now.middle[axis] - start.middle[axis]);
}

// What is seen of a slice, for viewers that are linked: [CSS pixels for each mm, the point in the middle]; nothing of a whole one.
/** @param {Size} size @param {Plane} plane @param {Zoomed} state @param {number} index @returns {Vector} */
export function seenOf(size, plane, state, index) {
  if (state.zoom === 1 && !state.pan[0] && !state.pan[1]) return [];
  const pixel = pixelAt(size, plane, state, [size.width / 2, size.height / 2]);
  return [placement(size, plane, state).scale, ...toPoint(plane, [index, ...pixel])];
}

// Zooms and moves so that the same is seen.
/** @param {Size} size @param {Plane} plane @param {Zoomed} state @param {Vector} seen */
export function seeAs(size, plane, state, [scale, ...point]) {
  Object.assign(state, { zoom: 1, pan: [0, 0] });
  if (!scale) return;
  state.zoom = clamp(scale / placement(size, plane, state).scale, MIN_ZOOM, MAX_ZOOM);
  const [, row, column] = toVoxel(plane, point), [x, y] = placeOf(placement(size, plane, state), plane, [row, column]);
  state.pan = [size.width / 2 - x, size.height / 2 - y];
}

// What of an image is seen, in its pixels: [first row, last row, first column, last column], the last not included.
/** @param {Size} size @param {Geometry} geometry @param {Zoomed} state @returns {Vector} */
export function visibleBox(size, geometry, state, margin = 0) {
  const [top, left] = pixelAt(size, geometry, state, [0, 0]);
  const [bottom, right] = pixelAt(size, geometry, state, [size.width, size.height]);
  const down = (bottom - top) * margin, across = (right - left) * margin;
  return [
    Math.max(0, Math.floor(top - down)), Math.min(geometry.rows, Math.ceil(bottom + 1 + down)),
    Math.max(0, Math.floor(left - across)), Math.min(geometry.columns, Math.ceil(right + 1 + across)),
  ];
}

// {box, factors} of the pixels that the screen could show and that are not at hand; null where there are none.
// `ratio` is the screen's own pixels for each CSS pixel.
/** @param {Size} size @param {ImageFound} found @param {Detail | null} detail @param {Zoomed} state @param {number} ratio */
export function missingDetail(size, found, detail, state, ratio) {
  const { scale } = placement(size, found, state);
  const factors = found.spacing.map((step) => Math.max(1, Math.floor(1 / (step * scale * ratio) + 1e-6)));
  const isTooCoarse = (/** @type {Vector} */ own) => own[0] > factors[0] || own[1] > factors[1];
  if (!isTooCoarse(found.factors)) return null;
  const seen = visibleBox(size, found, state);
  if (seen[1] <= seen[0] || seen[3] <= seen[2]) return null;
  if (detail && !isTooCoarse(detail.factors) && isAround(detail.box, seen)) return null;
  return { box: visibleBox(size, found, state, DETAIL_MARGIN), factors };
}

/** @param {Vector} outer @param {Vector} inner */
const isAround = (outer, inner) => outer[0] <= inner[0] && outer[1] >= inner[1] && outer[2] <= inner[2] && outer[3] >= inner[3];
