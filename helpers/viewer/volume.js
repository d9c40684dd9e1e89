// Draws the slices of a volume on a canvas and lets a person scroll, window, zoom and point.
//
// Two hosts use it: a widget in a notebook with a kernel (kernel.js), which fetches slices when they are needed, and a
// page without a kernel (stored.js), which has them all. A source is
//   meta            what does not change of the volume that is shown: planes, windows, unit, words (see viewer_data.py)
//   slice(p, i)     {values, padding} of slice i of plane p, or null where it still has to come
//   get(k), set(k, v), save(), on(k, f), off()   the shared state: plane, index, position_mm, voi
//   arrived(f)      calls f(p, i) when a slice has come
// and what members.js, overlay.js and labels.js say, where the volume is one of several, and where something lies over it.

import { STYLE, choices, labelled, make, makeCanvas, windowControls } from "./controls.js";
import { clamp, exact, greyTable, voiText } from "./greys.js";
import { drawLabelNames, labelControls, labelText, paintLabels } from "./labels.js";
import { PREFETCHED, memberSlider, wireMemberKeys } from "./members.js";
import { drawColourBar, overControls, overText, paintOver } from "./overlay.js";
import { CROSS_COLOUR, MAIN_SIZE, drawBadge, drawFoot, drawHistogram, drawLetters, onceARefresh, paint, sized, wrapped, write } from "./painting.js";
import { pixelAt, placement } from "./places.js";
import { PLANES, toPoint, toVoxel } from "./planes.js";
import { wireHistogram, wireKeys, wirePointer } from "./pointer.js";

const SIDE_SIZE = 230; // height of the two pictures beside the large one, CSS pixels

