// Outlines of labels: their length and the area that they go around are those of the pixels.
import assert from "node:assert/strict";
import { test } from "node:test";

import { eachEdge } from "../../helpers/viewer/edges.js";

const mapOf = (lines) => Uint8Array.from(lines.join(""), Number);

function edgesOf(lines, value) {
  const pieces = [];
  eachEdge(mapOf(lines), { rows: lines.length, columns: lines[0].length }, (own, ...piece) => { if (own === value) pieces.push(piece); });
  return pieces;
}

const lengthOf = (pieces) => pieces.reduce((sum, [x0, y0, x1, y1]) => sum + Math.abs(x1 - x0) + Math.abs(y1 - y0), 0);

// By Green's theorem: the upright edges, each with the side on which its label lies.
function areaOf(pieces, lines, value) {
  return pieces.filter(([x0, , x1]) => x0 === x1).reduce((sum, [x, y0, , y1]) => {
    const isLeftOf = lines[y0][x - 1] === String(value);
    return sum + (isLeftOf ? x : -x) * (y1 - y0);
  }, 0);
}

function edgesByCounting(lines, value) {
  const has = (row, column) => lines[row]?.[column] === String(value);
  let edges = 0;
  lines.forEach((line, row) => [...line].forEach((_, column) => {
    if (has(row, column)) for (const [down, right] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) edges += !has(row + down, column + right);
  }));
  return edges;
}

test("one pixel has four edges around it", () => {
  const pieces = edgesOf(["000", "010", "000"], 1).map(String).sort();
  assert.deepEqual(pieces, ["1,1,1,2", "1,1,2,1", "1,2,2,2", "2,1,2,2"]);
});

test("an edge that goes straight on is one piece", () => {
  assert.equal(edgesOf(["11111", "11111"], 1).length, 4);
});

test("nothing is drawn of a map without labels", () => assert.deepEqual(edgesOf(["000", "000"], 0), []));

const MAPS = [
  ["111", "101", "111"], // a hole
  ["1100", "0011", "1100"], // corners that touch, and the map's own edge
  ["112233", "112233", "111333", "000003"], // neighbours
  ["0000000", "0120210", "0122210", "0111110", "0000000"],
];

test("length and area are those of the pixels", () => {
  for (const lines of MAPS) for (const value of [1, 2, 3]) {
    const pieces = edgesOf(lines, value), pixels = lines.join("").split(String(value)).length - 1;
    assert.equal(lengthOf(pieces), edgesByCounting(lines, value), `length of ${value} in ${lines}`);
    assert.equal(areaOf(pieces, lines, value), pixels, `area of ${value} in ${lines}`);
  }
});
