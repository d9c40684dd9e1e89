// Where a picture lies on its canvas, and what of it is seen.
import assert from "node:assert/strict";
import { test } from "node:test";

import { inside, missingDetail, pinchTo, pixelAt, pixelUnder, placeOf, placement, seeAs, seenOf, visibleBox, zoomTo } from "../../helpers/viewer/places.js";

const CANVAS = { width: 512, height: 400 };
const PICTURES = [
  { rows: 512, columns: 512, spacing: [0.7, 0.7] },
  { rows: 40, columns: 300, spacing: [5, 0.7] }, // pixels that are no squares
  { rows: 900, columns: 20, spacing: [1, 2] },
];
const ZOOMS = [0.5, 1, 1.37, 4, 20], PANS = [[0, 0], [31.5, -88], [-2000, 700]];
const near = (got, expected, tolerance) => got.forEach((one, axis) => {
  assert.ok(Math.abs(one - expected[axis]) <= tolerance, `expected ${expected}, got ${got}`);
});

test("a picture fills its canvas in its own aspect, in the middle", () => {
  const at = placement(CANVAS, { rows: 100, columns: 100, spacing: [1, 2] }, { zoom: 1, pan: [0, 0] });
  assert.deepEqual(at, { left: 0, top: 72, scale: 2.56, width: 512, height: 256 });
  assert.deepEqual(placeOf(at, { spacing: [1, 2] }, [-0.5, -0.5]), [0, 72]); // its corner
  assert.deepEqual(placeOf(at, { spacing: [1, 2] }, [49.5, 49.5]), [256, 200]); // its middle
});

test("from a pixel to the canvas and back, at every zoom and pan", () => {
  for (const picture of PICTURES) for (const zoom of ZOOMS) for (const pan of PANS) {
    const state = { zoom, pan }, at = placement(CANVAS, picture, state);
    for (const pixel of [[0, 0], [picture.rows - 1, picture.columns - 1], [12.25, 7.75]]) {
      near(pixelAt(CANVAS, picture, state, placeOf(at, picture, pixel)), pixel, 1e-9);
    }
  }
});

test("what lies under the pointer stays there while it is zoomed", () => {
  for (const picture of PICTURES) for (const zoom of ZOOMS) for (const pan of PANS) {
    const state = { zoom: 1, pan }, place = [101, 322], before = pixelAt(CANVAS, picture, state, place);
    zoomTo(CANVAS, state, zoom, place);
    assert.equal(state.zoom, zoom);
    near(pixelAt(CANVAS, picture, state, place), before, 1e-6);
  }
});

test("six notches of a wheel on what lies near an edge leave it there", () => {
  for (const picture of PICTURES) {
    const state = { zoom: 1, pan: [0, 0] }, place = [CANVAS.width * 0.93, CANVAS.height * 0.06];
    const before = pixelAt(CANVAS, picture, state, place);
    for (let notch = 0; notch < 6; notch++) zoomTo(CANVAS, state, state.zoom * Math.exp(100 / 300), place);
    near(placeOf(placement(CANVAS, picture, state), picture, before), place, 1e-6);
    assert.ok(state.zoom > 7);
  }
});

test("what lies between two fingers stays between them while they spread and move", () => {
  for (const picture of PICTURES) {
    const state = { zoom: 1.5, pan: [12, -30] }, start = { ...state, middle: [120, 90], apart: 80 };
    const before = pixelAt(CANVAS, picture, state, start.middle);
    for (const now of [{ middle: [150, 40], apart: 120 }, { middle: [300, 200], apart: 240 }, { middle: [120, 90], apart: 80 }]) {
      pinchTo(CANVAS, state, start, now);
      near(pixelAt(CANVAS, picture, state, now.middle), before, 1e-6);
    }
    assert.equal(state.zoom, 1.5); // back where they were
    near(state.pan, [12, -30], 1e-9);
  }
});

