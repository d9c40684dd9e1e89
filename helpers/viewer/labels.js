// Labels that lie on a volume, drawn as outlines, areas and marks. A source that has them has, beside what volume.js says,
//   labels            {items, layers, marks, remark} (see helpers/viewer/volume_labels.py); null without them
//   slice(p, i).maps  label maps of the same pixels, one for each layer; none while they still have to come
//   get("hidden_labels"), get("label_fill")

import { labelled, make } from "./controls.js";
import { write } from "./painting.js";
import { placement } from "./places.js";

const LABEL_WIDTH = 1.6, POINT_ARM = 7; // CSS pixels: of an outline, of the arms of a point

const shownLabels = (source) => source.labels.items.filter((item) => !source.get("hidden_labels").includes(item.value));

// Draws the labels of a slice over it, and returns those that are there.
export function paintLabels(pen, canvas, maps, plane, name, index, state, source) {
  const at = placement(canvas, plane, state), [down, right] = plane.spacing.map((mm) => mm * at.scale);
  const shown = shownLabels(source), there = shown.filter((item) => item.counts[name][index]);
  const wanted = there.filter((item) => item.layer !== null);
  if (wanted.length) {
    fillAreas(pen, canvas, maps, plane, wanted, source.get("label_fill"), at);
    const outlines = maps.outlines ||= outlinesOf(maps, plane), onCanvas = new DOMMatrix([right, 0, 0, down, at.left, at.top]);
    for (const item of wanted) {
      const path = new Path2D();
      path.addPath(outlines.get(`${item.layer} ${item.value}`) || new Path2D(), onCanvas);
      stroke(pen, path, item);
    }
  }
  const place = ([row, column]) => [at.left + (column + 0.5) * right, at.top + (row + 0.5) * down];
  for (const mark of source.labels.marks) {
    const item = there.find((one) => one.value === mark.value), places = item && mark.places[name]?.[index];
    if (places) drawMark(pen, mark, item, places.map(place));
  }
  return there;
}

function stroke(pen, path, item) {
  pen.strokeStyle = item.colour; pen.lineWidth = LABEL_WIDTH; pen.lineJoin = "round";
  pen.setLineDash(item.dashed ? [5, 3] : []);
  pen.stroke(path);
  pen.setLineDash([]);
}

function drawMark(pen, mark, item, places) {
  const path = new Path2D(), [[x, y]] = places;
  if (mark.shape === "box") {
    places.forEach(([left, top], number) => path[number ? "lineTo" : "moveTo"](left, top));
    path.closePath();
  }
  if (mark.shape === "point") for (const [dx, dy] of [[POINT_ARM, 0], [0, POINT_ARM]]) { path.moveTo(x - dx, y - dy); path.lineTo(x + dx, y + dy); }
  stroke(pen, path, item);
  if (mark.words && mark.shape !== "class") write(pen, mark.words, x + POINT_ARM + 3, y, "left", "middle", 11, item.colour);
}

