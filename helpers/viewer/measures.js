// @ts-check
// What is measured on a picture: lengths, angles, areas and the values in them; numbers alone.
//
// A voxel is (slice, row, column) of a plane, whole numbers in the middle of pixels; `affine` takes it to mm. A rectangle
// and an ellipse lie along the rows and columns of their picture, between two opposite corners. A pixel belongs to them
// when its middle lies in them or on their edge.

import { clamp, isPadded, short } from "./greys.js";
import { NO_SLAB, times, toPoint, toVoxel } from "./planes.js";

/** @type {Record<string, number>} */
export const MEASURES = { distance: 2, angle: 3, rectangle: 2, ellipse: 2 }; // kinds, and how many points each has
const ON_EDGE = 1e-6; // pixels by which a middle may lie outside, for numbers are rounded
const ELLIPSE_CORNERS = 64; // of the polygon that is drawn for it
const WORDS_GAP = 10; // CSS pixels between words and what they belong to

/** @param {string} kind */
export const isArea = (kind) => kind === "rectangle" || kind === "ellipse";

// {length} or {angle} or {area}, by an affine (3 x 4): in mm, degrees and square mm.
/** @param {string} kind @param {Vector[]} voxels @param {Matrix} affine @returns {Figures} */
export function figuresOf(kind, voxels, affine) {
  const points = voxels.map((voxel) => times(affine, voxel));
  if (kind === "distance") return { length: distance(points[0], points[1]) };
  if (kind === "angle") return points.length < 3 ? {} : { angle: angleAt(points[1], points[0], points[2]) }; // it is being drawn
  const [[, top, left], [, bottom, right]] = voxels, share = kind === "ellipse" ? Math.PI / 4 : 1;
  return { area: Math.abs((bottom - top) * (right - left)) * pixelArea(affine) * share };
}

/** @param {Vector} one @param {Vector} other */
const distance = (one, other) => Math.hypot(...one.map((value, axis) => value - other[axis]));

// Degrees between the ways from a corner to two points.
/** @param {Vector} corner @param {Vector} one @param {Vector} other */
function angleAt(corner, one, other) {
  const [a, b] = [one, other].map((end) => end.map((value, axis) => value - corner[axis]));
  const dot = a.reduce((sum, value, axis) => sum + value * b[axis], 0);
  return Math.atan2(Math.hypot(...cross(a, b)), dot) * 180 / Math.PI;
}

/** @param {Matrix} affine */
function pixelArea(affine) {
  const [down, right] = [1, 2].map((column) => affine.map((row) => row[column]));
  return Math.hypot(...cross(down, right));
}

/** @param {Vector} a @param {Vector} b */
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];

// The values of the pixels in a shape: padding is left out and counted. The SD is that of a population, as numpy's.
/**
 * @param {string} kind @param {Vector[]} corners  [row, column] of each, in these pixels
 * @param {Pixels} found @param {Vector} size  of its picture: [rows, columns] @returns {Statistics}
 */
export function statisticsOf(kind, corners, { values, padding }, [rows, columns]) {
  const [[top, bottom], [left, right]] = [0, 1].map((axis) => span(corners, axis));
  const kept = [], isIn = insideOf(kind, [top, bottom], [left, right]);
  let padded = 0;
  for (let row = first(top); row <= last(bottom, rows); row++) for (let column = first(left); column <= last(right, columns); column++) {
    const at = row * columns + column;
    if (!isIn(row, column)) continue;
    if (isPadded(padding, at)) padded += 1; else kept.push(values[at]);
  }
  const n = kept.length, mean = kept.reduce((sum, value) => sum + value, 0) / n;
  const sd = Math.sqrt(kept.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n);
  const ends = kept.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
  return { n, mean, sd, min: ends[0], max: ends[1], padding: padded };
}

/** @param {Vector[]} corners @param {number} axis */
const span = (corners, axis) => corners.map((corner) => corner[axis]).sort((a, b) => a - b);

/** @param {number} low */
const first = (low) => Math.max(0, Math.ceil(low - ON_EDGE));

/** @param {number} high @param {number} count */
const last = (high, count) => Math.min(count - 1, Math.floor(high + ON_EDGE));

// Whether the middle of a pixel lies in a shape.
/** @param {string} kind @param {Vector} rows  first and last @param {Vector} columns */
function insideOf(kind, [top, bottom], [left, right]) {
  if (kind === "rectangle") return () => true; // as its box is
  const [tall, wide] = [(bottom - top) / 2 + ON_EDGE, (right - left) / 2 + ON_EDGE];
  return (/** @type {number} */ row, /** @type {number} */ column) =>
    ((row - (top + bottom) / 2) / tall) ** 2 + ((column - (left + right) / 2) / wide) ** 2 <= 1;
}

