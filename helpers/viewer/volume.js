// Draws the slices of a volume on a canvas and lets a person scroll, window, zoom and point.
//
// Two hosts use it: a widget in a notebook with a kernel (kernel.js), which fetches slices when they are needed, and a
// page without a kernel (stored.js), which has them all. A source is
//   meta            what does not change: planes, windows, unit, words (see helpers/viewer/viewer_data.py)
//   slice(p, i)     {values, padding} of slice i of plane p, or null where it still has to come
//   get(k), set(k, v), save(), on(k, f), off()   the shared state: plane, index, position_mm, voi
//   arrived(f)      calls f(p, i) when a slice has come

export function mount(el, source) {
  const { meta } = source;
  const root = make("div", { className: "dv" }, el);
  make("style", { textContent: STYLE }, root);
  const state = { zoom: 1, pan: [0, 0], tool: "window", three: meta.three_planes, playing: 0, pointed: null, table: null };
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

  const plane = () => meta.planes[source.get("plane")];
  const others = () => PLANES.filter((name) => name !== source.get("plane") && meta.planes[name]);
  let setting = false; // while several parts of the state change that belong together, nothing is drawn
  const change = (values) => {
    setting = true;
    Object.entries(values).forEach(([name, value]) => source.set(name, value));
    setting = false;
    source.save();
    draw();
  };
  const indexOf = (name, point) => {
    const p = meta.planes[name];
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
  const setVoi = (voi) => { source.set("voi", voi); source.save(); state.table = null; draw(); };
  const ahead = (name, index) => {
    for (let step = 1; step <= PREFETCHED; step++) for (const near of [index + step, index - step])
      if (near >= 0 && near < meta.planes[name].count) source.slice(name, near, true);
  };

  let refresh = 0, stale = false; // drawn at once, and then once more at most before the screen is refreshed
  const draw = () => {
    if (setting) return;
    if (refresh) { stale = true; return; }
    stale = false;
    drawNow();
    refresh = requestAnimationFrame(() => { refresh = 0; if (stale) draw(); });
  };
  function drawNow() {
    const voi = source.get("voi"), name = source.get("plane"), index = clamp(source.get("index"), 0, plane().count - 1);
    if (!state.table) state.table = greyTable(voi, meta.inverted);
    drawSlice(main, source, state, name, index, fitted(canvases, state), true);
    side.hidden = !state.three;
    if (state.three) others().forEach((other, number) => {
      const near = indexOf(other, source.get("position_mm"));
      drawSlice(small[number], source, { ...state, zoom: 1, pan: [0, 0] }, other, near, SIDE_SIZE, false);
    });
    drawHistogram(histogram, meta, voi);
    controls.show(state);
    pointer.textContent = pointedText(main, source, state);
    root.dataset.drawn = String(Number(root.dataset.drawn || 0) + 1);
  }

  controls.wire({ setIndex, setPlane, setVoi, draw, plane });
  wirePointer(main, source, state, { setIndex, setPosition, setVoi, draw, plane, pointer });
  small.forEach((canvas, number) => wireCrosshair(canvas, () => others()[number], source, setPosition));
  wireKeys(main, source, { setIndex, plane });
  wireHistogram(histogram, source, setVoi);
  const onChange = () => { state.table = null; draw(); };
  const onPosition = () => {
    if (setting) return;
    const index = indexOf(source.get("plane"), source.get("position_mm"));
    if (index !== source.get("index")) { source.set("index", index); source.save(); }
    draw();
  };
  source.on("index", draw); source.on("plane", draw); source.on("voi", onChange); source.on("position_mm", onPosition);
  source.arrived((name, index) => {
    if (name !== source.get("plane") || index === source.get("index") || state.three) draw();
  });
  source.failed?.((text) => { status.textContent = text; });
  const resized = new ResizeObserver(draw);
  resized.observe(root);
  draw();
  ahead(source.get("plane"), source.get("index"));
  return () => { clearInterval(state.playing); resized.disconnect(); source.off?.(); };
}

// Geometry: a plane's affine (3 x 4, rows of numbers) takes (index, row, column, 1) to LPS mm; its inverse comes with it.

const times = (matrix, [a, b, c]) => matrix.map((row) => row[0] * a + row[1] * b + row[2] * c + row[3]);
const toPoint = (plane, voxel) => times(plane.affine, voxel);
const toVoxel = (plane, point) => times(plane.inverse, point);

function fitted(canvases, state) {
  const room = canvases.clientWidth || MAIN_SIZE;
  return Math.max(120, Math.min(MAIN_SIZE, state.three && room > MAIN_SIZE + SIDE_SIZE ? room - SIDE_SIZE - 8 : room));
}

// Where the picture lies on its canvas: CSS pixels of its corner, and CSS pixels for each mm.
function placement(canvas, plane, state) {
  const [width, height] = [plane.columns * plane.spacing[1], plane.rows * plane.spacing[0]];
  const scale = Math.min(canvas.clientWidth / width, canvas.clientHeight / height) * state.zoom;
  const left = (canvas.clientWidth - width * scale) / 2 + state.pan[0];
  const top = (canvas.clientHeight - height * scale) / 2 + state.pan[1];
  return { left, top, scale, width: width * scale, height: height * scale };
}

const pixelAt = (canvas, plane, state, x, y) => {
  const at = placement(canvas, plane, state);
  return [(y - at.top) / at.scale / plane.spacing[0] - 0.5, (x - at.left) / at.scale / plane.spacing[1] - 0.5];
};

// Drawing

function drawSlice(canvas, source, state, name, index, size, large) {
  const plane = source.meta.planes[name];
  const ratio = window.devicePixelRatio || 1, aspect = plane.rows * plane.spacing[0] / (plane.columns * plane.spacing[1]);
  const width = Math.round(aspect > 1 ? size / aspect : size), height = Math.round(aspect > 1 ? size : size * aspect);
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`; canvas.style.height = `${height}px`;
  }
  const pen = canvas.getContext("2d"), found = source.slice(name, index);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.fillStyle = "#000";
  if (found) { pen.fillRect(0, 0, width, height); paint(pen, canvas, found, plane, state, source); canvas.dataset.slice = `${name} ${index}`; }
  else if (canvas.dataset.slice === undefined) pen.fillRect(0, 0, width, height);
  if (!found) { canvas.dataset.waiting = `${name} ${index}`; return; }
  delete canvas.dataset.waiting;
  const [left, right, top, bottom] = plane.letters;
  canvas.ariaLabel = `${name} slice ${index + 1} of ${plane.count}, ${plane.positions[index]}; ${left} is left, ${right} right, `
    + `${top} above, ${bottom} below; ${voiText(source)}${large && source.meta.badge ? `; ${source.meta.badge}` : ""}`;
  const at = placement(canvas, plane, state);
  if (state.three) drawCross(pen, plane, source.get("position_mm"), at);
  drawLetters(pen, plane.letters, width, height, large ? 20 : 13);
  if (large) drawWords(pen, source, plane, index, at, width, height);
}

// The picture: its pixels through the grey table onto a canvas of their own number, that one onto the screen.
function paint(pen, canvas, found, plane, state, source) {
  const key = canvas.picture ||= document.createElement("canvas");
  if (key.width !== plane.columns || key.height !== plane.rows) { key.width = plane.columns; key.height = plane.rows; key.image = null; }
  const own = key.getContext("2d", { willReadFrequently: true });
  const image = key.image ||= own.createImageData(plane.columns, plane.rows);
  const pixels = new Uint32Array(image.data.buffer), { values, padding } = found, { table } = state;
  if (values instanceof Float32Array) {
    const voi = source.get("voi");
    for (let i = 0; i < values.length; i++) {
      const shown = Math.round(grey(values[i], voi)), g = source.meta.inverted ? 255 - shown : shown;
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
  const at = placement(canvas, plane, state);
  pen.imageSmoothingEnabled = state.zoom < 3;
  pen.drawImage(key, at.left, at.top, at.width, at.height);
}

function drawCross(pen, plane, point, at) {
  const [, row, column] = toVoxel(plane, point);
  const x = at.left + (column + 0.5) * plane.spacing[1] * at.scale, y = at.top + (row + 0.5) * plane.spacing[0] * at.scale;
  pen.strokeStyle = CROSS_COLOUR; pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(x, at.top); pen.lineTo(x, at.top + at.height); pen.moveTo(at.left, y); pen.lineTo(at.left + at.width, y);
  pen.stroke();
}

function drawWords(pen, source, plane, index, at, width, height) {
  const { meta } = source, size = width < 300 ? 10 : 12, line = size * 1.35;
  write(pen, `${index + 1} of ${plane.count}`, 6, 6, "left", "top", size);
  write(pen, plane.positions[index], 6, 6 + line, "left", "top", size);
  write(pen, voiText(source), 6, height - 6, "left", "bottom", size);
  const lines = plane.words.flatMap((text) => wrapped(pen, text, size, 0.6 * width));
  lines.reverse().forEach((text, number) => write(pen, text, width - 6, height - 6 - number * line, "right", "bottom", size));
  const length = BAR_LENGTHS.find((mm) => mm * at.scale <= 0.3 * width);
  if (length) {
    const y = height - 6 - line * 1.3;
    pen.fillStyle = "#fff"; pen.strokeStyle = "#000"; pen.lineWidth = 1;
    pen.fillRect(6, y, length * at.scale, 3); pen.strokeRect(6, y, length * at.scale, 3);
    write(pen, `${length} mm`, 6, y - 3, "left", "bottom", size);
  }
  if (meta.badge) {
    pen.font = `${size}px system-ui, sans-serif`;
    const lines = meta.badge.split(", "), wide = Math.max(...lines.map((text) => pen.measureText(text).width)) + 12;
    pen.fillStyle = BADGE_COLOUR; pen.fillRect(width - wide - 6, 6, wide, line * lines.length + 6);
    pen.textAlign = "left"; pen.textBaseline = "top"; pen.fillStyle = "#fff";
    lines.forEach((text, number) => pen.fillText(text, width - wide, 10 + number * line));
  }
}

function voiText(source) {
  const voi = source.get("voi"), unit = source.meta.unit;
  const range = voi.values ? `${short(limits(voi)[0])} to ${short(limits(voi)[1])}` : `C ${short(voi.center)} W ${short(voi.width)}`;
  return `${voi.name}: ${range} ${unit}`.trim();
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
  return `${value.trim()} at (${toPoint(plane, [index, row, column]).map((mm) => mm.toFixed(1)).join(", ")}) mm`;
}

function drawHistogram(canvas, meta, voi) {
  const { counts, low, high } = meta.histogram, width = canvas.clientWidth || MAIN_SIZE, height = 60;
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
    pen[px ? "lineTo" : "moveTo"](px, (height - 2) - (meta.inverted ? 1 - shown : shown) * (height - 16));
  }
  pen.stroke();
  write(pen, `${short(low)} ${meta.unit}`, 3, 2, "left", "top", 10);
  write(pen, `${short(high)} ${meta.unit}`, width - 3, 2, "right", "top", 10);
  canvas.toValue = (px) => low + px / width * (high - low);
}

// Controls

function buildControls(root, source, state) {
  const { meta } = source, first = make("div", { className: "dv-row" }, root), second = make("div", { className: "dv-row" }, root);
  const plane = labelled(first, "Plane", "select", {});
  choices(plane, PLANES.filter((name) => meta.planes[name]).map((name) => [name, name]));
  const preset = labelled(first, "Window", "select", {});
  choices(preset, meta.windows.map((voi, number) => [number, voi.name]));
  const center = labelled(first, "Center", "input", { type: "number", step: "any" });
  const width = labelled(first, "Width", "input", { type: "number", step: "any", min: "0" });
  const slice = labelled(second, "Slice", "input", { type: "range", min: 0, step: 1 });
  const play = make("button", { type: "button", textContent: "▶ Play" }, second);
  const tool = labelled(second, "Drag", "select", {});
  choices(tool, [["window", "window"], ["slice", "slices"], ["pan", "move"], ["point", "point"]]);
  const three = labelled(second, "Three planes", "input", { type: "checkbox" });
  const reset = make("button", { type: "button", textContent: "Fit" }, second);

  function wire({ setIndex, setPlane, setVoi, draw, plane: current }) {
    plane.onchange = () => setPlane(plane.value);
    preset.onchange = () => setVoi({ ...meta.windows[preset.value] });
    center.oninput = width.oninput = () => {
      const now = asWindow(source.get("voi")), read = (field, other) => field.value === "" ? other : Number(field.value);
      const wanted = { ...now, center: read(center, now.center), width: read(width, now.width) };
      if (Number.isFinite(wanted.center) && wanted.width >= MIN_WIDTH[wanted.function] && wanted.width > 0) setVoi(wanted);
    };
    slice.oninput = () => setIndex(Number(slice.value));
    tool.onchange = () => { state.tool = tool.value; };
    three.onchange = () => { state.three = three.checked; draw(); };
    reset.onclick = () => { Object.assign(state, { zoom: 1, pan: [0, 0] }); draw(); };
    play.onclick = () => {
      if (state.playing) { clearInterval(state.playing); state.playing = 0; } else state.playing = setInterval(() => {
        setIndex((source.get("index") + 1) % current().count);
      }, 80);
      draw();
    };
  }
  function show() {
    const count = meta.planes[source.get("plane")].count, voi = source.get("voi");
    plane.value = source.get("plane");
    slice.max = count - 1;
    slice.value = source.get("index");
    slice.setAttribute("aria-valuetext", `${source.get("index") + 1} of ${count}`);
    const known = meta.windows.findIndex((one) => one.name === voi.name && one.center === voi.center && one.width === voi.width);
    preset.value = known;
    if (document.activeElement !== center) center.value = voi.values ? "" : short(voi.center);
    if (document.activeElement !== width) width.value = voi.values ? "" : short(voi.width);
    play.textContent = state.playing ? "❚❚ Stop" : "▶ Play";
    three.checked = state.three;
    tool.value = state.tool;
  }
  return { wire, show };
}

function wirePointer(canvas, source, state, { setIndex, setPosition, setVoi, draw, plane, pointer }) {
  const pointers = new Map();
  let start = null;
  const place = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  const point = ([x, y]) => {
    const p = plane(), [row, column] = pixelAt(canvas, p, state, x, y);
    setPosition(toPoint(p, [source.get("index"), clamp(row, 0, p.rows - 1), clamp(column, 0, p.columns - 1)]));
  };
  canvas.onpointerdown = (event) => {
    canvas.focus({ preventScroll: true });
    try { canvas.setPointerCapture(event.pointerId); } catch { /* a pointer that is gone already */ }
    pointers.set(event.pointerId, place(event));
    const tool = event.button === 1 || event.shiftKey ? "pan" : event.button === 2 ? "slice" : state.tool;
    start = { at: place(event), tool, index: source.get("index"), voi: source.get("voi"), pan: [...state.pan], apart: 0, zoom: state.zoom };
    if (tool === "point") point(start.at);
  };
  canvas.onpointermove = (event) => {
    const at = place(event);
    state.pointed = at;
    if (!start || !pointers.has(event.pointerId)) { pointer.textContent = pointedText(canvas, source, state); return; }
    pointers.set(event.pointerId, at);
    if (pointers.size === 2) { pinch(); return; }
    const [dx, dy] = [at[0] - start.at[0], at[1] - start.at[1]];
    if (start.tool === "pan") { state.pan = [start.pan[0] + dx, start.pan[1] + dy]; draw(); }
    else if (start.tool === "slice") setIndex(start.index + dy / Math.max(2, canvas.clientHeight / plane().count));
    else if (start.tool === "point") point(at);
    else setVoi(dragged(start.voi, dx, dy, source.meta.histogram));
  };
  const pinch = () => {
    const [a, b] = [...pointers.values()], apart = Math.hypot(a[0] - b[0], a[1] - b[1]);
    start.apart ||= apart;
    state.zoom = clamp(start.zoom * apart / start.apart, 0.5, 20);
    draw();
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => { pointers.delete(event.pointerId); if (!pointers.size) start = null; };
  canvas.onpointerleave = () => { state.pointed = null; pointer.textContent = ""; };
  canvas.oncontextmenu = (event) => event.preventDefault();
  canvas.ondblclick = (event) => point(place(event));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) { state.zoom = clamp(state.zoom * Math.exp(-event.deltaY / 300), 0.5, 20); draw(); }
    else setIndex(source.get("index") + Math.sign(event.deltaY));
  }, { passive: false });
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

function wireKeys(canvas, source, { setIndex, plane }) {
  const steps = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1, PageUp: -10, PageDown: 10 };
  canvas.onkeydown = (event) => {
    if (event.key in steps) setIndex(source.get("index") + steps[event.key]);
    else if (event.key === "Home") setIndex(0);
    else if (event.key === "End") setIndex(plane().count - 1);
    else return;
    event.preventDefault(); event.stopPropagation();
  };
}

function wireHistogram(canvas, source, setVoi) {
  canvas.onpointerdown = canvas.onpointermove = (event) => {
    if (!event.buttons) return;
    const box = canvas.getBoundingClientRect(), { low, high } = source.meta.histogram;
    setVoi({ ...asWindow(source.get("voi")), center: rounded(canvas.toValue(event.clientX - box.left), (high - low) / 800) });
  };
  canvas.onkeydown = (event) => {
    const voi = source.get("voi"), steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (!(event.key in steps)) return;
    const [dx, dy] = steps[event.key];
    setVoi(dragged(voi, 8 * dy, 8 * dx, source.meta.histogram));
    event.preventDefault(); event.stopPropagation();
  };
}