export function mount(el, source) {
  const root = make("div", { className: "dv" }, el);
  make("style", { textContent: STYLE }, root);
  const state = { zoom: 1, pan: [0, 0], tool: "window", three: source.meta.three_planes, playing: 0, pointed: null, table: null };
  const controls = buildControls(root, source, state);
  const canvases = make("div", { className: "dv-views" }, root);
  const main = makeCanvas(canvases, "");
  main.title = "Wheel or arrow keys: slices. Drag: what the menu says. Shift and drag: move. Ctrl and wheel: zoom. Double click: point.";
  const side = make("div", { className: "dv-side" }, canvases);
  const small = [0, 1].map(() => makeCanvas(side, ""));
  small.forEach((canvas) => { canvas.tabIndex = -1; }); // the same can be done with the large one
  const histogram = makeCanvas(root, "histogram of the values with the window; drag moves the window");
  histogram.style.maxWidth = `${MAIN_SIZE + SIDE_SIZE + 4}px`;
  const words = make("div", { className: "dv-row dv-words" }, root);
  const pointer = make("output", { ariaLive: "off" }, words);
  const status = make("span", { className: "dv-status", role: "status" }, words);
  const ofLabels = make("div", {}, root);

  const plane = () => source.meta.planes[source.get("plane")];
  const others = () => PLANES.filter((name) => name !== source.get("plane") && source.meta.planes[name]);
  let setting = false; // while several parts of the state change that belong together, nothing is drawn
  const change = (values) => {
    setting = true;
    Object.entries(values).forEach(([name, value]) => source.set(name, value));
    setting = false;
    source.save();
    draw();
  };
  const indexOf = (name, point, of = source.meta) => {
    const p = of.planes[name];
    return clamp(Math.round(toVoxel(p, point)[0]), 0, p.count - 1);
  };
  const setIndex = (index) => {
    const name = source.get("plane"), p = plane();
    index = clamp(Math.round(index), 0, p.count - 1);
    if (index === source.get("index")) return;
    const at = source.get("position_mm"), here = toVoxel(p, at);
    change({ index, position_mm: toPoint(p, [index, here[1], here[2]]) });
    ahead(name, index);
  };
  const setPosition = (point) => {
    change({ position_mm: point, index: indexOf(source.get("plane"), point) });
  };
  const setPlane = (name) => {
    Object.assign(state, { zoom: 1, pan: [0, 0] });
    change({ plane: name, index: indexOf(name, source.get("position_mm")) });
  };
  const setVoi = (voi) => { state.table = null; change({ voi }); };
  const setOverVoi = (voi) => change({ over_voi: voi });
  const ahead = (name, index) => {
    for (let step = 1; step <= PREFETCHED; step++) for (const near of [index + step, index - step])
      if (near >= 0 && near < source.meta.planes[name].count) source.slice(name, near, true);
  };

  const drawSoon = onceARefresh(() => drawNow());
  const draw = () => { if (!setting) drawSoon(); };
  function drawNow() {
    const voi = source.get("voi"), name = source.get("plane"), index = clamp(source.get("index"), 0, plane().count - 1);
    if (!state.table) state.table = greyTable(voi, source.meta.inverted);
    drawSlice(main, source, state, name, index, fitted(canvases, state), true);
    side.hidden = !state.three;
    side.style.flexFlow = isWide(canvases) ? "column" : "row wrap"; // beside the large picture or below it
    if (state.three) others().forEach((other, number) => {
      const near = indexOf(other, source.get("position_mm"));
      drawSlice(small[number], source, { ...state, zoom: 1, pan: [0, 0] }, other, near, SIDE_SIZE, false);
    });
    drawHistogram(histogram, source.meta, voi);
    controls.show(state);
    slider?.draw();
    labels?.show();
    tell();
    root.dataset.drawn = String(Number(root.dataset.drawn || 0) + 1);
  }

  let slider = null;
  slider = memberSlider(controls.members, source, {
    planeName: () => source.get("plane"),
    indexIn: (meta) => indexOf(source.get("plane"), source.get("position_mm"), meta),
    change: (values) => { state.table = null; change(values); },
    tell: (text) => { status.textContent = text; },
  });
  state.label = slider?.label;
  controls.wire({ setIndex, setPlane, setVoi, setOverVoi, draw, plane, slider });
  const labels = labelControls(ofLabels, source, { plane: () => source.get("plane"), index: () => source.get("index"), setIndex, draw });
  const index = () => source.get("index"), count = () => plane().count, voi = () => source.get("voi");
  const isOver = () => state.tool === "over";
  const tell = () => { pointer.textContent = pointedText(main, source, state); };
  const point = ([x, y]) => {
    const p = plane(), [row, column] = pixelAt(main, p, state, x, y);
    setPosition(toPoint(p, [index(), clamp(row, 0, p.rows - 1), clamp(column, 0, p.columns - 1)]));
  };
  const range = () => source.meta.histogram;
  const windowing = {
    voi: () => source.get(isOver() ? "over_voi" : "voi"),
    setVoi: (wanted) => (isOver() ? setOverVoi : setVoi)(wanted),
    range: () => isOver() ? source.over : range(),
  };
  if (slider) wireMemberKeys(main, slider);
  wirePointer(main, state, { index, count, setIndex, ...windowing, point, doubled: point, draw, tell });
  small.forEach((canvas, number) => wireCrosshair(canvas, () => others()[number], source, setPosition));
  wireKeys(main, { index, count, setIndex });
  wireHistogram(histogram, { voi, setVoi, range });
  const onChange = () => { state.table = null; draw(); };
  const onPosition = () => {
    if (setting) return;
    const index = indexOf(source.get("plane"), source.get("position_mm"));
    if (index !== source.get("index")) { source.set("index", index); source.save(); }
    draw();
  };
  source.on("index", draw); source.on("plane", draw); source.on("voi", onChange); source.on("position_mm", onPosition);
  for (const name of ["opacity", "over_voi", "hidden_labels", "label_fill"]) source.on(name, draw);
  source.arrived((name, index) => {
    if (name !== source.get("plane") || index === source.get("index") || state.three) draw();
  });
  source.failed((text) => { status.textContent = text; });
  const resized = new ResizeObserver(draw);
  resized.observe(root);
  draw();
  ahead(source.get("plane"), source.get("index"));
  return () => { clearInterval(state.playing); resized.disconnect(); source.off?.(); };
}

