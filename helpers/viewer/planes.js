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

export const NO_SLAB = { slab_mm: 0, slab_how: "max" };

// The slab that is shown, of a shared state.
/** @param {{get(name: "slab_mm"): number, get(name: "slab_how"): string}} state @returns {Slab} */
export const slabIn = (state) => ({ slab_mm: state.get("slab_mm"), slab_how: state.get("slab_how") });

// The slices of a slab, [first, last), around that of an index, as Volume.slab takes them; and how thick they are, mm.
/** @param {Plane} plane @param {number} index @param {number} mm */
export function slabOf({ affine, count }, index, mm) {
  const [along, down, right] = [0, 1, 2].map((part) => affine.map((row) => row[part]));
  const normal = [0, 1, 2].map((axis) => down[(axis + 1) % 3] * right[(axis + 2) % 3] - down[(axis + 2) % 3] * right[(axis + 1) % 3]);
  const step = Math.abs(along.reduce((sum, part, axis) => sum + part * normal[axis], 0)) / Math.hypot(...normal);
  const wanted = Math.max(1, roundedToEven(mm / step)), start = index - Math.floor((wanted - 1) / 2);
  const [first, last] = [Math.max(0, start), Math.min(count, start + wanted)];
  return { first, last, mm: (last - first) * step };
}

// As Python does.
/** @param {number} value */
const roundedToEven = (value) => value % 1 === 0.5 ? 2 * Math.round(value / 2) : Math.round(value);

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
