// @ts-check
// A volume that is drawn over another one in colour. A source that has one has, beside what volume.js says of it,
//   over             {windows, low, high, unit, colours}; null without one (see helpers/viewer/overlay.py)
//   slice(p, i).over {values, padding} of it at the same pixels; none while it still has to come
//   get("opacity"), get("over_voi")

import { labelled, makeRow, showPercent, windowControls } from "./controls.js";
import { exact, grey, isPadded, limits, short } from "./greys.js";
import { lay, layerOf, sizeOf } from "./painting.js";
import { placement } from "./places.js";
import { write } from "./words.js";

const COLOUR_BAR = [12, 100]; // width and height, CSS pixels

// Draws it over the picture, once it is there: colours by its window, more or less opaque.
/** @param {CanvasRenderingContext2D} pen @param {View} view @param {Found} found @param {Plane} plane @param {Zoomed} state @param {Source} source */
export function paintOver(pen, view, found, plane, state, source) {
  if (!found.over || !source.over) return;
  const layer = layerOf(view, "overlay", plane);
  fillColours(layer, found.over, source.over.colours, source.get("over_voi"), source.get("opacity"));
  lay(pen, layer, placement(sizeOf(view.canvas), plane, state), source.get("interpolation") !== "nearest");
}

/** @param {Layer} layer @param {Pixels} found @param {number[]} colours @param {Voi} voi @param {number} opacity */
function fillColours({ pen, image }, { values, padding }, colours, voi, opacity) {
  const { data } = image;
  data.fill(0);
  for (let i = 0, at = 0; i < values.length; i++, at += 4) {
    if (padding && isPadded(padding, i)) continue;
    const colour = 4 * Math.round(grey(values[i], voi));
    for (let part = 0; part < 3; part++) data[at + part] = colours[colour + part];
    data[at + 3] = Math.round(opacity * colours[colour + 3]);
  }
  pen.putImageData(image, 0, 0);
}

// Its colours with the values at both ends, on the right above the middle.
/** @param {CanvasRenderingContext2D} pen @param {Over} over @param {Voi} voi @param {Size} canvas @param {number} size */
export function drawColourBar(pen, { colours, unit }, voi, { width, height }, size) {
  const [wide, tall] = [COLOUR_BAR[0], Math.min(COLOUR_BAR[1], 0.22 * height)];
  const x = width - 8 - wide, y = 0.45 * height - tall, [low, high] = limits(voi);
  for (let step = 0; step < tall; step++) {
    const value = high - (step + 0.5) / tall * (high - low), colour = 4 * Math.round(grey(value, voi));
    pen.fillStyle = `rgb(${colours[colour]}, ${colours[colour + 1]}, ${colours[colour + 2]})`;
    pen.fillRect(x, y + step, wide, 1.5);
  }
  Object.assign(pen, { strokeStyle: "#fff", lineWidth: 1 });
  pen.strokeRect(x, y, wide, tall);
  return [
    { low: [x, y], high: [x + wide, y + tall] },
    write(pen, short(high), x - 4, y, "right", "top", size),
    write(pen, short(low), x - 4, y + tall, "right", "bottom", size),
    write(pen, unit, x - 4, y + tall / 2, "right", "middle", size),
  ];
}

/** @param {Found} found @param {Over | null | undefined} over @param {number} at */
export function overText(found, over, at) {
  if (!found.over || !over || isPadded(found.over.padding, at)) return "";
  return `; ${exact(Number(found.over.values[at].toPrecision(4)))} ${over.unit}`;
}

// A row with its opacity and its window.
/** @param {Element} root @param {Source} source */
export function overControls(root, source) {
  const { over } = source;
  if (!over) return null;
  const row = makeRow(root);
  const opacity = labelled(row, "Opacity", "input", { type: "range", min: 0, max: 100, step: 1 });
  opacity.style.width = "9em";
  const windows = windowControls(row, "Overlay");
  /** @param {Moves} moves */
  function wire({ change, setOverVoi }) {
    opacity.oninput = () => change({ opacity: Number(opacity.value) / 100 });
    windows.wire({ known: () => over?.windows || [], voi: () => source.get("over_voi"), setVoi: setOverVoi });
  }
  function show() {
    showPercent(opacity, source.get("opacity"));
    windows.show(source.get("over_voi"), over?.windows || []);
  }
  return { wire, show };
}
