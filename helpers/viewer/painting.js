// Pixels, letters and words on a canvas. Header values reach it as text only, through fillText.

import { grey, short } from "./greys.js";
import { placement } from "./places.js";

export const LETTER_COLOUR = "#ffd92f", CROSS_COLOUR = "#56b4e9", BADGE_COLOUR = "#d55e00", PADDING_COLOUR = [36, 56, 76];
export const MAIN_SIZE = 512; // height of the large picture, CSS pixels
const BAR_LENGTHS = [1000, 500, 200, 100, 50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1]; // mm or px

export function write(pen, text, x, y, align, baseline, size, colour = "#fff", bold = false) {
  pen.font = `${bold ? "bold " : ""}${size}px system-ui, sans-serif`;
  Object.assign(pen, { textAlign: align, textBaseline: baseline, lineWidth: 3, strokeStyle: "#000", fillStyle: colour, lineJoin: "round" });
  pen.strokeText(text, x, y);
  pen.fillText(text, x, y);
}

export function drawLetters(pen, letters, width, height, size) {
  const [left, right, top, bottom] = letters;
  write(pen, left, 6, height / 2, "left", "middle", size, LETTER_COLOUR, true);
  write(pen, right, width - 6, height / 2, "right", "middle", size, LETTER_COLOUR, true);
  write(pen, top, width / 2, 6, "center", "top", size, LETTER_COLOUR, true);
  write(pen, bottom, width / 2, height - 6, "center", "bottom", size, LETTER_COLOUR, true);
}

export function wrapped(pen, text, size, widest) {
  pen.font = `${size}px system-ui, sans-serif`;
  const lines = [];
  for (const word of text.split(" ")) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && pen.measureText(longer).width <= widest) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

// Draws at once, and then once more at most before the screen is refreshed.
export function onceARefresh(drawNow) {
  let refresh = 0, stale = false;
  const draw = () => {
    if (refresh) { stale = true; return; }
    stale = false;
    drawNow();
    refresh = requestAnimationFrame(() => { refresh = 0; if (stale) draw(); });
  };
  return draw;
}

// Gives a canvas a size in CSS pixels, and as many of its own as the screen has there; returns its pen.
export function sized(canvas, width, height) {
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
export function paint(pen, canvas, found, geometry, state, look) {
  const key = canvas.picture ||= document.createElement("canvas"), at = placement(canvas, geometry, state);
  fill(key, found, geometry, look);
  pen.imageSmoothingEnabled = state.zoom < 3;
  pen.drawImage(key, at.left, at.top, at.width, at.height);
}

// Puts pixels on a canvas of their own number, as they look: values through the grey table (16 bits) or one by one (float).
export function fill(key, { values, padding }, { rows, columns }, { table, voi, inverted }) {
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
export function drawFoot(pen, left, remarks, bar, width, height, size) {
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

export function drawBadge(pen, badge, width, size) {
  if (!badge) return;
  pen.font = `${size}px system-ui, sans-serif`;
  const line = size * 1.35, lines = badge.split(", "), wide = Math.max(...lines.map((text) => pen.measureText(text).width)) + 12;
  pen.fillStyle = BADGE_COLOUR; pen.fillRect(width - wide - 6, 6, wide, line * lines.length + 6);
  pen.textAlign = "left"; pen.textBaseline = "top"; pen.fillStyle = "#fff";
  lines.forEach((text, number) => pen.fillText(text, width - wide, 10 + number * line));
}

export function drawHistogram(canvas, { histogram, unit, inverted }, voi) {
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

// The pixels, RGBA, of a picture that a page holds.
export async function storedPixels(address, [rows, columns]) {
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(picture, 0, 0);
  return pen.getImageData(0, 0, columns, rows).data;
}
