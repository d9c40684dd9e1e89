// @ts-check
// Labels that lie on a picture, drawn as outlines, areas and marks. A source that has them has, beside what volume.js says,
//   labels            {items, marks, remark} (see helpers/viewer/volume_labels.py); null without them
//   slice(p, i).maps  label maps of the same pixels, one for each layer; none while they still have to come
//   get("hidden_labels"), get("label_fill")

import { eachEdge } from "./edges.js";
import { lay, layerOf, sizeOf } from "./painting.js";
import { placeOf, placement } from "./places.js";
import { clipped, drawBadge, lineHeight, write } from "./words.js";

const LABEL_WIDTH = 1.6, POINT_ARM = 7; // CSS pixels: of an outline, of the arms of a point

/** @typedef {CanvasRenderingContext2D} Pen */
/** @typedef {Pick<Shared<LabelState>, "get">} Hidden  which labels are switched off */

/** @param {LabelItem[]} items @param {Hidden} source */
export const shownLabels = (items, source) => items.filter((item) => !source.get("hidden_labels").includes(item.value));

// Draws the labels of a volume's slice over it, and returns those that are there.
/** @param {Pen} pen @param {View} view @param {Found} found @param {string} name @param {number} index @param {Zoomed} state @param {Source} source */
export function paintLabels(pen, view, found, name, index, state, source) {
  if (!found.maps || !source.labels) return [];
  const { items, marks } = source.labels, plane = source.meta.planes[name];
  const at = placement(sizeOf(view.canvas), plane, state);
  const there = shownLabels(items, source).filter((item) => item.counts[name][index]);
  const drawn = there.filter((item) => item.layer !== null);
  if (drawn.length) {
    paintAreas(pen, view, found.maps, plane, drawn, source.get("label_fill"), at);
    found.outlines ||= outlinesOf(found.maps, plane);
    for (const item of drawn) strokeOutline(pen, found.outlines, plane, item, at);
  }
  for (const mark of marks) {
    const item = there.find((one) => one.value === mark.value), places = mark.places[name]?.[index];
    if (item && places) drawMark(pen, mark, item, places.map((pixel) => placeOf(at, plane, pixel)));
  }
  return there;
}

// Draws what is labelled on an image that is no volume: outlines and marks in its pixels. Returns the labels that are there.
/** @param {Pen} pen @param {View} view @param {ImageFound} found @param {Zoomed} state @param {ImageSource} source */
export function paintImageLabels(pen, view, found, state, source) {
  const at = placement(sizeOf(view.canvas), found, state), there = [];
  const shown = source.labels ? shownLabels(source.labels.items, source) : [];
  for (const { value, outline, marks } of found.labels || []) {
    const item = shown.find((one) => one.value === value);
    if (!item) continue;
    there.push({ ...item, text: item.name });
    stroke(pen, placed(pathOf(outline), found, at), item);
    for (const mark of marks) drawMark(pen, mark, item, mark.places.map((pixel) => placeOf(at, found, pixel)));
  }
  return there;
}

/** @param {Pen} pen @param {View} view @param {LabelMap[]} maps @param {Plane} plane @param {LabelItem[]} items @param {number | undefined} opacity @param {Placement} at */
function paintAreas(pen, view, maps, plane, items, opacity, at) {
  if (!opacity) return;
  const layer = layerOf(view, "areas", plane), pixels = new Uint32Array(layer.image.data.buffer);
  pixels.fill(0);
  maps.forEach((map, number) => {
    const colours = new Uint32Array(2 ** (8 * map.BYTES_PER_ELEMENT));
    for (const item of items) if (item.layer === number) colours[item.value] = rgba(item.colour, opacity);
    for (let i = 0; i < map.length; i++) if (map[i] && colours[map[i]]) pixels[i] = colours[map[i]];
  });
  layer.pen.putImageData(layer.image, 0, 0);
  lay(pen, layer, at, false);
}

