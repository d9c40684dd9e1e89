// What all viewers draw and ask with: greys, words, letters, controls.
//
// A "voi" is what turns values into grey: a window {name, center, width, function} or a table {name, values, greys}.
// Header values reach the page as text only: everything is written with textContent or fillText.

const LETTER_COLOUR = "#ffd92f", CROSS_COLOUR = "#56b4e9", BADGE_COLOUR = "#d55e00", PADDING_COLOUR = [36, 56, 76];
const PLANES = ["axial", "coronal", "sagittal"];
const MAIN_SIZE = 512; // height of the large picture, CSS pixels
const SIDE_SIZE = 230; // of the two beside it
const PREFETCHED = 6; // slices fetched before they are asked for
const MIN_WIDTH = { LINEAR: 1, LINEAR_EXACT: 0, SIGMOID: 0 }; // and above 0
const BAR_LENGTHS = [1000, 500, 200, 100, 50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1]; // mm or px
const STYLE = `
.dv { font: 13px/1.45 system-ui, sans-serif; color: var(--jp-ui-font-color1, CanvasText); max-width: 100%; }
.dv-row { display: flex; flex-wrap: wrap; gap: .5em 1em; align-items: center; margin: .3em 0; }
.dv-views { display: flex; flex-wrap: wrap; gap: 4px; align-items: flex-start; }
.dv-side { display: flex; gap: 4px; }
.dv-side[hidden] { display: none; }
.dv canvas { background: #000; display: block; touch-action: none; max-width: 100%; cursor: crosshair; }
.dv canvas:focus-visible, .dv select:focus-visible, .dv button:focus-visible, .dv input:focus-visible
  { outline: 3px solid #e69f00; outline-offset: 1px; }
.dv label { display: inline-flex; gap: .4em; align-items: center; }
.dv select, .dv button, .dv input { font: inherit; max-width: 14em; }
.dv input[type=range] { width: min(24em, 60vw); max-width: none; }
.dv input[type=number] { width: 6em; }
.dv output { min-width: 19em; font-variant-numeric: tabular-nums; }
.dv-words { opacity: .85; }
.dv-label-list { max-height: 11em; overflow: auto; }
.dv-label-list .dv-row { margin: 0; }
.dv-chip { display: inline-block; width: .9em; height: .9em; border: 1px solid #777; }`;

// The grey of a value, 0 to 255: by one of the standard's three functions (PS3.3 C.11.2.1.2, C.11.2.1.3) or by a table.
export function grey(value, voi) {
  if (voi.values) return 255 * interpolated(value, voi.values, voi.greys);
  const { center, width, function: kind } = voi;
  if (kind === "SIGMOID") return 255 / (1 + Math.exp(-4 * (value - center) / width));
  if (kind === "LINEAR_EXACT") return 255 * clamp((value - center) / width + 0.5, 0, 1);
  if (width === 1) return value > center - 0.5 ? 255 : 0;
  return 255 * clamp((value - (center - 0.5)) / (width - 1) + 0.5, 0, 1);
}

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

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

function limits(voi) {
  if (voi.values) return [voi.values[0], voi.values[voi.values.length - 1]];
  const [shift, width] = voi.function === "LINEAR" ? [0.5, voi.width - 1] : [0, voi.width];
  return [voi.center - shift - width / 2, voi.center - shift + width / 2];
}

// Greys of all 16-bit values at once: with it a picture of 512 x 512 is windowed in a millisecond.
function greyTable(voi, inverted) {
  const table = new Uint8Array(65536);
  for (let value = -32768; value < 32768; value++) {
    const shown = Math.round(grey(value, voi));
    table[value & 0xffff] = inverted ? 255 - shown : shown;
  }
  return table;
}

function write(pen, text, x, y, align, baseline, size, colour = "#fff", bold = false) {
  pen.font = `${bold ? "bold " : ""}${size}px system-ui, sans-serif`;
  Object.assign(pen, { textAlign: align, textBaseline: baseline, lineWidth: 3, strokeStyle: "#000", fillStyle: colour, lineJoin: "round" });
  pen.strokeText(text, x, y);
  pen.fillText(text, x, y);
}

