// @ts-check
// A picture in pixels of the screen: its values are interpolated, then seen through a window. Padding is never mixed in.

import { LOWEST, evenGreys, greyTable, slope } from "./greys.js";

// Of a ramp: with these a grey is off by 1/32 at most, and by less where a table of greys is not steep.
const RAMP_STEPS = { LINEAR: 2 ** 12, LINEAR_EXACT: 2 ** 12, SIGMOID: 2 ** 14 }, TABLE_STEPS = 2 ** 16;
const ON_PIXEL = 1e-6; // pixels by which a place may be off that counts as a pixel's middle

// The colours of values, in even steps where greys change.
/** @param {Voi} voi @param {boolean} inverted @param {number} padding  the colour of what has no value @returns {Ramp} */
export function rampOf(voi, inverted, padding) {
  const steps = voi.values ? TABLE_STEPS : RAMP_STEPS[voi.function], [start, end] = slope(voi);
  const margin = Math.max(0, 1e-6 * Math.max(1, Math.abs(end)) - (end - start)), low = start - margin;
  const scale = steps / (end + margin - low), greys = evenGreys(voi, inverted, low, 1 / scale, steps + 1);
  const colours = new Int32Array(steps + 1);
  for (let step = 0; step <= steps; step++) colours[step] = colourOf(greys[step]);
  return { low, scale, colours, padding: padding | 0 };
}

// A grey as a pixel of a canvas has it, 32 bits.
/** @param {number} shown */
const colourOf = (shown) => 0xff000000 | Math.imul(shown, 0x10101);

// Which pixels of a picture lie on both sides of the middles of `length` pixels of the screen, from `first` on, along one
// axis: `count` of them begin at `start`, each `step` of the screen's pixels long. `share` is that of the one behind.
/** @param {number} first @param {number} length @param {number} start @param {number} step @param {number} count @param {boolean} isLinear @returns {Axis} */
export function axisOf(first, length, start, step, count, isLinear) {
  const near = new Int32Array(length), next = new Int32Array(length), share = new Float32Array(length);
  let isWhole = true;
  for (let i = 0; i < length; i++) {
    const place = Math.min(Math.max((first + i + 0.5 - start) / step - 0.5, 0), count - 1), closest = Math.round(place);
    const isOn = !isLinear || Math.abs(place - closest) < ON_PIXEL;
    near[i] = isOn ? closest : Math.floor(place);
    next[i] = isOn ? closest : near[i] + 1;
    share[i] = isOn ? 0 : place - near[i];
    isWhole &&= isOn;
  }
  return { near, next, share, isWhole };
}

// A picture of so many columns at the screen's pixels, before it is seen through a window; `last` is one that is needed no more.
/** @param {Pixels} found @param {number} columns @param {Axis} down @param {Axis} right @param {Sampled} [last] @returns {Sampled} */
export function sampled({ values, padding }, columns, down, right, last) {
  const lost = padding && lostOf(padding, values.length, columns), length = down.near.length * right.near.length;
  if (down.isWhole && right.isWhole && values instanceof Int16Array) return { values, columns, down, right, lost };
  const mixed = last?.mixed?.length === length ? last.mixed : new Float32Array(length);
  mix(mixed, values, columns, down, right, lost);
  return { mixed };
}

// Fills pixels of the screen, row by row, with what was sampled.
/** @param {Int32Array} pixels @param {Sampled} sampled @param {Look} look @param {number} padding  the colour of what has no value */
export function colour(pixels, sampled, look, padding) {
  const voi = /** @type {Voi} */ (look.voi);
  if (sampled.mixed) colourMixed(pixels, sampled.mixed, look.ramp ||= rampOf(voi, look.inverted, padding));
  else pickByTable(pixels, sampled, look.table ||= greyTable(voi, look.inverted), padding);
}

/** @type {WeakMap<Uint8Array, Lost>} */
const unpacked = new WeakMap();

// Which pixels are padding, one byte each, and which rows have some.
/** @param {Uint8Array} bits @param {number} length @param {number} columns @returns {Lost} */
function lostOf(bits, length, columns) {
  const known = unpacked.get(bits);
  if (known) return known;
  const at = new Uint8Array(length), rows = new Uint8Array(length / columns);
  for (let i = 0; i < length; i++) if (bits[i >> 3] & (128 >> (i & 7))) { at[i] = 1; rows[Math.floor(i / columns)] = 1; }
  unpacked.set(bits, { at, rows });
  return { at, rows };
}

