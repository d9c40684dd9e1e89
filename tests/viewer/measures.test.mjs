// What is measured: lengths, angles, areas and values with known answers.
import assert from "node:assert/strict";
import { test } from "node:test";

import {
  askedStatistics, figuresOf, lineOf, measureLines, measuredInImages, measuredInVolume, piecesIn, statisticsOf, wordsBeside,
} from "../../helpers/viewer/measures.js";

const near = (got, expected) => assert.ok(Math.abs(got - expected) < 1e-9, `expected ${expected}, got ${got}`);
// Rows 2 mm and columns 1 mm apart, and a slice from which the columns lean by 30 degrees towards the rows.
const TALL = [[0, 0, 1, 0], [0, 2, 0, 0], [5, 0, 0, 0]];
const SHEARED = [[0, 0.5, 1, 0], [0, Math.sqrt(3) / 2, 0, 0], [3, 0, 0, 0]];

test("distances are millimetres on pixels that are no squares and on planes that are sheared", () => {
  near(figuresOf("distance", [[0, 0, 0], [0, 2, 3]], TALL).length, 5);
  near(figuresOf("distance", [[0, 0, 0], [1, 6, 0]], TALL).length, 13); // from slice to slice
  near(figuresOf("distance", [[0, 0, 0], [0, 1, 1]], SHEARED).length, Math.sqrt(3));
});

test("angles are those in the patient, not on the picture", () => {
  near(figuresOf("angle", [[0, 1, 0], [0, 0, 0], [0, 0, 1]], TALL).angle, 90);
  near(figuresOf("angle", [[0, 1, 2], [0, 0, 0], [0, 0, 1]], TALL).angle, 45);
  near(figuresOf("angle", [[0, 1, 0], [0, 0, 0], [0, 0, 1]], SHEARED).angle, 60);
  near(figuresOf("angle", [[0, 0, 9], [0, 0, 5], [0, 0, 1]], TALL).angle, 180);
});

test("areas", () => {
  near(figuresOf("rectangle", [[4, 7, 8], [4, 3, 3]], TALL).area, 4 * 5 * 2);
  near(figuresOf("ellipse", [[4, 3, 3], [4, 7, 8]], TALL).area, 4 * 5 * 2 * Math.PI / 4);
  near(figuresOf("rectangle", [[4, 0, 0], [4, 1, 1]], SHEARED).area, Math.sqrt(3) / 2);
});

test("a pixel belongs to a shape when its middle lies in it or on its edge", () => {
  const values = Int16Array.from({ length: 30 }, (_, at) => at), size = [5, 6]; // 6 columns
  const of = (kind, corners, padding = null) => statisticsOf(kind, corners, { values, padding }, size);
  assert.deepEqual(of("rectangle", [[1, 1], [2, 2]]), { n: 4, mean: 10.5, sd: Math.sqrt(9.25), min: 7, max: 14, padding: 0 });
  assert.deepEqual(of("rectangle", [[2.0000000001, 1.9999999], [1, 1]]).n, 4); // rounded on the way to the patient and back
  assert.equal(of("rectangle", [[0.6, 0.6], [2.4, 2.4]]).n, 4);
  assert.equal(of("rectangle", [[-3, -3], [9, 9]]).n, 30); // beyond the picture there is nothing
  assert.deepEqual(of("ellipse", [[1, 1], [3, 3]]), { n: 5, mean: 14, sd: Math.sqrt((36 + 36 + 1 + 1) / 5), min: 8, max: 20, padding: 0 });
  const none = of("rectangle", [[0.2, 0.2], [0.8, 0.8]]);
  assert.equal(none.n, 0);
});

test("padding is left out and counted", () => {
  const padding = Uint8Array.of(0b01100000), values = Float32Array.of(1, 5, 7, 3); // the second and third are none
  assert.deepEqual(statisticsOf("rectangle", [[0, 0], [0, 3]], { values, padding }, [1, 4]), { n: 2, mean: 2, sd: 1, min: 1, max: 3, padding: 2 });
});

