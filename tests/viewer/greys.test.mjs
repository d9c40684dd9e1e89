// Values become grey as PS3.3 C.11.2.1.2 and C.11.2.1.3 say.
import assert from "node:assert/strict";
import { test } from "node:test";

import { LOWEST, asWindow, dragged, grey, greyTable, isPadded, limits, lookOf, rounded, voiText } from "../../helpers/viewer/greys.js";

const near = (got, expected, tolerance = 1e-9) => assert.ok(Math.abs(got - expected) <= tolerance, `expected ${expected}, got ${got}`);
const voi = (kind, center, width) => ({ name: "own", center, width, function: kind });

// The standard's pseudo-code with y from 0 to 255, written anew.
function standardLinear(x, c, w) {
  if (x <= c - 0.5 - (w - 1) / 2) return 0;
  if (x > c - 0.5 + (w - 1) / 2) return 255;
  return ((x - (c - 0.5)) / (w - 1) + 0.5) * 255;
}
function standardExact(x, c, w) {
  if (x <= c - w / 2) return 0;
  if (x > c + w / 2) return 255;
  return ((x - c) / w + 0.5) * 255;
}

test("linear, as C.11.2.1.2.1 has it in its note: C 2048 W 4096 takes 0 to black and 4095 to white", () => {
  const whole = voi("LINEAR", 2048, 4096);
  assert.equal(grey(0, whole), 0);
  assert.equal(grey(4095, whole), 255);
  near(grey(2047.5, whole), 127.5);
});

test("linear, C 0 W 100: from -50 to 49; C 0 W 1 is a threshold", () => {
  assert.deepEqual(limits(voi("LINEAR", 0, 100)), [-50, 49]);
  assert.equal(grey(-50, voi("LINEAR", 0, 100)), 0);
  assert.equal(grey(49, voi("LINEAR", 0, 100)), 255);
  assert.equal(grey(-1, voi("LINEAR", 0, 1)), 0);
  assert.equal(grey(-0.5, voi("LINEAR", 0, 1)), 0);
  assert.equal(grey(0, voi("LINEAR", 0, 1)), 255);
});

test("linear and linear exact agree with the standard's pseudo-code", () => {
  for (const center of [-600, 0, 40.5, 2048]) for (const width of [2, 80.5, 400, 4096]) {
    for (let x = center - width; x <= center + width; x += width / 37) {
      near(grey(x, voi("LINEAR", center, width)), standardLinear(x, center, width));
      near(grey(x, voi("LINEAR_EXACT", center, width)), standardExact(x, center, width));
    }
  }
});

test("sigmoid: half way at its center, 1 / (1 + e^2) half a width below", () => {
  assert.equal(grey(40, voi("SIGMOID", 40, 400)), 127.5);
  near(grey(-160, voi("SIGMOID", 40, 400)), 255 / (1 + Math.E ** 2));
  near(grey(240, voi("SIGMOID", 40, 400)), 255 / (1 + Math.E ** -2));
});

test("a table: between its values, and its ends beyond them", () => {
  const table = { name: "LUT", values: [0, 10, 30], greys: [0, 0.5, 1] };
  assert.deepEqual([-5, 0, 5, 10, 20, 30, 99].map((x) => grey(x, table)), [0, 0, 63.75, 127.5, 191.25, 255, 255]);
  assert.deepEqual(limits(table), [0, 30]);
  assert.deepEqual(asWindow(table), { name: "custom", center: 15, width: 30, function: "LINEAR_EXACT" });
});

test("the table of greys has every 16-bit value, inverted where that is asked for", () => {
  const hill = { name: "hill", values: [-500, 0, 500], greys: [0, 1, 0] };
  const windows = ["LINEAR", "LINEAR_EXACT", "SIGMOID"].map((kind) => voi(kind, -600, 1500));
  for (const seen of [...windows, voi("LINEAR", 0.5, 1), voi("LINEAR_EXACT", 3, 510), voi("LINEAR_EXACT", 3, 0.1), hill]) {
    const table = greyTable(seen, false), inverted = greyTable(seen, true);
    for (let x = -32768; x < 32768; x++) {
      if (table[x - LOWEST] !== Math.round(grey(x, seen))) assert.fail(`${JSON.stringify(seen)} at ${x}`);
      if (inverted[x - LOWEST] !== 255 - table[x - LOWEST]) assert.fail(`inverted at ${x}`);
    }
  }
});

test("what is seen through the same window is the same", () => {
  const first = lookOf(null, voi("LINEAR", 40, 400), false);
  assert.equal(lookOf(first, { ...voi("LINEAR", 40, 400), name: "other" }, false), first);
  assert.notEqual(lookOf(first, voi("LINEAR", 41, 400), false), first);
  assert.notEqual(lookOf(first, voi("SIGMOID", 40, 400), false), first);
  assert.notEqual(lookOf(first, voi("LINEAR", 40, 400), true), first);
  assert.notEqual(lookOf(first, null, false), first);
});

test("a drag to the right widens, downwards darkens, and no width is below the least", () => {
  const range = { low: -1000, high: 600 }; // a step of 2
  assert.deepEqual(dragged(voi("LINEAR", 40, 400), 10, 5, range), { name: "custom", center: 50, width: 420, function: "LINEAR" });
  assert.equal(dragged(voi("LINEAR", 40, 400), -9999, 0, range).width, 2);
  assert.equal(dragged(voi("LINEAR", 40, 400), -1e6, 0, { low: 0, high: 1 }).width, 1);
});

test("numbers are rounded to what a step can tell", () => {
  assert.equal(rounded(12.4, 2), 12);
  near(rounded(0.123456, 0.01), 0.123);
});

test("padding is one bit a pixel, the highest first", () => {
  const padding = new Uint8Array([0b10000001, 0b01000000]);
  const padded = Array.from({ length: 16 }, (_, at) => at).filter((at) => isPadded(padding, at));
  assert.deepEqual(padded, [0, 7, 9]);
  assert.equal(isPadded(null, 0), false);
});

test("words of a window and of a table", () => {
  assert.equal(voiText(voi("LINEAR", 40, 400), "HU"), "own: C 40 W 400 HU");
  assert.equal(voiText({ name: "LUT", values: [0, 4095], greys: [0, 1] }, ""), "LUT: 0 to 4095");
});