// The voxels of its line as it is drawn; that of a rectangle or an ellipse is closed.
/** @param {string} kind @param {Vector[]} voxels @returns {Vector[]} */
export function lineOf(kind, voxels) {
  if (!isArea(kind)) return voxels;
  const [[slice, top, left], [, bottom, right]] = voxels;
  if (kind === "rectangle") return [[slice, top, left], [slice, top, right], [slice, bottom, right], [slice, bottom, left], [slice, top, left]];
  return Array.from({ length: ELLIPSE_CORNERS + 1 }, (_, corner) => {
    const angle = 2 * Math.PI * corner / ELLIPSE_CORNERS;
    return [slice, (top + bottom) / 2 + (bottom - top) / 2 * Math.sin(angle), (left + right) / 2 + (right - left) / 2 * Math.cos(angle)];
  });
}

// The parts of a line that lie in a slice, as pieces [[row, column], [row, column]].
/** @param {Vector[]} line  voxels @param {number} index */
export function piecesIn(line, index) {
  const pieces = [];
  for (let end = 1; end < line.length; end++) {
    const [from, to] = [line[end - 1], line[end]], step = to[0] - from[0];
    let [low, high] = [0, 1]; // of the way from one to the other
    if (Math.abs(step) > ON_EDGE) {
      const [a, b] = [(index - 0.5 - from[0]) / step, (index + 0.5 - from[0]) / step].sort((one, other) => one - other);
      [low, high] = [Math.max(0, a), Math.min(1, b)];
    } else if (!isNear(from[0], index)) continue;
    const at = (/** @type {number} */ share) => [1, 2].map((axis) => from[axis] + share * (to[axis] - from[axis]));
    if (low <= high) pieces.push([at(low), at(high)]);
  }
  return pieces;
}

/** @param {number} slice @param {number} index */
const isNear = (slice, index) => Math.abs(slice - index) <= 0.5 + ON_EDGE;

// What is measured, in lines of words. Statistics are null while they still have to come, undefined where there are none.
/** @param {Figures} figures @param {Statistics | null | undefined} statistics @param {Units} units @returns {string[]} */
export function measureLines({ length, angle, area }, statistics, { unit, length_unit }) {
  if (length !== undefined) return [`${rounded4(length)} ${length_unit}`];
  if (angle !== undefined) return [`${angle.toFixed(1)}°`];
  if (area === undefined) return [];
  const size = `${rounded4(area)} ${length_unit.replace(/^mm|^px/, "$&²")}`;
  if (statistics === undefined) return [size];
  if (!statistics) return [size, "…"];
  const { n, mean, sd, min, max, padding, about } = statistics;
  const lost = padding ? [`${padding} of padding left out`] : [];
  if (!n) return [size, ...lost, "no value in it"];
  return [
    `${about ? "about " : ""}mean ${short(mean ?? NaN)}, SD ${short(sd ?? NaN)} ${unit}`.trim(),
    `min ${short(min)}, max ${short(max)}, n ${n}`, size, ...lost,
  ];
}

/** @param {number} number */
const rounded4 = (number) => String(Number(number.toPrecision(4)));

// Where words of a size stand: beside what they belong to, on the canvas, over as little of `taken` as can be.
/** @param {Box} box @param {Vector} words  [width, height] @param {Size} canvas @param {Box[]} taken @returns {Box} */
export function wordsBeside({ low, high }, [wide, tall], { width, height }, taken) {
  const middle = [(low[0] + high[0] - wide) / 2, (low[1] + high[1] - tall) / 2], [right, left] = [high[0] + WORDS_GAP, low[0] - WORDS_GAP - wide];
  const [below, above] = [high[1] + WORDS_GAP, low[1] - WORDS_GAP - tall];
  const rows = [middle[1], low[1] - tall, high[1]], columns = [middle[0], low[0], high[0] - wide];
  const places = [...rows.map((y) => [right, y]), ...rows.map((y) => [left, y]), ...columns.map((x) => [x, below]), ...columns.map((x) => [x, above])];
  const boxes = places.map(([x, y]) => {
    const corner = [clamp(x, 2, Math.max(2, width - wide - 2)), clamp(y, 2, Math.max(2, height - tall - 2))];
    return { low: corner, high: [corner[0] + wide, corner[1] + tall], moved: Math.hypot(corner[0] - x, corner[1] - y) };
  });
  const costs = boxes.map((one) => [{ low, high }, ...taken].reduce((sum, other) => sum + sharedArea(one, other), tall * one.moved));
  return boxes[costs.indexOf(Math.min(...costs))];
}