test("two planes of other sizes and pixels see the same millimetres", () => {
  const plane = (rows, columns, [down, right], corner) => ({
    rows, columns, spacing: [down, right],
    affine: [[0, 0, right, corner[0]], [0, down, 0, corner[1]], [5, 0, 0, 0]],
    inverse: [[0, 0, 1 / 5, 0], [0, 1 / down, 0, -corner[1] / down], [1 / right, 0, 0, -corner[0] / right]],
  });
  const one = plane(100, 100, [2, 2], [-100, -100]), other = plane(50, 300, [3, 1], [-120, -40]);
  const small = { width: 300, height: 150 }, state = { zoom: 3, pan: [40, -20] }, follows = { zoom: 1, pan: [0, 0] };
  const seen = seenOf(CANVAS, one, state, 7);
  seeAs(small, other, follows, seen);
  near([placement(small, other, follows).scale], [placement(CANVAS, one, state).scale], 1e-9);
  const [row, column] = pixelAt(small, other, follows, [150, 75]), [r, c] = pixelAt(CANVAS, one, state, [256, 200]);
  near([row * 3 - 40, column - 120], [r * 2 - 100, c * 2 - 100], 1e-6); // y and x in the middle, mm
  seeAs(small, other, follows, seenOf(CANVAS, one, { zoom: 1, pan: [0, 0] }, 7));
  assert.deepEqual(follows, { zoom: 1, pan: [0, 0] }); // a whole picture is a whole picture
});

test("zoom has its ends", () => {
  const state = { zoom: 1, pan: [0, 0] };
  zoomTo(CANVAS, state, 1000, [0, 0]);
  assert.equal(state.zoom, 20);
  zoomTo(CANVAS, Object.assign(state, { maxZoom: 60 }), 1000, [0, 0]);
  assert.equal(state.zoom, 60);
  zoomTo(CANVAS, state, 0, [0, 0]);
  assert.equal(state.zoom, 0.5);
});

test("a place beside the picture has no pixel, and the nearest one is at its edge", () => {
  const picture = { rows: 100, columns: 100, spacing: [1, 1] }, state = { zoom: 1, pan: [0, 0] };
  near(pixelUnder(CANVAS, picture, state, [57, 1]), [0, 0], 0); // it begins at 56
  assert.equal(pixelUnder(CANVAS, picture, state, [50, 1]), null);
  assert.deepEqual(inside(picture, [-3, 120.5]), [0, 99]);
});

test("all of a picture is seen at first; zoomed in, a part of it", () => {
  const picture = { rows: 400, columns: 512, spacing: [1, 1] };
  assert.deepEqual(visibleBox(CANVAS, picture, { zoom: 1, pan: [0, 0] }), [0, 400, 0, 512]);
  assert.deepEqual(visibleBox(CANVAS, picture, { zoom: 4, pan: [0, 0] }), [149, 251, 191, 321]);
  assert.deepEqual(visibleBox(CANVAS, picture, { zoom: 4, pan: [0, 0] }, 0.5), [99, 301, 127, 385]);
});

test("detail is fetched where the screen shows more than is at hand, and not twice", () => {
  const found = { rows: 4000, columns: 5120, spacing: [0.1, 0.1], factors: [10, 10] }, whole = { zoom: 1, pan: [0, 0] };
  assert.equal(missingDetail(CANVAS, found, null, whole, 1), null); // one pixel at hand for each of the screen
  assert.deepEqual(missingDetail(CANVAS, found, null, whole, 2).factors, [5, 5]); // a screen with more of them
  const state = { zoom: 8, pan: [0, 0] }, wanted = missingDetail(CANVAS, found, null, state, 1);
  assert.deepEqual(wanted.factors, [1, 1]);
  assert.deepEqual(wanted.box, visibleBox(CANVAS, found, state, 0.1));
  assert.equal(missingDetail(CANVAS, found, wanted, state, 1), null); // it is there
  assert.equal(missingDetail(CANVAS, found, wanted, { zoom: 8, pan: [10, 0] }, 1), null); // its margin is
  assert.notEqual(missingDetail(CANVAS, found, wanted, { zoom: 8, pan: [500, 0] }, 1), null); // moved out of it
  assert.notEqual(missingDetail(CANVAS, found, { ...wanted, factors: [2, 2] }, state, 1), null); // too coarse
  assert.equal(missingDetail(CANVAS, found, null, { zoom: 8, pan: [9999, 0] }, 1), null); // nothing is seen
});
