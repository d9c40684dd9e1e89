// Menus, fields and buttons. Header values reach the page as text only, through textContent.

import { MIN_WIDTH, asWindow, short } from "./greys.js";

export const STYLE = `
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

export function make(kind, properties, parent) {
  const element = Object.assign(document.createElement(kind), properties);
  if (properties.className === undefined && kind !== "div") element.setAttribute("data-lm-suppress-shortcuts", "true");
  parent?.append(element);
  return element;
}

export function makeCanvas(parent, label) {
  const canvas = make("canvas", { tabIndex: 0, ariaLabel: label, role: "img" }, parent);
  canvas.style.width = "100%";
  return canvas;
}

export function labelled(row, text, kind, properties) {
  const label = make("label", {}, row);
  make("span", { textContent: text }, label);
  return make(kind, { ariaLabel: text, ...properties }, label);
}

export function choices(select, entries) {
  select.replaceChildren(...entries.map(([value, text]) => make("option", { value, textContent: text })));
}

// Menu of windows, and fields of center and width; wired once, and shown with every picture.
export function windowControls(row, of = "") {
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