// The area that two boxes share.
/** @param {Box} one @param {Box} other */
export function sharedArea(one, other) {
  const [wide, tall] = [0, 1].map((axis) => Math.min(one.high[axis], other.high[axis]) - Math.max(one.low[axis], other.low[axis]));
  return Math.max(0, wide) * Math.max(0, tall);
}

// What is asked of the kernel, one after the other; what came last is kept.
/** @param {(item: Measure, key: string) => void} send @param {() => void} arrived @returns {AskedStatistics} */
export function askedStatistics(send, arrived) {
  /** @type {Map<string, Statistics | undefined>} */
  const known = new Map();
  let underway = "";
  return {
    of: (item, more = "") => {
      const key = `${more}${JSON.stringify(item)}`;
      if (known.has(key)) return known.get(key);
      if (!underway) { underway = key; send(item, key); }
      return null; // it is asked for again when it is drawn again
    },
    answered: ({ key, statistics }) => {
      if (key === underway) underway = "";
      known.set(key, statistics ?? undefined);
      if (known.size > 500) known.delete([...known.keys()][0]);
      arrived();
    },
  };
}

// What is measured in a volume, in LPS mm.
/** @param {Source} source @returns {Measured} */
export function measuredInVolume(source) {
  const planeOf = (/** @type {Measure} */ { plane = "" }) => source.meta.planes[plane];
  const voxelsOf = (/** @type {Measure} */ item) => (item.points_mm || []).map((point) => toVoxel(planeOf(item), point));
  const indexOf = (/** @type {Measure} */ item) => clamp(Math.round(voxelsOf(item)[0][0]), 0, planeOf(item).count - 1);
  return {
    isHere: () => true,
    make: (kind, pixels, plane, index) => {
      return { kind, plane, points_mm: pixels.map((pixel) => toPoint(source.meta.planes[plane], [index, ...pixel])) };
    },
    pixelsOn: (item, plane, index) => {
      const voxels = (item.points_mm || []).map((point) => toVoxel(source.meta.planes[plane], point));
      const isWhole = voxels.every(([slice]) => isNear(slice, index)) && (plane === item.plane || !isArea(item.kind));
      return isWhole ? voxels.map(([, row, column]) => [row, column]) : null;
    },
    piecesOn: (item, plane, index) => {
      const line = lineOf(item.kind, voxelsOf(item)).map((voxel) => toVoxel(source.meta.planes[plane], toPoint(planeOf(item), voxel)));
      return piecesIn(line, index);
    },
    figures: (item) => figuresOf(item.kind, voxelsOf(item), planeOf(item).affine),
    statistics: (item) => {
      if (source.statistics) return source.statistics(item);
      const { plane = "", kind } = item, { rows, columns } = planeOf(item), found = source.slice(plane, indexOf(item), false, source.shown, NO_SLAB);
      return found && { ...statisticsOf(kind, voxelsOf(item).map(([, ...pixel]) => pixel), found, [rows, columns]), about: true };
    },
    units: () => ({ unit: source.meta.unit, length_unit: "mm" }),
    indexOf,
    where: (item) => `${item.plane} slice ${indexOf(item) + 1}`,
  };
}

// What is measured in images, each in its own pixels.
/** @param {ImageSource} source @returns {Measured} */
export function measuredInImages(source) {
  const imageOf = (/** @type {Measure} */ { index = 0 }) => {
    const found = source.has(index) ? source.image(index) : null;
    return found && found.error === undefined ? found : null;
  };
  const affineOf = (/** @type {Vector} */ [down, right]) => [[0, 0, right, 0], [0, down, 0, 0], [0, 0, 0, 0]];
  return {
    isHere: (item) => imageOf(item) !== null,
    make: (kind, points, _, index) => ({ kind, index, points }),
    pixelsOn: (item, _, index) => item.index === index ? item.points || [] : null,
    piecesOn: () => [],
    figures: (item) => {
      const found = imageOf(item), voxels = (item.points || []).map((pixel) => [0, ...pixel]);
      return found ? figuresOf(item.kind, voxels, affineOf(found.spacing)) : {};
    },
    statistics: (item) => {
      const found = imageOf(item);
      if (!found || !found.values) return undefined;
      if (source.statistics) return source.statistics(item);
      const corners = (item.points || []).map((point) => point.map((place, axis) => (place + 0.5) / found.factors[axis] - 0.5));
      return { ...statisticsOf(item.kind, corners, { values: found.values, padding: found.padding }, found.size), about: true };
    },
    units: (item) => {
      const found = imageOf(item);
      return { unit: found?.unit || "", length_unit: found?.length_unit || "px" };
    },
    indexOf: ({ index = 0 }) => index,
    where: ({ index = 0 }) => `image ${index + 1}`,
  };
}