test("parts of a line that lie in a slice", () => {
  assert.deepEqual(piecesIn([[3, 1, 1], [3, 5, 5]], 3), [[[1, 1], [5, 5]]]);
  assert.deepEqual(piecesIn([[3, 1, 1], [3, 5, 5]], 4), []);
  assert.deepEqual(piecesIn([[0, 0, 0], [4, 4, 8]], 2), [[[1.5, 3], [2.5, 5]]]);
  assert.deepEqual(piecesIn([[0, 0, 0], [4, 4, 8]], 5), []);
  assert.equal(piecesIn(lineOf("rectangle", [[7, 0, 0], [7, 4, 4]]).map(([slice, row, column]) => [row, slice, column]), 2).length, 2);
});

test("lines of shapes are closed", () => {
  for (const kind of ["rectangle", "ellipse"]) {
    const line = lineOf(kind, [[1, 2, 3], [1, 6, 9]]);
    line[0].forEach((place, axis) => near(place, line.at(-1)[axis]));
    assert.deepEqual([Math.min(...line.map(([, row]) => row)), Math.max(...line.map(([, row]) => row))], [2, 6]);
  }
});

test("words say the unit, the SD, the padding, and what a page only knows about", () => {
  const units = { unit: "HU", length_unit: "mm" }, found = { n: 4, mean: 10.5, sd: 3.04138, min: 7, max: 14, padding: 0 };
  assert.deepEqual(measureLines({ length: 12.34567 }, undefined, units), ["12.35 mm"]);
  assert.deepEqual(measureLines({ length: 12.34567 }, undefined, { unit: "", length_unit: "mm at the detector" }), ["12.35 mm at the detector"]);
  assert.deepEqual(measureLines({ angle: 44.96 }, undefined, units), ["45.0°"]);
  assert.deepEqual(measureLines({ area: 34.5 }, found, units), ["mean 10.5, SD 3.0414 HU", "min 7, max 14, n 4", "34.5 mm²"]);
  assert.deepEqual(measureLines({ area: 34.5 }, { ...found, padding: 3, about: true }, units)[0], "about mean 10.5, SD 3.0414 HU");
  assert.deepEqual(measureLines({ area: 34.5 }, { ...found, padding: 3 }, units)[3], "3 of padding left out");
  assert.deepEqual(measureLines({ area: 9 }, undefined, { unit: "", length_unit: "px" }), ["9 px²"]); // colour
  assert.deepEqual(measureLines({ area: 9 }, null, { unit: "", length_unit: "mm at the detector" }), ["9 mm² at the detector", "…"]);
  assert.deepEqual(measureLines({ area: 9 }, { ...found, n: 0, padding: 2 }, units), ["9 mm²", "2 of padding left out", "no value in it"]);
});

test("words stand beside what is measured, on the canvas, and not on others", () => {
  const canvas = { width: 512, height: 512 }, words = [100, 40];
  const at = (low, high, ...taken) => wordsBeside({ low, high }, words, canvas, taken).low;
  assert.deepEqual(at([100, 100], [200, 200]), [210, 130]);
  assert.deepEqual(at([300, 100], [450, 200]), [190, 130]);
  assert.deepEqual(at([20, 100], [500, 200]), [210, 210]);
  assert.deepEqual(at([20, 100], [500, 500]), [210, 50]);
  assert.deepEqual(at([100, 100], [200, 200], { low: [205, 120], high: [300, 200] }), [210, 60]);
  assert.deepEqual(at([100, 100], [200, 200], { low: [205, 0], high: [512, 512] }), [100, 210]); // below it
  assert.deepEqual(wordsBeside({ low: [0, 0], high: [512, 512] }, words, canvas, []).high.map(Math.round).every((end) => end <= 510), true);
});

test("the kernel is asked one thing after the other, and once for each", () => {
  const sent = [], told = [];
  const asked = askedStatistics((item, key) => sent.push([item, key]), () => told.push(1));
  const [one, other] = [{ kind: "rectangle", index: 1 }, { kind: "ellipse", index: 1 }];
  assert.equal(asked.of(one), null);
  assert.equal(asked.of(other), null);
  assert.equal(sent.length, 1);
  asked.answered({ key: sent[0][1], statistics: { n: 1 } });
  assert.deepEqual([asked.of(one), asked.of(other), told.length, sent.length], [{ n: 1 }, null, 1, 2]);
  asked.answered({ key: sent[1][1], statistics: null }); // colours
  assert.equal(asked.of(other), undefined);
  assert.equal(asked.of(one, "member 2"), null); // another volume of a group
});

