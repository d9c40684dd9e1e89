// @ts-check
// A picture in pixels of the screen: its values are interpolated, then seen through a window. Padding is never mixed in.

import { grey, greyTable, limits } from "./greys.js";

const WINDOW_STEPS = 2 ** 14, TABLE_STEPS = 2 ** 16; // of a ramp: with these a grey is off by 1/64 at most
const ON_PIXEL = 1e-6; // pixels by which a place may be off that counts as a pixel's middle

// The colours of values, in even steps where greys change.
/** @param {Voi} voi @param {boolean} inverted @param {number} padding  the colour of what has no value @returns {Ramp} */
export function rampOf(voi, inverted, padding) {
  const steps = voi.values ? TABLE_STEPS : WINDOW_STEPS, [black, white] = limits(voi);
  const margin = !voi.values && voi.function === "SIGMOID" ? 1.5 * (white - black) : Math.max(0, 1e-6 * Math.max(1, Math.abs(white)) - (white - black));
  const low = black - margin, scale = steps / (white + margin - low), colours = new Uint32Array(steps + 1);
  for (let step = 0; step <= steps; step++) colours[step] = colourOf(Math.round(grey(low + step / scale, voi)), inverted);
  return { low, scale, colours, padding };
}

/** @param {number} shown @param {boolean} inverted */
const colourOf = (shown, inverted) => (0xff000000 | ((inverted ? 255 - shown : shown) * 0x10101)) >>> 0;

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

// Fills pixels of the screen, row by row, with a picture of so many columns.
/** @param {Uint32Array} pixels @param {Pixels} found @param {number} columns @param {Axis} down @param {Axis} right @param {Look} look @param {number} padding */
export function sample(pixels, { values, padding: bits }, columns, down, right, look, padding) {
  const voi = /** @type {Voi} */ (look.voi), lost = bits && lostOf(bits, values.length, columns);
  if (down.isWhole && right.isWhole && values instanceof Int16Array) {
    pickByTable(pixels, values, columns, down, right, look.table ||= greyTable(voi, look.inverted), lost, padding);
    return;
  }
  mix(pixels, values, columns, down, right, look.ramp ||= rampOf(voi, look.inverted, padding), lost);
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
/** @param {Uint32Array} pixels @param {Int16Array} values @param {number} columns @param {Axis} down @param {Axis} right @param {Uint8Array} table @param {Lost | null} lost @param {number} padding */
function pickByTable(pixels, values, columns, down, right, table, lost, padding) {
  const width = right.near.length, { near } = right;
  for (let y = 0, at = 0; y < down.near.length; y++, at += width) {
    const row = down.near[y], base = row * columns;
    if (y && row === down.near[y - 1]) { pixels.copyWithin(at, at - width, at); continue; }
    for (let x = 0; x < width; x++) pixels[at + x] = 0xff000000 | (table[values[base + near[x]] & 0xffff] * 0x10101);
    if (lost?.rows[row]) for (let x = 0; x < width; x++) if (lost.at[base + near[x]]) pixels[at + x] = padding;
  }
}

// Values between pixels: first along the rows that are needed, then between two of them.
/** @param {Uint32Array} pixels @param {Values | Uint8Array} values @param {number} columns @param {Axis} down @param {Axis} right @param {Ramp} ramp @param {Lost | null} lost */
function mix(pixels, values, columns, down, right, ramp, lost) {
  const width = right.near.length, { low, scale, colours } = ramp, last = colours.length - 1;
  let front = emptyLine(width), back = emptyLine(width);
  for (let y = 0, at = 0; y < down.near.length; y++, at += width) {
    const near = down.near[y], next = down.next[y], share = down.share[y];
    if (y && !share && !down.share[y - 1] && near === down.near[y - 1]) { pixels.copyWithin(at, at - width, at); continue; }
    if (back.row === near) [front, back] = [back, front];
    along(front, near, values, columns, right, lost);
    along(back, next, values, columns, right, lost);
    if (lost && (lost.rows[near] || lost.rows[next])) {
      mixKept(pixels, at, front, back, share, ramp, right, /** @type {Lost} */ (lost), columns * (share < 0.5 ? near : next));
      continue;
    }
    const one = front.sums, other = back.sums;
    for (let x = 0; x < width; x++) {
      const step = (one[x] + share * (other[x] - one[x]) - low) * scale + 0.5;
      pixels[at + x] = colours[step > last ? last : step > 0 ? step | 0 : 0];
    }
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
/** @param {Uint32Array} pixels @param {number} at @param {Line} front @param {Line} back @param {number} share @param {Ramp} ramp @param {Axis} right @param {Lost} lost @param {number} base */
function mixKept(pixels, at, front, back, share, { low, scale, colours, padding }, right, lost, base) {
  const last = colours.length - 1;
  for (let x = 0; x < front.sums.length; x++) {
    const nearest = base + (right.share[x] < 0.5 ? right.near[x] : right.next[x]);
    if (lost.at[nearest]) { pixels[at + x] = padding; continue; }
    const weight = front.weights[x] + share * (back.weights[x] - front.weights[x]);
    const step = ((front.sums[x] + share * (back.sums[x] - front.sums[x])) / weight - low) * scale + 0.5;
    pixels[at + x] = colours[step > last ? last : step > 0 ? step | 0 : 0];
  }
}