const isWide = (canvases) => canvases.clientWidth > MAIN_SIZE + SIDE_SIZE;

function fitted(canvases, state) {
  const room = canvases.clientWidth || MAIN_SIZE;
  return Math.max(120, Math.min(MAIN_SIZE, state.three && isWide(canvases) ? room - SIDE_SIZE - 8 : room));
}

// Drawing

function drawSlice(canvas, source, state, name, index, size, large) {
  const plane = source.meta.planes[name];
  const aspect = plane.rows * plane.spacing[0] / (plane.columns * plane.spacing[1]);
  const width = Math.round(aspect > 1 ? size / aspect : size), height = Math.round(aspect > 1 ? size : size * aspect);
  const pen = sized(canvas, width, height), found = source.slice(name, index), look = { table: state.table, voi: source.get("voi"), inverted: source.meta.inverted };
  pen.fillStyle = "#000";
  if (found || canvas.dataset.slice === undefined) pen.fillRect(0, 0, width, height);
  if (!found) { canvas.dataset.waiting = `${name} ${index}`; return; }
  delete canvas.dataset.waiting;
  canvas.dataset.slice = `${name} ${index}`;
  paint(pen, canvas, found, plane, state, look);
  if (source.over && !found.over) canvas.dataset.waiting = `${name} ${index}`;
  if (found.over) paintOver(pen, canvas, found.over, plane, state, { over: source.over, voi: source.get("over_voi"), opacity: source.get("opacity") });
  if (source.labels && !found.maps) canvas.dataset.waiting = `${name} ${index}`;
  const labels = found.maps ? paintLabels(pen, canvas, found.maps, plane, name, index, state, source) : [];
  const [left, right, top, bottom] = plane.letters;
  const label = state.label ? `${state.label()}; ` : "";
  canvas.ariaLabel = `${label}${name} slice ${index + 1} of ${plane.count}, ${plane.positions[index]}; ${left} is left, ${right} right, `
    + `${top} above, ${bottom} below; ${voiText(source.get("voi"), source.meta.unit)}${large && source.meta.badge ? `; ${source.meta.badge}` : ""}`;
  const at = placement(canvas, plane, state);
  if (state.three) drawCross(pen, plane, source.get("position_mm"), at);
  drawLetters(pen, plane.letters, width, height, large ? 20 : 13);
  if (large) drawWords(pen, source, plane, index, at, width, height, state.label?.(), labels);
}

function drawCross(pen, plane, point, at) {
  const [, row, column] = toVoxel(plane, point);
  const x = at.left + (column + 0.5) * plane.spacing[1] * at.scale, y = at.top + (row + 0.5) * plane.spacing[0] * at.scale;
  pen.strokeStyle = CROSS_COLOUR; pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(x, at.top); pen.lineTo(x, at.top + at.height); pen.moveTo(at.left, y); pen.lineTo(at.left + at.width, y);
  pen.stroke();
}

function drawWords(pen, source, plane, index, at, width, height, label, labels) {
  const { meta } = source, size = width < 300 ? 10 : 12, line = size * 1.35;
  write(pen, `${index + 1} of ${plane.count}`, 6, 6, "left", "top", size);
  write(pen, plane.positions[index], 6, 6 + line, "left", "top", size);
  if (label) wrapped(pen, label, size, 0.45 * width).forEach((text, number) => write(pen, text, 6, 6 + (2 + number) * line, "left", "top", size));
  const remarks = source.members?.remark ? [...plane.words, source.members.remark] : plane.words;
  drawFoot(pen, voiText(source.get("voi"), meta.unit), remarks, { scale: at.scale, unit: "mm" }, width, height, size);
  drawBadge(pen, meta.badge, width, size);
  drawLabelNames(pen, labels, meta.badge, width, height, size);
  if (source.over) drawColourBar(pen, source.over, source.get("over_voi"), width, height, size);
}