// Pixels as they are.
/** @param {Int32Array} pixels @param {Picked} picked @param {Uint8Array} table @param {number} padding */
function pickByTable(pixels, { values, columns, down, right, lost }, table, padding) {
  const width = right.near.length, { near } = right;
  for (let y = 0, at = 0; y < down.near.length; y++, at += width) {
    const row = down.near[y], base = row * columns;
    if (y && row === down.near[y - 1]) { pixels.copyWithin(at, at - width, at); continue; }
    for (let x = 0; x < width; x++) pixels[at + x] = colourOf(table[values[base + near[x]] - LOWEST]);
    if (lost?.rows[row]) for (let x = 0; x < width; x++) if (lost.at[base + near[x]]) pixels[at + x] = padding;
  }
}

// Values between pixels; what is no number is padding.
/** @param {Int32Array} pixels @param {Float32Array} mixed @param {Ramp} ramp */
function colourMixed(pixels, mixed, { low, scale, colours, padding }) {
  const last = colours.length - 1, black = colours[0], white = colours[last];
  for (let i = 0; i < pixels.length; i++) {
    const step = (mixed[i] - low) * scale + 0.5;
    pixels[i] = step > last ? white : step > 0 ? colours[step | 0] : step <= 0 ? black : padding;
  }
}

// Values between pixels: first along the rows that are needed, then between two of them. Padding is no number.
/** @param {Float32Array} mixed @param {Values | Uint8Array} values @param {number} columns @param {Axis} down @param {Axis} right @param {Lost | null} lost */
function mix(mixed, values, columns, down, right, lost) {
  const width = right.near.length;
  let front = emptyLine(width), back = emptyLine(width);
  for (let y = 0, at = 0; y < down.near.length; y++, at += width) {
    const near = down.near[y], next = down.next[y], share = down.share[y];
    if (y && !share && !down.share[y - 1] && near === down.near[y - 1]) { mixed.copyWithin(at, at - width, at); continue; }
    if (back.row === near) [front, back] = [back, front];
    along(front, near, values, columns, right, lost);
    along(back, next, values, columns, right, lost);
    if (lost && (lost.rows[near] || lost.rows[next])) {
      mixKept(mixed, at, front, back, share, right, lost, columns * (share < 0.5 ? near : next));
      continue;
    }
    const one = front.sums, other = back.sums;
    for (let x = 0; x < width; x++) mixed[at + x] = one[x] + share * (other[x] - one[x]);
  }
}

/** @param {number} width @returns {Line} */
const emptyLine = (width) => ({ row: -1, sums: new Float32Array(width), weights: new Float32Array(width) });

// A row of a picture at the screen's columns; of rows with padding the sums and weights of what is none.
/** @param {Line} line @param {number} row @param {Values | Uint8Array} values @param {number} columns @param {Axis} right @param {Lost | null} lost */
function along(line, row, values, columns, { near, next, share }, lost) {
  if (line.row === row) return;
  const { sums, weights } = line, base = row * columns;
  line.row = row;
  if (lost?.rows[row]) {
    for (let x = 0; x < sums.length; x++) {
      const a = base + near[x], b = base + next[x], wa = lost.at[a] ? 0 : 1 - share[x], wb = lost.at[b] ? 0 : share[x];
      sums[x] = (wa ? wa * values[a] : 0) + (wb ? wb * values[b] : 0);
      weights[x] = wa + wb;
    }
    return;
  }
  for (let x = 0; x < sums.length; x++) {
    const one = values[base + near[x]];
    sums[x] = one + share[x] * (values[base + next[x]] - one);
  }
  if (lost) weights.fill(1);
}

// The same beside padding: a place is padding where the nearest pixel is, else the mean of what is none.
/** @param {Float32Array} mixed @param {number} at @param {Line} front @param {Line} back @param {number} share @param {Axis} right @param {Lost} lost @param {number} base */
function mixKept(mixed, at, front, back, share, right, lost, base) {
  for (let x = 0; x < front.sums.length; x++) {
    const nearest = base + (right.share[x] < 0.5 ? right.near[x] : right.next[x]);
    const weight = front.weights[x] + share * (back.weights[x] - front.weights[x]);
    mixed[at + x] = lost.at[nearest] ? NaN : (front.sums[x] + share * (back.sums[x] - front.sums[x])) / weight;
  }
}
