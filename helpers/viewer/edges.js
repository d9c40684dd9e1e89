// @ts-check
// Where labels end: the edges between the pixels of a label map, in straight pieces.

/** @typedef {(value: number, x0: number, y0: number, x1: number, y1: number) => void} AddPiece */

// Calls `add` for each piece of the edge of each value of a map: the value, from where to where, whole numbers at the pixels' corners.
/** @param {LabelMap} map @param {{rows: number, columns: number}} geometry @param {AddPiece} add */
export function eachEdge(map, { rows, columns }, add) {
  const { lines, places } = boxOf(map, rows, columns);
  traceEdges(map, lines, places, [columns, 1], (above, below, y, start, end) => {
    if (above) add(above, start, y, end, y);
    if (below) add(below, start, y, end, y);
  });
  traceEdges(map, places, lines, [1, columns], (left, right, x, start, end) => {
    if (left) add(left, x, start, x, end);
    if (right) add(right, x, start, x, end);
  });
}

// The rows, and the columns, that have a label: [the first, the one behind the last].
/** @param {LabelMap} map @param {number} rows @param {number} columns */
function boxOf(map, rows, columns) {
  let top = rows, below = 0, left = columns, beyond = 0;
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    let first = 0, last = columns - 1;
    while (first < columns && !map[start + first]) first++;
    if (first === columns) continue;
    while (!map[start + last]) last--;
    if (row < top) top = row;
    below = row + 1;
    if (first < left) left = first;
    if (last >= beyond) beyond = last + 1;
  }
  return { lines: [top, below], places: [left, beyond] };
}

// Calls `add` for each straight piece of the edges between lines of pixels: the values on both sides, the line, from where to where.
// What lies outside of the lines and places that are given (the first, the one behind the last) has no label; `steps` lead in the
// map to the next line, and along one.
/**
 * @param {LabelMap} map @param {Vector} lines @param {Vector} places @param {Vector} steps
 * @param {(before: number, after: number, line: number, start: number, end: number) => void} add
 */
function traceEdges(map, [firstLine, lastLine], [first, last], [toNext, along], add) {
  for (let line = firstLine; line <= lastLine; line++) {
    let start = first, before = 0, after = 0;
    for (let at = first, i = line * toNext + first * along; at < last; at++, i += along) {
      const a = line > firstLine ? map[i - toNext] : 0, b = line < lastLine ? map[i] : 0;
      if (a === before && b === after) continue;
      if (before !== after) add(before, after, line, start, at);
      start = at; before = a; after = b;
    }
    if (before !== after) add(before, after, line, start, last);
  }
}
