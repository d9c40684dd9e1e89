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
const BAR_LENGTHS = [500, 200, 100, 50, 20, 10, 5, 2, 1]; // mm
const STYLE = `
.dv { font: 13px/1.45 system-ui, sans-serif; color: var(--jp-ui-font-color1, CanvasText); max-width: 100%; }
.dv-row { display: flex; flex-wrap: wrap; gap: .5em 1em; align-items: center; margin: .3em 0; }
.dv-views { display: flex; flex-wrap: wrap; gap: 4px; align-items: flex-start; }
.dv-side { display: flex; flex-direction: column; gap: 4px; }
.dv-side[hidden] { display: none; }
.dv canvas { background: #000; display: block; touch-action: none; max-width: 100%; cursor: crosshair; }
.dv canvas:focus-visible, .dv select:focus-visible, .dv button:focus-visible, .dv input:focus-visible
  { outline: 3px solid #e69f00; outline-offset: 1px; }
.dv label { display: inline-flex; gap: .4em; align-items: center; }
.dv select, .dv button, .dv input { font: inherit; max-width: 14em; }
.dv input[type=range] { width: min(24em, 60vw); max-width: none; }
.dv input[type=number] { width: 6em; }
.dv output { min-width: 19em; font-variant-numeric: tabular-nums; }
.dv-words { opacity: .85; }`;

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
