// @ts-check
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

/**
 * @template {keyof HTMLElementTagNameMap} Kind
 * @param {Kind} kind @param {Record<string, unknown>} properties @param {Element} [parent]
 * @returns {HTMLElementTagNameMap[Kind]}
 */
export function make(kind, properties, parent) {
  const element = Object.assign(document.createElement(kind), properties);
  if (properties.className === undefined && kind !== "div") element.setAttribute("data-lm-suppress-shortcuts", "true");
  parent?.append(element);
  return element;
}

/** @param {Element} parent */
export const makeRow = (parent) => make("div", { className: "dv-row" }, parent);

/** @param {Element} row @param {string} textContent @param {Record<string, unknown>} [properties] */
export const makeButton = (row, textContent, properties) => make("button", { type: "button", textContent, ...properties }, row);

/** @param {Element} parent @param {string} label */
export function makeCanvas(parent, label) {
  const canvas = make("canvas", { tabIndex: 0, ariaLabel: label, role: "img" }, parent);
  canvas.style.width = "100%";
  return canvas;
}

/**
 * @template {keyof HTMLElementTagNameMap} Kind
 * @param {Element} row @param {string} text @param {Kind} kind @param {Record<string, unknown>} properties
 */
export function labelled(row, text, kind, properties) {
  const label = make("label", {}, row);
  make("span", { textContent: text }, label);
  return make(kind, { ariaLabel: text, ...properties }, label);
}

/** @param {HTMLSelectElement} select @param {(string | number)[][]} entries  [value, text] of each */
export function choices(select, entries) {
  select.replaceChildren(...entries.map(([value, text]) => make("option", { value, textContent: text })));
}

// Shows a share, 0 to 1, on a slider of percent.
/** @param {HTMLInputElement} slider @param {number} share */
export function showPercent(slider, share) {
  slider.value = String(Math.round(100 * share));
  slider.setAttribute("aria-valuetext", `${slider.value} %`);
}

// What can be done with the window; `known` are those to choose from.
/** @typedef {{known(): (Voi | UnknownVoi)[], voi(): Voi | null, setVoi(voi: Voi): void}} WindowHost */

// Menu of windows, and fields of center and width; wired once, and shown with every picture.
/** @param {Element} row */
export function windowControls(row, of = "") {
  const named = (/** @type {string} */ text) => of ? `${of} ${text.toLowerCase()}` : text;
  const preset = labelled(row, named("Window"), "select", {});
  const center = labelled(row, named("Center"), "input", { type: "number", step: "any" });
  const width = labelled(row, named("Width"), "input", { type: "number", step: "any", min: "0" });
  /** @type {unknown} */
  let offered = null;
  /** @param {WindowHost} host */
  function wire({ known, voi, setVoi }) {
    preset.onchange = () => setVoi(/** @type {Voi} */ ({ ...known()[Number(preset.value)] }));
    center.oninput = width.oninput = () => {
      const now = voi(), wanted = now && typed(asWindow(now));
      if (wanted && isWindow(wanted)) setVoi(wanted);
    };
  }
  /** @param {WindowVoi} now @returns {WindowVoi} */
  function typed(now) {
    const read = (/** @type {HTMLInputElement} */ field, /** @type {number} */ other) => field.value === "" ? other : Number(field.value);
    return { ...now, center: read(center, now.center), width: read(width, now.width) };
  }
  /** @param {Voi} voi @param {(Voi | UnknownVoi)[]} windows */
  function show(voi, windows) {
    if (offered !== windows) choices(preset, windows.map((one, number) => [number, one.name]));
    offered = windows;
    const isShown = (/** @type {Voi | UnknownVoi} */ one) => one.name === voi.name && one.center === voi.center && one.width === voi.width;
    preset.value = String(windows.findIndex(isShown));
    if (document.activeElement !== center) center.value = voi.values ? "" : short(voi.center);
    if (document.activeElement !== width) width.value = voi.values ? "" : short(voi.width);
  }
  return { wire, show };
}

/** @param {WindowVoi} voi */
const isWindow = ({ center, width, function: kind }) => Number.isFinite(center) && width >= MIN_WIDTH[kind] && width > 0;