const AXIAL = {
  count: 4, rows: 6, columns: 6, spacing: [2, 1], affine: [[0, 0, 1, -10], [0, 2, 0, 20], [5, 0, 0, 100]],
  inverse: [[0, 0, 0.2, -20], [0, 0.5, 0, -10], [1, 0, 0, 10]],
};
const CORONAL = { // rows are the slices of the axial plane, from the head down
  count: 6, rows: 4, columns: 6, spacing: [5, 1], affine: [[0, 0, 1, -10], [2, 0, 0, 20], [0, -5, 0, 115]],
  inverse: [[0, 0.5, 0, -10], [0, 0, -0.2, 23], [1, 0, 0, 10]],
};
const SLICE = { values: Int16Array.from({ length: 36 }, (_, at) => at), padding: null };
const volume = () => measuredInVolume({ meta: { planes: { axial: AXIAL, coronal: CORONAL }, unit: "HU" }, slice: (_, index) => index === 2 ? SLICE : null });

test("in a volume points are LPS mm, and lead back to the slice and its values", () => {
  const measured = volume(), item = measured.make("rectangle", [[1, 1], [2, 3]], "axial", 2);
  assert.deepEqual(item, { kind: "rectangle", plane: "axial", points_mm: [[-9, 22, 110], [-7, 24, 110]] });
  assert.deepEqual([measured.where(item), measured.indexOf(item)], ["axial slice 3", 2]);
  assert.deepEqual(measured.pixelsOn(item, "axial", 2), [[1, 1], [2, 3]]);
  assert.equal(measured.pixelsOn(item, "axial", 1), null);
  assert.equal(measured.pixelsOn(item, "coronal", 1), null);
  assert.equal(measured.figures(item).area, 4);
  const { n, mean, about } = measured.statistics(item);
  assert.deepEqual([n, mean, about], [6, (7 + 8 + 9 + 13 + 14 + 15) / 6, true]);
  assert.equal(measured.statistics(measured.make("rectangle", [[1, 1], [2, 3]], "axial", 1)), null); // its slice still has to come
});

test("other planes show where they cut it", () => {
  const measured = volume(), item = measured.make("distance", [[1, 1], [3, 3]], "axial", 2);
  assert.deepEqual(measured.piecesOn(item, "coronal", 2), [[[1, 1.5], [1, 2.5]]]);
  assert.deepEqual(measured.piecesOn(item, "coronal", 5), []);
  assert.deepEqual(measured.pixelsOn(measured.make("distance", [[1, 1], [1, 3]], "axial", 2), "coronal", 1), [[1, 1], [1, 3]]); // it lies in both
});

test("on images points are pixels, and reduced pixels stand for several", () => {
  const found = { spacing: [0.5, 0.25], unit: "", length_unit: "mm", factors: [2, 2], size: [2, 2], values: Int16Array.of(1, 2, 3, 4), padding: null };
  const images = [found, { ...found, values: undefined, rgb: new Uint8Array(12) }, { error: "no stream" }];
  const measured = measuredInImages({ has: (index) => index < 3, image: (index) => images[index] });
  const item = measured.make("rectangle", [[0, 0], [3, 1.5]], "image", 0);
  assert.deepEqual(item, { kind: "rectangle", index: 0, points: [[0, 0], [3, 1.5]] });
  assert.deepEqual([measured.pixelsOn(item, "image", 1), measured.pixelsOn(item, "image", 0)], [null, [[0, 0], [3, 1.5]]]);
  near(measured.figures(item).area, 3 * 0.5 * 1.5 * 0.25);
  assert.deepEqual(measured.statistics(item), { n: 2, mean: 2, sd: 1, min: 1, max: 3, padding: 0, about: true });
  assert.equal(measured.statistics({ ...item, index: 1 }), undefined); // colour has no values
  assert.deepEqual([measured.isHere({ ...item, index: 2 }), measured.figures({ ...item, index: 2 })], [false, {}]);
});