function drawLetters(pen, letters, width, height, size) {
  const [left, right, top, bottom] = letters;
  write(pen, left, 6, height / 2, "left", "middle", size, LETTER_COLOUR, true);
  write(pen, right, width - 6, height / 2, "right", "middle", size, LETTER_COLOUR, true);
  write(pen, top, width / 2, 6, "center", "top", size, LETTER_COLOUR, true);
  write(pen, bottom, width / 2, height - 6, "center", "bottom", size, LETTER_COLOUR, true);
}

function wrapped(pen, text, size, widest) {
  pen.font = `${size}px system-ui, sans-serif`;
  const lines = [];
  for (const word of text.split(" ")) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && pen.measureText(longer).width <= widest) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

const short = (number) => String(Number(number.toPrecision(5)));

const exact = (number) => Number.isInteger(number) ? String(number) : short(number);

function make(kind, properties, parent) {
  const element = Object.assign(document.createElement(kind), properties);
  if (properties.className === undefined && kind !== "div") element.setAttribute("data-lm-suppress-shortcuts", "true");
  parent?.append(element);
  return element;
}

function makeCanvas(parent, label) {
  const canvas = make("canvas", { tabIndex: 0, ariaLabel: label, role: "img" }, parent);
  canvas.style.width = "100%";
  return canvas;
}

function labelled(row, text, kind, properties) {
  const label = make("label", {}, row);
  make("span", { textContent: text }, label);
  return make(kind, { ariaLabel: text, ...properties }, label);
}

function choices(select, entries) {
  select.replaceChildren(...entries.map(([value, text]) => make("option", { value, textContent: text })));
}

// To the right widens the window, downwards makes the picture darker, in steps that suit the values' range.
function dragged(voi, dx, dy, { low, high }) {
  const now = asWindow(voi), step = (high - low) / 800, least = Math.max(MIN_WIDTH[now.function], step);
  return { ...now, center: rounded(now.center + dy * step, step), width: Math.max(least, rounded(now.width + dx * step, step)) };
}

// To whole numbers where steps are larger than that, else to a tenth of a step.
function rounded(value, step) {
  const digits = step > 0.5 ? 1 : 10 ** Math.ceil(1 - Math.log10(step));
  return Math.round(value * digits) / digits;
}

// A voi as a window that can be changed; a table becomes the window between its ends.
function asWindow(voi) {
  if (!voi.values) return { name: "custom", center: voi.center, width: voi.width, function: voi.function };
  const [black, white] = limits(voi);
  return { name: "custom", center: (black + white) / 2, width: white - black || 1, function: "LINEAR_EXACT" };
}

function voiText(voi, unit) {
  const range = voi.values ? `${short(limits(voi)[0])} to ${short(limits(voi)[1])}` : `C ${short(voi.center)} W ${short(voi.width)}`;
  return `${voi.name}: ${range} ${unit}`.trim();
}

// Draws at once, and then once more at most before the screen is refreshed.
function onceARefresh(drawNow) {
  let refresh = 0, stale = false;
  const draw = () => {
    if (refresh) { stale = true; return; }
    stale = false;
    drawNow();
    refresh = requestAnimationFrame(() => { refresh = 0; if (stale) draw(); });
  };
  return draw;
}

// The picture. Its geometry is {rows, columns, spacing}; `state` has its zoom and pan.

// Where it lies on its canvas: CSS pixels of its corner, and CSS pixels for each mm (or whatever its spacing is in).
function placement(canvas, geometry, state) {
  const [width, height] = [geometry.columns * geometry.spacing[1], geometry.rows * geometry.spacing[0]];
  const scale = Math.min(canvas.clientWidth / width, canvas.clientHeight / height) * state.zoom;
  const left = (canvas.clientWidth - width * scale) / 2 + state.pan[0];
  const top = (canvas.clientHeight - height * scale) / 2 + state.pan[1];
  return { left, top, scale, width: width * scale, height: height * scale };
}

