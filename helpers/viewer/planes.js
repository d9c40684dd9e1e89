// @ts-check
// A volume's planes. A plane's affine (3 x 4, rows of numbers) takes (index, row, column, 1) to LPS mm; its inverse comes with it.

import { clamp } from "./greys.js";

export const PLANES = ["axial", "coronal", "sagittal"];

/** @param {Matrix} matrix @param {Vector} vector @returns {Vector} */
export const times = (matrix, [a, b, c]) => matrix.map((row) => row[0] * a + row[1] * b + row[2] * c + row[3]);

/** @param {Plane} plane @param {Vector} voxel */
export const toPoint = (plane, voxel) => times(plane.affine, voxel);

/** @param {Plane} plane @param {Vector} point */
export const toVoxel = (plane, point) => times(plane.inverse, point);

const TIE = 1e-6; // of a slice: a point between two belongs to the one above, whatever its last digits are

// The index of the slice nearest to a point, inside the volume or not.
/** @param {Plane} plane @param {Vector} point */
export const nearestIndex = (plane, point) => clamp(Math.floor(toVoxel(plane, point)[0] + 0.5 + TIE), 0, plane.count - 1);

// Along each axis of the patient its letters, against it and along it; which way readers go through the slices that lie
// across it: from right to left, from front to back, from head to feet.
const LETTERS = ["RL", "AP", "FH"];
/** @type {Record<string, {axis: number, way: number}>} */
const READ = { axial: { axis: 2, way: -1 }, coronal: { axis: 1, way: 1 }, sagittal: { axis: 0, way: 1 } };

// The step of the index by which readers go on in a plane, 1 or -1.
/** @param {string} name @param {Plane} plane */
export const readingWay = (name, { affine }) => affine[READ[name].axis][0] * READ[name].way < 0 ? -1 : 1;

// The letters of the ends of a plane's slices, as they are read.
/** @param {string} name */
export function endLetters(name) {
  const { axis, way } = READ[name], [low, high] = LETTERS[axis];
  return way > 0 ? [low, high] : [high, low];
}

// A point in words: "x 12.0 (L), y -3.1 (A), z 22.5 (H) mm".
/** @param {Vector} point */
export function pointText(point) {
  const parts = point.map((mm, axis) => `${"xyz"[axis]} ${mm.toFixed(1)} (${LETTERS[axis][mm < 0 ? 0 : 1]})`);
  return `${parts.join(", ")} mm`;
}
