// Values between pixels come first, the window after them.
import assert from "node:assert/strict";
import { test } from "node:test";

import { axisOf, colour, rampOf, sampled } from "../../helpers/viewer/sampling.js";
import { grey } from "../../helpers/viewer/greys.js";

const PADDING = 0xff112233 | 0;
const exact = (center, width) => ({ name: "own", center, width, function: "LINEAR_EXACT" });
const look = (voi, inverted = false) => ({ voi, inverted, table: null });
const greysOf = (pixels) => [...pixels].map((pixel) => pixel === PADDING ? "padding" : pixel & 0xff);

// A row of values, each `step` of the screen's pixels wide.
function row(values, step, voi, { isLinear = true, padding = null, inverted = false, rows = 1 } = {}) {
  const columns = values.length / rows, length = columns * step, right = axisOf(0, length, 0, step, columns, isLinear);
  const down = axisOf(0, rows * step, 0, step, rows, isLinear), pixels = new Int32Array(length * rows * step);
  colour(pixels, sampled({ values, padding }, columns, down, right), look(voi, inverted), PADDING);
  return greysOf(pixels);
}

test("linear between two pixels; beyond the last one's middle its own value", () => {
  const two = new Int16Array([0, 200]), whole = exact(127.5, 255);
  assert.deepEqual(row(two, 4, whole).slice(0, 8), [0, 0, 25, 75, 125, 175, 200, 200]);
  assert.deepEqual(row(two, 4, whole, { isLinear: false }).slice(0, 8), [0, 0, 0, 0, 200, 200, 200, 200]);
  assert.deepEqual(row(two, 1, whole), [0, 200], "one of the screen for each: as they are");
  assert.deepEqual(row(two, 1, whole, { inverted: true }), [255, 55]);
});

test("between rows as between columns", () => {
  const shown = row(new Float32Array([0, 0, 200, 200]), 2, exact(127.5, 255), { rows: 2 });
  assert.deepEqual(shown, [0, 0, 0, 0, 50, 50, 50, 50, 150, 150, 150, 150, 200, 200, 200, 200]);
});

test("the window comes after: a narrow one makes a sharp edge, a table its own greys", () => {
  const two = new Int16Array([0, 1000]);
  assert.deepEqual(row(two, 4, exact(500, 2)).slice(2, 6), [0, 0, 255, 255], "greys mixed would be 32, 96, 159, 223");
  assert.deepEqual(row(two, 4, { ...exact(300, 1), function: "LINEAR" }).slice(2, 6), [0, 255, 255, 255]);
  const hill = { name: "hill", values: [0, 500, 1000], greys: [0, 1, 0] }; // black at both ends
  assert.deepEqual(row(two, 4, hill).slice(2, 6), [64, 191, 191, 64]);
});

test("padding is never mixed in: a place is padding where the nearest pixel is", () => {
  const values = new Int16Array([-2000, 100, 204]), padding = new Uint8Array([0b10000000]);
  const shown = row(values, 4, exact(127.5, 255), { padding }).slice(0, 12);
  assert.deepEqual(shown, ["padding", "padding", "padding", "padding", 100, 100, 113, 139, 165, 191, 204, 204]);
  const nearest = row(values, 2, exact(127.5, 255), { padding, isLinear: false }).slice(0, 6);
  assert.deepEqual(nearest, ["padding", "padding", 100, 100, 204, 204]);
});

test("what was sampled once is seen through every window, padding in it; its memory serves the next picture", () => {
  const two = { values: new Int16Array([-2000, 100, 204]), padding: new Uint8Array([0b10000000]) };
  for (const step of [1, 4]) {
    const length = 3 * step, axes = [axisOf(0, 1, 0, 1, 1, true), axisOf(0, length, 0, step, 3, true)];
    const first = sampled(two, 3, ...axes), pixels = new Int32Array(length);
    for (const voi of [exact(127.5, 255), { ...exact(150, 1), function: "LINEAR" }, exact(300, 1000)]) {
      colour(pixels, first, look(voi), PADDING);
      assert.deepEqual(greysOf(pixels), row(two.values, step, voi, { padding: two.padding }).slice(0, length));
    }
    const next = sampled({ values: new Int16Array([7, 7, 7]), padding: null }, 3, ...axes, first);
    colour(pixels, next, look(exact(127.5, 255)), PADDING);
    assert.deepEqual(greysOf(pixels), Array(length).fill(7));
    assert.equal(next.mixed, first.mixed);
  }
});

test("fewer pixels of the screen than of the picture, and a part of it", () => {
  const { near, next, share } = axisOf(0, 2, 0, 0.5, 4, true);
  assert.deepEqual([[...near], [...next], [...share]], [[0, 2], [1, 3], [0.5, 0.5]]);
  const part = axisOf(10, 2, 0, 4, 8, true); // the screen's 10.5 is the picture's 2.125
  assert.deepEqual([[...part.near], [...part.share]], [[2, 2], [0.125, 0.375]]);
});

test("a ramp has the greys of its window, half a grey off at most", () => {
  for (const voi of [exact(40, 400), { ...exact(40, 400), function: "LINEAR" }, { ...exact(40, 400), function: "SIGMOID" }]) {
    const { low, scale, colours } = rampOf(voi, false, PADDING);
    for (let value = -1500; value <= 1500; value += 7.3) {
      const step = Math.round(Math.min(Math.max((value - low) * scale, 0), colours.length - 1));
      assert.ok(Math.abs((colours[step] & 0xff) - grey(value, voi)) <= 0.55, `${voi.function} ${value}`);
    }
  }
});