const pixelAt = (canvas, geometry, state, x, y) => {
  const at = placement(canvas, geometry, state);
  return [(y - at.top) / at.scale / geometry.spacing[0] - 0.5, (x - at.left) / at.scale / geometry.spacing[1] - 0.5];
};

// Zooms so that what lies at a place of the canvas stays there.
function zoomTo(canvas, state, zoom, [x, y]) {
  const wanted = clamp(zoom, 0.5, state.maxZoom || 20), ratio = wanted / state.zoom;
  const middle = [canvas.clientWidth / 2, canvas.clientHeight / 2];
  state.pan = state.pan.map((pan, axis) => [x, y][axis] - middle[axis] - ([x, y][axis] - middle[axis] - pan) * ratio);
  state.zoom = wanted;
}

// Gives a canvas a size in CSS pixels, and as many of its own as the screen has there; returns its pen.
function sized(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1, own = [width, height].map((length) => Math.max(1, Math.round(length * ratio)));
  if (canvas.width !== own[0] || canvas.height !== own[1]) {
    [canvas.width, canvas.height] = own;
    canvas.style.width = `${width}px`; canvas.style.height = `${height}px`;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return pen;
}

// Draws pixels where the picture lies. `look` is {table, voi, inverted}.
function paint(pen, canvas, found, geometry, state, look) {
  const key = canvas.picture ||= document.createElement("canvas"), at = placement(canvas, geometry, state);
  fill(key, found, geometry, look);
  pen.imageSmoothingEnabled = state.zoom < 3;
  pen.drawImage(key, at.left, at.top, at.width, at.height);
}

// Puts pixels on a canvas of their own number, as they look: values through the grey table (16 bits) or one by one (float).
function fill(key, { values, padding }, { rows, columns }, { table, voi, inverted }) {
  if (key.width !== columns || key.height !== rows) { key.width = columns; key.height = rows; key.image = null; }
  const own = key.getContext("2d", { willReadFrequently: true });
  const image = key.image ||= own.createImageData(columns, rows), pixels = new Uint32Array(image.data.buffer);
  if (values instanceof Float32Array) {
    for (let i = 0; i < values.length; i++) {
      const shown = Math.round(grey(values[i], voi)), g = inverted ? 255 - shown : shown;
      pixels[i] = 0xff000000 | (g << 16) | (g << 8) | g;
    }
  } else for (let i = 0; i < values.length; i++) {
    const g = table[values[i] & 0xffff];
    pixels[i] = 0xff000000 | (g << 16) | (g << 8) | g;
  }
  if (padding) {
    const [r, g, b] = PADDING_COLOUR, ground = (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
    for (let i = 0; i < values.length; i++) if (padding[i >> 3] & (128 >> (i & 7))) pixels[i] = ground;
  }
  own.putImageData(image, 0, 0);
}

// Words at the foot of a picture, on both sides of the letter there: the window on the left, with the scale bar `bar`
// ({scale: CSS pixels for each unit, unit}) above it, remarks on the right.
function drawFoot(pen, left, remarks, bar, width, height, size) {
  const line = size * 1.35, widest = width / 2 - 6 - 1.5 * size;
  const writeUp = (lines, x, align) => lines.forEach((text, number) => {
    write(pen, text, x, height - 6 - (lines.length - 1 - number) * line, align, "bottom", size);
  });
  const lines = wrapped(pen, left, size, widest);
  writeUp(lines, 6, "left");
  writeUp(remarks.flatMap((text) => wrapped(pen, text, size, widest)), width - 6, "right");
  drawBar(pen, bar.scale, bar.unit, width, height - 6 - line * (lines.length + 0.3), size);
}

// A scale bar of a round length; `scale` is CSS pixels for each `unit`.
function drawBar(pen, scale, unit, width, y, size) {
  const length = BAR_LENGTHS.find((one) => one * scale <= 0.3 * width);
  if (!length) return;
  pen.fillStyle = "#fff"; pen.strokeStyle = "#000"; pen.lineWidth = 1;
  pen.fillRect(6, y, length * scale, 3); pen.strokeRect(6, y, length * scale, 3);
  write(pen, `${length} ${unit}`, 6, y - 3, "left", "bottom", size);
}

function drawBadge(pen, badge, width, size) {
  if (!badge) return;
  pen.font = `${size}px system-ui, sans-serif`;
  const line = size * 1.35, lines = badge.split(", "), wide = Math.max(...lines.map((text) => pen.measureText(text).width)) + 12;
  pen.fillStyle = BADGE_COLOUR; pen.fillRect(width - wide - 6, 6, wide, line * lines.length + 6);
  pen.textAlign = "left"; pen.textBaseline = "top"; pen.fillStyle = "#fff";
  lines.forEach((text, number) => pen.fillText(text, width - wide, 10 + number * line));
}

function drawHistogram(canvas, { histogram, unit, inverted }, voi) {
  const { counts, low, high } = histogram, width = canvas.clientWidth || MAIN_SIZE, height = 60;
  if (canvas.width !== width) { canvas.width = width; canvas.height = height; canvas.style.height = `${height}px`; }
  const pen = canvas.getContext("2d"), top = Math.log1p(Math.max(...counts)), x = (value) => (value - low) / (high - low) * width;
  pen.fillStyle = "#000"; pen.fillRect(0, 0, width, height);
  pen.fillStyle = "#999";
  counts.forEach((count, bin) => {
    const tall = Math.log1p(count) / (top || 1) * (height - 14);
    pen.fillRect(bin / counts.length * width, height - tall, Math.ceil(width / counts.length), tall);
  });
  pen.strokeStyle = "#e69f00"; pen.lineWidth = 2; pen.beginPath();
  for (let px = 0; px <= width; px += 2) {
    const shown = grey(low + px / width * (high - low), voi) / 255;
    pen[px ? "lineTo" : "moveTo"](px, (height - 2) - (inverted ? 1 - shown : shown) * (height - 16));
  }
  pen.stroke();
  write(pen, `${short(low)} ${unit}`, 3, 2, "left", "top", 10);
  write(pen, `${short(high)} ${unit}`, width - 3, 2, "right", "top", 10);
  canvas.toValue = (px) => low + px / width * (high - low);
}

// Controls

// Menu of windows, and fields of center and width; wired once, and shown with every picture.
function windowControls(row, of = "") {
  const named = (text) => of ? `${of} ${text.toLowerCase()}` : text;
  const preset = labelled(row, named("Window"), "select", {});
  const center = labelled(row, named("Center"), "input", { type: "number", step: "any" });
  const width = labelled(row, named("Width"), "input", { type: "number", step: "any", min: "0" });
  let offered = null;
  function wire({ known, voi, setVoi }) {
    preset.onchange = () => setVoi({ ...known()[preset.value] });
    center.oninput = width.oninput = () => {
      const now = asWindow(voi()), read = (field, other) => field.value === "" ? other : Number(field.value);
      const wanted = { ...now, center: read(center, now.center), width: read(width, now.width) };
      if (Number.isFinite(wanted.center) && wanted.width >= MIN_WIDTH[wanted.function] && wanted.width > 0) setVoi(wanted);
    };
  }
  function show(voi, windows) {
    if (offered !== windows) choices(preset, windows.map((one, number) => [number, one.name]));
    offered = windows;
    preset.value = windows.findIndex((one) => one.name === voi.name && one.center === voi.center && one.width === voi.width);
    if (document.activeElement !== center) center.value = voi.values ? "" : short(voi.center);
    if (document.activeElement !== width) width.value = voi.values ? "" : short(voi.width);
  }
  return { wire, show };
}

// Mouse, pen and fingers on a picture. `host` is what they act on:
//   index(), count(), setIndex(i)   which picture is shown, of how many
//   voi(), setVoi(voi), range()     its window, and {low, high} of its values
//   point(at), doubled(at)          a place on the canvas that is pointed to, or clicked twice
//   draw(), tell()                  draws anew; writes what lies under the pointer
function wirePointer(canvas, state, host) {
  const pointers = new Map();
  let start = null;
  const place = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  canvas.onpointerdown = (event) => {
    canvas.focus({ preventScroll: true });
    try { canvas.setPointerCapture(event.pointerId); } catch { /* a pointer that is gone already */ }
    pointers.set(event.pointerId, place(event));
    const usual = state.tool === "window" && !host.voi() ? "pan" : state.tool; // colours have no window
    const tool = event.button === 1 || event.shiftKey ? "pan" : event.button === 2 ? "slice" : usual;
    start = { at: place(event), tool, index: host.index(), voi: host.voi(), pan: [...state.pan], apart: 0, zoom: state.zoom };
    if (tool === "point") host.point(start.at);
  };
  canvas.onpointermove = (event) => {
    const at = place(event);
    state.pointed = at;
    if (!start || !pointers.has(event.pointerId)) { host.tell(); return; }
    pointers.set(event.pointerId, at);
    if (pointers.size === 2) { pinch(); return; }
    const [dx, dy] = [at[0] - start.at[0], at[1] - start.at[1]];
    if (start.tool === "pan") { state.pan = [start.pan[0] + dx, start.pan[1] + dy]; host.draw(); }
    else if (start.tool === "slice") host.setIndex(start.index + dy / Math.max(2, canvas.clientHeight / host.count()));
    else if (start.tool === "point") host.point(at);
    else if (start.voi) host.setVoi(dragged(start.voi, dx, dy, host.range()));
  };
  const pinch = () => {
    const [a, b] = [...pointers.values()], apart = Math.hypot(a[0] - b[0], a[1] - b[1]);
    start.apart ||= apart;
    zoomTo(canvas, state, start.zoom * apart / start.apart, [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]);
    host.draw();
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => { pointers.delete(event.pointerId); if (!pointers.size) start = null; };
  canvas.onpointerleave = () => { state.pointed = null; host.tell(); };
  canvas.oncontextmenu = (event) => event.preventDefault();
  canvas.ondblclick = (event) => host.doubled(place(event));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) { zoomTo(canvas, state, state.zoom * Math.exp(-event.deltaY / 300), place(event)); host.draw(); }
    else host.setIndex(host.index() + Math.sign(event.deltaY));
  }, { passive: false });
}

