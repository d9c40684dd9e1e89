// Planes lead to the patient and back.
import assert from "node:assert/strict";
import { test } from "node:test";

import { endLetters, nearestIndex, pointText, readingWay, slabOf, times, toPoint, toVoxel } from "../../helpers/viewer/planes.js";

// A tilted plane: 2 mm from slice to slice, sheared; rows 0.5 mm and columns 0.8 mm apart, turned by 30 degrees.
const [COS, SIN] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)];
const AFFINE = [[0, 0, 0.8, -100], [0.3, 0.5 * COS, 0, 50], [2, 0.5 * SIN, 0, -20]];
const PLANE = { count: 40, rows: 10, columns: 10, affine: AFFINE, inverse: inverseOf(AFFINE) };

// By Cramer's rule: known from elsewhere than the viewer.
function inverseOf(rows) {
  const [a, b, c, t] = [0, 1, 2, 3].map((column) => rows.map((row) => row[column]));
  const cross = (u, v) => [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
  const dot = (u, v) => u[0] * v[0] + u[1] * v[1] + u[2] * v[2], volume = dot(a, cross(b, c));
  return [cross(b, c), cross(c, a), cross(a, b)].map((row) => {
    const own = row.map((value) => value / volume);
    return [...own, -dot(own, t)];
  });
}
const near = (got, expected) => got.forEach((one, axis) => assert.ok(Math.abs(one - expected[axis]) < 1e-9, `expected ${expected}, got ${got}`));

test("an affine takes (index, row, column) to millimetres", () => {
  assert.deepEqual(times([[1, 0, 0, 5], [0, 2, 0, 6], [0, 0, 3, 7]], [1, 1, 1]), [6, 8, 10]);
  near(toPoint(PLANE, [0, 0, 0]), [-100, 50, -20]);
  near(toPoint(PLANE, [1, 0, 2]), [-98.4, 50.3, -18]);
});

test("there and back", () => {
  for (const voxel of [[0, 0, 0], [39, 9, 9], [12.5, -3, 100]]) near(toVoxel(PLANE, toPoint(PLANE, voxel)), voxel);
});

test("the nearest slice, inside the volume", () => {
  assert.equal(nearestIndex(PLANE, toPoint(PLANE, [17.4, 3, 3])), 17);
  assert.equal(nearestIndex(PLANE, toPoint(PLANE, [-8, 3, 3])), 0);
  assert.equal(nearestIndex(PLANE, toPoint(PLANE, [400, 3, 3])), 39);
});

test("a point between two slices belongs to the one above, whatever its last digits are", () => {
  for (const noise of [-1e-9, 0, 1e-9]) assert.equal(nearestIndex(PLANE, toPoint(PLANE, [17.5 + noise, 3, 3])), 18);
});

test("readers go on to the feet, the back and the left, however the array lies", () => {
  const plane = (normal) => ({ affine: normal.map((step) => [step, 0, 0, 0]) });
  assert.equal(readingWay("axial", plane([0.1, 0.1, 2])), -1); // the index rises to the head
  assert.equal(readingWay("axial", plane([0.1, 0.1, -2])), 1);
  assert.equal(readingWay("coronal", plane([0, 3, 0.2])), 1); // to the back
  assert.equal(readingWay("coronal", plane([0, -3, 0.2])), -1);
  assert.equal(readingWay("sagittal", plane([1, 0, 0])), 1); // to the left
  assert.deepEqual(["axial", "coronal", "sagittal"].map((name) => endLetters(name).join("")), ["HF", "AP", "RL"]);
});

test("a point in words names its axes, and the side of the patient", () => {
  assert.equal(pointText([12, -3.14, 22.5]), "x 12.0 (L), y -3.1 (A), z 22.5 (H) mm");
  assert.equal(pointText([-12, 3.1, -22.5]), "x -12.0 (R), y 3.1 (P), z -22.5 (F) mm");
});

test("a slab has the slices around its middle, as in Python; their distance is along the normal", () => {
  const plane = { ...PLANE, affine: [[0, 0, 1, 0], [0, 1, 0, 0], [2, 0, 0, 0]] };
  assert.deepEqual(slabOf(plane, 10, 10), { first: 8, last: 13, mm: 10 });
  assert.deepEqual(slabOf(plane, 10, 0.1), { first: 10, last: 11, mm: 2 });
  assert.deepEqual(slabOf(plane, 10, 5), { first: 10, last: 12, mm: 4 }, "2.5 slices are two");
  assert.deepEqual(slabOf(plane, 10, 7), { first: 9, last: 13, mm: 8 }, "3.5 slices are four");
  assert.deepEqual(slabOf(plane, 0, 10), { first: 0, last: 3, mm: 6 }, "fewer at the end");
  const { mm } = slabOf(PLANE, 10, 0); // sheared: 2 mm along z, of which rows at 30 degrees take a part
  near([mm], [Math.abs(2 * COS - 0.3 * SIN)]);
});
