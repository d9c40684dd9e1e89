// A volume that is drawn over another one in colour. A source that has one has, beside what volume.js says of it,
//   over             {windows, low, high, unit, colours}; null without one (see helpers/viewer/overlay.py)
//   slice(p, i).over {values, padding} of it at the same pixels; none while it still has to come
//   get("opacity"), get("over_voi")

import { labelled, make, windowControls } from "./controls.js";
import { exact, grey, limits, short } from "./greys.js";
import { write } from "./painting.js";
import { placement } from "./places.js";

const COLOUR_BAR = [12, 100]; // width and height, CSS pixels

// Draws it over the picture: colours by its window, more or less opaque.
export function paintOver(pen, canvas, found, geometry, state, { over, voi, opacity }) {
  const key = canvas.overlay ||= document.createElement("canvas"), { rows, columns } = geometry;
  if (key.width !== columns || key.height !== rows) { key.width = columns; key.height = rows; }
  const own = key.getContext("2d", { willReadFrequently: true }), image = own.createImageData(columns, rows);
  const { values, padding } = found, { data } = image, { colours } = over;
  for (let i = 0, at = 0; i < values.length; i++, at += 4) {
    if (padding && padding[i >> 3] & (128 >> (i & 7))) continue;
    const colour = 4 * Math.round(grey(values[i], voi));
    for (let part = 0; part < 3; part++) data[at + part] = colours[colour + part];
    data[at + 3] = Math.round(opacity * colours[colour + 3]);
  }
  own.putImageData(image, 0, 0);
  const at = placement(canvas, geometry, state);
  pen.imageSmoothingEnabled = state.zoom < 3;
  pen.drawImage(key, at.left, at.top, at.width, at.height);
}

// Its colours with the values at both ends, on the right above the middle.
export function drawColourBar(pen, over, voi, width, height, size) {
  const [wide, tall] = [COLOUR_BAR[0], Math.min(COLOUR_BAR[1], 0.22 * height)], x = width - 8 - wide, y = 0.45 * height - tall;
  const [low, high] = limits(voi), { colours } = over;
  for (let step = 0; step < tall; step++) {
    const value = high - (step + 0.5) / tall * (high - low), colour = 4 * Math.round(grey(value, voi));
    pen.fillStyle = `rgb(${colours[colour]}, ${colours[colour + 1]}, ${colours[colour + 2]})`;
    pen.fillRect(x, y + step, wide, 1.5);
  }
  pen.strokeStyle = "#fff"; pen.lineWidth = 1; pen.strokeRect(x, y, wide, tall);
  write(pen, short(high), x - 4, y, "right", "top", size);
  write(pen, short(low), x - 4, y + tall, "right", "bottom", size);
  write(pen, over.unit, x - 4, y + tall / 2, "right", "middle", size);
}

export function overText(found, over, at) {
  if (!found.over) return "";
  const { values, padding } = found.over;
  return padding && padding[at >> 3] & (128 >> (at & 7)) ? "" : `; ${exact(Number(values[at].toPrecision(4)))} ${over.unit}`;
}

// A row with its opacity and its window.
export function overControls(root, source) {
  const { over } = source;
  if (!over) return null;
  const row = make("div", { className: "dv-row" }, root);
  const opacity = labelled(row, "Opacity", "input", { type: "range", min: 0, max: 100, step: 1 });
  opacity.style.width = "9em";
  const windows = windowControls(row, "Overlay");
  function wire({ setVoi, draw }) {
    opacity.oninput = () => { source.set("opacity", Number(opacity.value) / 100); source.save(); draw(); };
    windows.wire({ known: () => over.windows, voi: () => source.get("over_voi"), setVoi });
  }
  function show() {
    opacity.value = Math.round(100 * source.get("opacity"));
    opacity.setAttribute("aria-valuetext", `${opacity.value} %`);
    windows.show(source.get("over_voi"), over.windows);
  }
  return { wire, show };
}