function wireKeys(canvas, { index, count, setIndex }) {
  const steps = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1, PageUp: -10, PageDown: 10 };
  canvas.onkeydown = (event) => {
    if (event.key in steps) setIndex(index() + steps[event.key]);
    else if (event.key === "Home") setIndex(0);
    else if (event.key === "End") setIndex(count() - 1);
    else return;
    event.preventDefault(); event.stopPropagation();
  };
}

function wireHistogram(canvas, { voi, setVoi, range }) {
  canvas.onpointerdown = canvas.onpointermove = (event) => {
    if (!event.buttons || !voi()) return;
    const box = canvas.getBoundingClientRect(), { low, high } = range();
    setVoi({ ...asWindow(voi()), center: rounded(canvas.toValue(event.clientX - box.left), (high - low) / 800) });
  };
  canvas.onkeydown = (event) => {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (!(event.key in steps) || !voi()) return;
    const [dx, dy] = steps[event.key];
    setVoi(dragged(voi(), 8 * dy, 8 * dx, range()));
    event.preventDefault(); event.stopPropagation();
  };
}

// The pixels, RGBA, of a picture that a page holds.
async function storedPixels(address, [rows, columns]) {
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(picture, 0, 0);
  return pen.getImageData(0, 0, columns, rows).data;
}