function pointedText(canvas, source, state) {
  if (!state.pointed) return "";
  const plane = source.meta.planes[source.get("plane")], index = clamp(source.get("index"), 0, plane.count - 1);
  const [row, column] = pixelAt(canvas, plane, state, ...state.pointed).map(Math.round);
  if (row < 0 || column < 0 || row >= plane.rows || column >= plane.columns) return "";
  const found = source.slice(source.get("plane"), index), at = row * plane.columns + column;
  if (!found) return "";
  const padded = found.padding && found.padding[at >> 3] & (128 >> (at & 7));
  const value = padded ? "padding, no value" : `${exact(found.values[at])} ${source.meta.unit}`;
  return `${value.trim()}${overText(found, source.over, at)}${labelText(found.maps, source, at)} at (${toPoint(plane, [index, row, column]).map((mm) => mm.toFixed(1)).join(", ")}) mm`;
}

// Controls

function buildControls(root, source, state) {
  const [first, second] = [0, 1].map(() => make("div", { className: "dv-row" }, root));
  const members = make("div", {}, root), over = overControls(root, source);
  const plane = labelled(first, "Plane", "select", {});
  choices(plane, PLANES.filter((name) => source.meta.planes[name]).map((name) => [name, name]));
  const windows = windowControls(first);
  const slice = labelled(second, "Slice", "input", { type: "range", min: 0, step: 1 });
  const play = make("button", { type: "button", textContent: "▶ Play" }, second);
  const through = source.members ? make("select", { ariaLabel: "Play through" }, second) : null;
  if (through) choices(through, [["slices", "slices"], ["members", source.members.name]]);
  const tool = labelled(second, "Drag", "select", {});
  choices(tool, [["window", "window"], ...(over ? [["over", "overlay window"]] : []), ["slice", "slices"], ["pan", "move"], ["point", "point"]]);
  const three = labelled(second, "Three planes", "input", { type: "checkbox" });
  const reset = make("button", { type: "button", textContent: "Fit" }, second);

  function wire({ setIndex, setPlane, setVoi, setOverVoi, draw, plane: current, slider }) {
    plane.onchange = () => setPlane(plane.value);
    windows.wire({ known: () => source.meta.windows, voi: () => source.get("voi"), setVoi });
    over?.wire({ setVoi: setOverVoi, draw });
    const next = () => {
      if (through?.value !== "members") setIndex((source.get("index") + 1) % current().count);
      else if (!slider.waits()) slider.step(1, true);
    };
    slice.oninput = () => setIndex(Number(slice.value));
    tool.onchange = () => { state.tool = tool.value; };
    three.onchange = () => { state.three = three.checked; draw(); };
    reset.onclick = () => { Object.assign(state, { zoom: 1, pan: [0, 0] }); draw(); };
    play.onclick = () => {
      clearInterval(state.playing);
      state.playing = state.playing ? 0 : setInterval(next, 80);
      draw();
    };
  }
  function show() {
    const { count } = source.meta.planes[source.get("plane")];
    plane.value = source.get("plane");
    slice.max = count - 1;
    slice.value = source.get("index");
    slice.setAttribute("aria-valuetext", `${source.get("index") + 1} of ${count}`);
    windows.show(source.get("voi"), source.meta.windows);
    over?.show();
    play.textContent = state.playing ? "❚❚ Stop" : "▶ Play";
    three.checked = state.three;
    tool.value = state.tool;
  }
  return { wire, show, members };
}

function wireCrosshair(canvas, name, source, setPosition) {
  const point = (event) => {
    const plane = source.meta.planes[name()], box = canvas.getBoundingClientRect();
    const [row, column] = pixelAt(canvas, plane, { zoom: 1, pan: [0, 0] }, event.clientX - box.left, event.clientY - box.top);
    const index = Math.round(toVoxel(plane, source.get("position_mm"))[0]);
    setPosition(toPoint(plane, [index, clamp(row, 0, plane.rows - 1), clamp(column, 0, plane.columns - 1)]));
  };
  canvas.onpointerdown = (event) => { try { canvas.setPointerCapture(event.pointerId); } catch { /* gone */ } point(event); };
  canvas.onpointermove = (event) => { if (event.buttons) point(event); };
}