function fillAreas(pen, canvas, maps, { rows, columns }, items, opacity, at) {
  if (!opacity) return;
  const key = canvas.areas ||= document.createElement("canvas");
  if (key.width !== columns || key.height !== rows) { key.width = columns; key.height = rows; }
  const own = key.getContext("2d", { willReadFrequently: true }), image = own.createImageData(columns, rows), pixels = new Uint32Array(image.data.buffer);
  maps.forEach((map, layer) => {
    const colours = new Uint32Array(2 ** (8 * map.BYTES_PER_ELEMENT));
    for (const item of items) if (item.layer === layer) colours[item.value] = rgba(item.colour, opacity);
    for (let i = 0; i < map.length; i++) if (map[i] && colours[map[i]]) pixels[i] = colours[map[i]];
  });
  own.putImageData(image, 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(key, at.left, at.top, at.width, at.height);
}

function rgba(colour, opacity) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return ((Math.round(255 * opacity) << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

// The outlines of all labels of some maps: paths along the edges of pixels, whole numbers at their corners.
function outlinesOf(maps, { rows, columns }) {
  const paths = new Map();
  const pathOf = (layer, value) => {
    const key = `${layer} ${value}`;
    if (!paths.has(key)) paths.set(key, new Path2D());
    return paths.get(key);
  };
  maps.forEach((map, layer) => {
    const add = (value, x0, y0, x1, y1) => { if (value) { const path = pathOf(layer, value); path.moveTo(x0, y0); path.lineTo(x1, y1); } };
    const [top, below, left, beyond] = boxOf(map, rows, columns);
    traceEdges(map, [top, below], [left, beyond], [columns, 1], (a, b, line, start, end) => {
      add(a, start, line, end, line); add(b, start, line, end, line);
    });
    traceEdges(map, [left, beyond], [top, below], [1, columns], (a, b, line, start, end) => {
      add(a, line, start, line, end); add(b, line, start, line, end);
    });
  });
  return paths;
}

// [first row, row behind the last, first column, column behind the last] that have a label.
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
  return [top, below, left, beyond];
}

// Calls `add` for each straight piece of the edges between lines of pixels: the values on both sides, the line, from where to where.
// What lies outside of the lines and places that are given (the first, the one behind the last) has no label; `steps` lead in the
// map to the next line, and along one.
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

// Their names, each in its colour, below the badge on the right.
export function drawLabelNames(pen, items, badge, width, height, size) {
  const line = size * 1.35, top = 8 + (badge ? line * badge.split(", ").length + 8 : 0), room = Math.max(1, Math.floor((0.44 * height - top) / line));
  const shown = items.length > room ? items.slice(0, room - 1) : items;
  shown.forEach((item, number) => write(pen, clipped(pen, item.text, size, 0.5 * width), width - 6, top + number * line, "right", "top", size, item.colour));
  if (shown.length < items.length) write(pen, `and ${items.length - shown.length} more`, width - 6, top + shown.length * line, "right", "top", size);
}

function clipped(pen, text, size, widest) {
  pen.font = `${size}px system-ui, sans-serif`;
  let kept = text;
  while (kept.length > 1 && pen.measureText(kept).width > widest) kept = kept.slice(0, -1);
  return kept === text ? text : `${kept}…`;
}

// Which labels a pixel has, in words.
export function labelText(maps, source, at) {
  if (!maps) return "";
  const names = shownLabels(source).filter((item) => item.layer !== null && maps[item.layer][at] === item.value).map((item) => item.name);
  return names.length ? `; ${names.join(", ")}` : "";
}

// Draws what is labelled on an image that is no volume: outlines and marks in its pixels. Returns the labels that are there.
export function paintImageLabels(pen, canvas, found, state, source) {
  if (!source.labels) return [];
  const at = placement(canvas, found, state), [down, right] = found.spacing.map((step) => step * at.scale), there = [];
  const place = ([row, column]) => [at.left + (column + 0.5) * right, at.top + (row + 0.5) * down];
  for (const { value, outline, marks } of found.labels || []) {
    const item = shownLabels(source).find((one) => one.value === value);
    if (!item) continue;
    there.push({ ...item, text: item.name });
    const path = new Path2D();
    for (let i = 0; i < outline.length; i += 4) {
      path.moveTo(at.left + outline[i] * right, at.top + outline[i + 1] * down);
      path.lineTo(at.left + outline[i + 2] * right, at.top + outline[i + 3] * down);
    }
    stroke(pen, path, item);
    for (const mark of marks) drawMark(pen, mark, item, mark.places.map(place));
  }
  return there;
}

// A list with a switch for each label, and ways to the slices that have one. `host` is {plane, index, setIndex, draw}.
export function labelControls(root, source, host) {
  if (!source.labels) return null;
  const { items, remark } = source.labels;
  const box = make("details", { className: "dv-labels", open: true }, root), title = make("summary", { textContent: "Labels" }, box);
  const row = make("div", { className: "dv-row" }, box);
  const [before, next] = [["◂ labelled", -1], ["labelled ▸", 1]].map(([text, way]) => {
    const button = make("button", { type: "button", textContent: text, title: `To the ${way < 0 ? "one before" : "next one"} that has a label that is shown` }, row);
    button.onclick = () => step(way);
    return button;
  });
  const isVolume = source.get("label_fill") !== undefined;
  const fill = isVolume ? labelled(row, "Areas", "input", { type: "range", min: 0, max: 100, step: 5, title: "Opacity of the areas; 0 for outlines alone" }) : null;
  if (fill) {
    fill.style.width = "7em";
    fill.oninput = () => { source.set("label_fill", Number(fill.value) / 100); source.save(); host.draw(); };
  }
  const all = make("button", { type: "button", textContent: "All or none" }, row);
  all.onclick = () => hide(source.get("hidden_labels").length ? [] : items.map((item) => item.value));
  const list = make("div", { className: "dv-label-list" }, box);
  const switches = items.map((item) => {
    const line = make("div", { className: "dv-row" }, list), label = make("label", {}, line);
    const shown = make("input", { type: "checkbox", ariaLabel: item.name }, label);
    make("span", { className: "dv-chip" }, label).style.background = item.colour;
    make("span", { textContent: item.text, title: item.about }, label);
    const first = isVolume ? ["largest", "slice with the largest cross-section", "Largest cross-section"] : ["first", "first image that has it", "First image"];
    const largest = make("button", { type: "button", textContent: first[0], title: `To the ${first[1]}`, ariaLabel: `${first[2]} of ${item.name}` }, line);
    shown.onchange = () => hide(shown.checked ? source.get("hidden_labels").filter((one) => one !== item.value) : [...source.get("hidden_labels"), item.value]);
    largest.onclick = () => { const counts = item.counts[host.plane()]; host.setIndex(counts.indexOf(Math.max(...counts))); };
    return shown;
  });
  if (remark) make("p", { textContent: remark, className: "dv-note" }, box);

  const hide = (values) => { source.set("hidden_labels", values); source.save(); host.draw(); };
  const nearest = (way) => {
    const counts = shownLabels(source).map((item) => item.counts[host.plane()]), length = counts[0]?.length || 0;
    for (let index = host.index() + way; index >= 0 && index < length; index += way) if (counts.some((one) => one[index])) return index;
    return null;
  };
  const step = (way) => { const index = nearest(way); if (index !== null) host.setIndex(index); };
  function show() {
    const hidden = source.get("hidden_labels");
    switches.forEach((shown, number) => { shown.checked = !hidden.includes(items[number].value); });
    if (fill) {
      fill.value = Math.round(100 * source.get("label_fill"));
      fill.setAttribute("aria-valuetext", `${fill.value} %`);
    }
    title.textContent = `Labels: ${items.length - hidden.length} of ${items.length} shown`;
    before.disabled = nearest(-1) === null;
    next.disabled = nearest(1) === null;
  }
  return { show };
}
