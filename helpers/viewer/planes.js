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

// The index of the slice nearest to a point, inside the volume or not.
/** @param {Plane} plane @param {Vector} point */
export const nearestIndex = (plane, point) => clamp(Math.round(toVoxel(plane, point)[0]), 0, plane.count - 1);