/** @param {string} colour  #rrggbb @param {number} opacity */
function rgba(colour, opacity) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return ((Math.round(255 * opacity) << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

// The outlines of all labels of some maps, by layer and value: along the edges of pixels, whole numbers at their corners.
/** @param {LabelMap[]} maps @param {Plane} plane */
function outlinesOf(maps, plane) {
  /** @type {Map<string, Path2D>} */
  const paths = new Map();
  maps.forEach((map, layer) => eachEdge(map, plane, (value, x0, y0, x1, y1) => {
    const key = `${layer} ${value}`, path = paths.get(key) || new Path2D();
    paths.set(key, path);
    path.moveTo(x0, y0);
    path.lineTo(x1, y1);
  }));
  return paths;
}

/** @param {Pen} pen @param {Map<string, Path2D>} outlines @param {Plane} plane @param {LabelItem} item @param {Placement} at */
function strokeOutline(pen, outlines, plane, item, at) {
  const outline = outlines.get(`${item.layer} ${item.value}`);
  if (outline) stroke(pen, placed(outline, plane, at), item);
}

// A path of pieces [x0, y0, x1, y1, …].
/** @param {number[]} pieces */
function pathOf(pieces) {
  const path = new Path2D();
  for (let i = 0; i < pieces.length; i += 4) {
    path.moveTo(pieces[i], pieces[i + 1]);
    path.lineTo(pieces[i + 2], pieces[i + 3]);
  }
  return path;
}

// A path in pixels, on the canvas.
/** @param {Path2D} path @param {Geometry} geometry @param {Placement} at */
function placed(path, { spacing }, at) {
  const [down, right] = spacing.map((step) => step * at.scale), onCanvas = new Path2D();
  onCanvas.addPath(path, new DOMMatrix([right, 0, 0, down, at.left, at.top]));
  return onCanvas;
}

/** @param {Pen} pen @param {Path2D} path @param {LabelItem} item */
function stroke(pen, path, { colour, dashed }) {
  Object.assign(pen, { strokeStyle: colour, lineWidth: LABEL_WIDTH, lineJoin: "round" });
  pen.setLineDash(dashed ? [5, 3] : []);
  pen.stroke(path);
  pen.setLineDash([]);
}

/** @param {Pen} pen @param {DrawnMark} mark @param {LabelItem} item @param {Vector[]} places  on the canvas */
function drawMark(pen, { shape, words }, item, places) {
  const [[x, y]] = places;
  if (shape === "box") stroke(pen, boxPath(places), item);
  if (shape === "point") stroke(pen, crossPath(x, y), item);
  if (words && shape !== "class") write(pen, words, x + POINT_ARM + 3, y, "left", "middle", 11, item.colour);
}

/** @param {Vector[]} corners */
function boxPath(corners) {
  const path = new Path2D();
  for (const [x, y] of corners) path.lineTo(x, y); // the first one begins
  path.closePath();
  return path;
}

/** @param {number} x @param {number} y */
function crossPath(x, y) {
  return pathOf([x - POINT_ARM, y, x + POINT_ARM, y, x, y - POINT_ARM, x, y + POINT_ARM]);
}

// Their names, each in its colour, on the right from a height on.
/** @param {Pen} pen @param {LabelItem[]} items @param {number} top @param {Size} canvas @param {number} size */
function drawLabelNames(pen, items, top, { width, height }, size) {
  const line = lineHeight(size), room = Math.max(1, Math.floor((0.44 * height - top) / line));
  const shown = items.length > room ? items.slice(0, room - 1) : items, left = items.length - shown.length;
  const writeLine = (/** @type {string} */ text, /** @type {number} */ number, colour = "#fff") =>
    write(pen, text, width - 6, top + number * line, "right", "top", size, colour);
  const boxes = shown.map((item, number) => writeLine(clipped(pen, item.text, size, 0.5 * width), number, item.colour));
  return left ? [...boxes, writeLine(`and ${left} more`, shown.length)] : boxes;
}

// The badge in the upper right corner, and names of labels below it.
/** @param {Pen} pen @param {string} badge @param {LabelItem[]} items @param {Size} canvas @param {number} size */
export function drawRightWords(pen, badge, items, canvas, size) {
  const boxes = drawBadge(pen, badge, canvas.width, size);
  return [...boxes, ...drawLabelNames(pen, items, boxes.length ? boxes[0].high[1] + 4 : 8, canvas, size)];
}

// Which labels a pixel has, in words.
/** @param {LabelMap[] | undefined} maps @param {Source} source @param {number} at */
export function labelText(maps, source, at) {
  if (!maps || !source.labels) return "";
  const isHere = (/** @type {LabelItem} */ { layer, value }) => layer !== null && maps[layer][at] === value;
  const names = shownLabels(source.labels.items, source).filter(isHere).map((item) => item.name);
  return names.length ? `; ${names.join(", ")}` : "";
}
