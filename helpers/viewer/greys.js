// @ts-check
// How values become grey, and how they are written.
//
// A "voi" is what turns values into grey: a window {name, center, width, function} or a table {name, values, greys}.

export const MIN_WIDTH = { LINEAR: 1, LINEAR_EXACT: 0, SIGMOID: 0 }; // and above 0

// The grey of a value, 0 to 255: by one of the standard's three functions (PS3.3 C.11.2.1.2, C.11.2.1.3) or by a table.
/** @param {number} value @param {Voi} voi */
export function grey(value, voi) {
  if (voi.values) return 255 * interpolated(value, voi.values, voi.greys);
  const { center, width, function: kind } = voi;
  if (kind === "SIGMOID") return 255 / (1 + Math.exp(-4 * (value - center) / width));
  if (kind === "LINEAR_EXACT") return 255 * clamp((value - center) / width + 0.5, 0, 1);
  if (width === 1) return value > center - 0.5 ? 255 : 0;
  return 255 * clamp((value - (center - 0.5)) / (width - 1) + 0.5, 0, 1);
}

/** @param {number} value @param {number[]} xs @param {number[]} ys */
function interpolated(value, xs, ys) {
  if (value <= xs[0]) return ys[0];
  let low = 0, high = xs.length - 1;
  if (value >= xs[high]) return ys[high];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= value) low = middle; else high = middle;
  }
  return ys[low] + (ys[high] - ys[low]) * (value - xs[low]) / (xs[high] - xs[low]);
}

/** @param {number} value @param {number} low @param {number} high */
export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// The values that are black and white; of a sigmoid, between which it is steep.
/** @param {Voi} voi */
export function limits(voi) {
  if (voi.values) return [voi.values[0], voi.values[voi.values.length - 1]];
  const [shift, width] = voi.function === "LINEAR" ? [0.5, voi.width - 1] : [0, voi.width];
  return [voi.center - shift - width / 2, voi.center - shift + width / 2];
}

// What values are seen through: the last one while it is the same, for its grey table takes some milliseconds.
/** @param {Look | null} last @param {Voi | null} voi @param {boolean} inverted @returns {Look} */
export function lookOf(last, voi, inverted) {
  const isKept = last && last.inverted === inverted && isSameVoi(last.voi, voi);
  return isKept ? last : { voi, inverted, table: null };
}

/** @param {Voi | null} one @param {Voi | null} other */
export function isSameVoi(one, other) {
  if (one === other) return true;
  if (!one || !other || one.values || other.values) return false;
  return one.center === other.center && one.width === other.width && one.function === other.function;
}

export const LOWEST = -32768; // of 16-bit values

// Greys of all 16-bit values at once, the lowest first: with it a picture of 512 x 512 is windowed in a millisecond.
/** @param {Voi} voi @param {boolean} inverted */
export const greyTable = (voi, inverted) => evenGreys(voi, inverted, LOWEST, 1, 65536);

// The greys of values in even steps; each is worked out where greys change alone.
/** @param {Voi} voi @param {boolean} inverted @param {number} first @param {number} step @param {number} count */
export function evenGreys(voi, inverted, first, step, count) {
  const greyOf = (/** @type {number} */ value) => { const shown = Math.round(grey(value, voi)); return inverted ? 255 - shown : shown; };
  const [start, end] = slope(voi).map((value, side) => clamp(Math.floor((value - first) / step) + 2 * side, 0, count));
  const greys = new Uint8Array(count).fill(greyOf(-Infinity), 0, start).fill(greyOf(Infinity), end);
  for (let i = start; i < end; i++) greys[i] = greyOf(first + i * step);
  return greys;
}

// The values between which greys change, a tenth of a grey beside them at most.
/** @param {Voi} voi */
export function slope(voi) {
  const [black, white] = limits(voi), beyond = !voi.values && voi.function === "SIGMOID" ? 1.5 * (white - black) : 0;
  return [black - beyond, white + beyond];
}

/** @param {Uint8Array | null | undefined} padding  one bit a pixel @param {number} at */
export const isPadded = (padding, at) => !!padding && (padding[at >> 3] & (128 >> (at & 7))) !== 0;

/** @param {number} number */
export const short = (number) => String(Number(number.toPrecision(5)));

/** @param {number} number */
export const exact = (number) => Number.isInteger(number) ? String(number) : short(number);

// To the right widens the window, downwards makes the picture darker, in steps that suit the values' range.
/** @param {Voi} voi @param {number} dx @param {number} dy @param {Limits} range @returns {WindowVoi} */
export function dragged(voi, dx, dy, { low, high }) {
  const now = asWindow(voi), step = (high - low) / 800;
  const least = Math.max(MIN_WIDTH[now.function], step);
  const width = Math.max(least, rounded(now.width + dx * step, step));
  return { ...now, center: rounded(now.center + dy * step, step), width };
}

// To whole numbers where steps are larger than that, else to a tenth of a step.
/** @param {number} value @param {number} step */
export function rounded(value, step) {
  const digits = step > 0.5 ? 1 : 10 ** Math.ceil(1 - Math.log10(step));
  return Math.round(value * digits) / digits;
}

// A voi as a window that can be changed; a table becomes the window between its ends.
/** @param {Voi} voi @returns {WindowVoi} */
export function asWindow(voi) {
  const name = "custom";
  if (!voi.values) return { name, center: voi.center, width: voi.width, function: voi.function };
  const [black, white] = limits(voi);
  return { name, center: (black + white) / 2, width: white - black || 1, function: "LINEAR_EXACT" };
}

/** @param {Voi} voi @param {string} unit */
export function voiText(voi, unit) {
  const range = voi.values ? limits(voi).map(short).join(" to ") : `C ${short(voi.center)} W ${short(voi.width)}`;
  return `${voi.name}: ${range} ${unit}`.trim();
}
