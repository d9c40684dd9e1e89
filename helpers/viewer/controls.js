// @ts-check
// Menus, fields and buttons. Header values reach the page as text only, through textContent.

import { MIN_WIDTH, asWindow, short } from "./greys.js";

export const STYLE = `
.dv { font: 13px/1.45 system-ui, sans-serif; color: var(--jp-ui-font-color1, CanvasText); max-width: 100%; }
.dv-row { display: flex; flex-wrap: wrap; gap: .5em 1em; align-items: center; margin: .3em 0; }
.dv-views { display: flex; flex-wrap: wrap; gap: 4px; align-items: flex-start; position: relative; }
.dv-side { display: flex; gap: 4px; }
.dv-side[hidden], .dv-only-narrow, .dv-narrow .dv-extra { display: none; }
.dv-narrow .dv-only-narrow { display: inline-block; }
.dv-narrow.dv-more .dv-extra { display: inline-flex; }
.dv canvas { background: #000; display: block; touch-action: pan-y; max-width: 100%; cursor: crosshair; }
.dv canvas:focus, .dv-held canvas { touch-action: none; }
.dv :focus-visible { outline: 3px solid #e69f00; outline-offset: 1px; }
.dv label { display: inline-flex; gap: .4em; align-items: center; }
.dv select, .dv button, .dv input { font: inherit; max-width: 14em; }
.dv input[type=range] { width: min(24em, 60vw); max-width: none; }
.dv input[type=number] { width: 6em; }
.dv-narrow .dv-row { gap: .3em .6em; }
.dv-narrow select { max-width: 8.5em; }
.dv-slice { flex: 0 1 auto; }
.dv-narrow .dv-slice { flex: 1 0 100%; }
.dv-narrow .dv-slice input[type=range] { flex: 1; min-width: 0; }
.dv output { min-width: min(19em, 100%); font-variant-numeric: tabular-nums; }
.dv-words { min-height: 1.45em; }
.dv-words, .dv-status, .dv-note, .dv-label-list { overflow-wrap: anywhere; min-width: 0; }
.dv-hint { position: absolute; left: 8px; top: 40%; max-width: 90%; padding: .3em .6em; background: #000c; color: #fff; pointer-events: none; }
.dv-help { color: CanvasText; background: Canvas; border: 1px solid #777; max-width: 34em; }
.dv-help dl { display: grid; grid-template-columns: auto 1fr; gap: .2em 1em; }
.dv-help dd { margin: 0; }
.dv-label-list { max-height: 11em; overflow: auto; }
.dv-label-list .dv-row { margin: 0; }
.dv-chip { display: inline-block; width: .9em; height: .9em; border: 1px solid #777; }`;
const NARROW = 480; // CSS pixels, of a viewer that puts seldom used controls away
const HINT_MS = 3000; // that a hint stands on the picture

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
export function makeCanvas(parent, label, role = "img") {
  const canvas = make("canvas", { tabIndex: 0, ariaLabel: label, role }, parent);
  canvas.style.width = "100%";
  return canvas;
}

// What a screen reader speaks when a canvas that is moved by keys has changed.
/** @param {Element} canvas @param {number} now @param {number} least @param {number} most @param {string} text */
export function speak(canvas, now, least, most, text) {
  Object.assign(canvas, { ariaValueMin: String(least), ariaValueMax: String(most), ariaValueNow: String(now), ariaValueText: text });
}

// A narrow viewer puts those controls away that are seldom used, behind a button.
/** @param {Element} row */
export function moreButton(row) {
  const button = makeButton(row, "More", { className: "dv-only-narrow", ariaExpanded: "false" });
  button.onclick = () => { button.ariaExpanded = String(rootOf(row).classList.toggle("dv-more")); };
}

/** @param {Element} element */
const rootOf = (element) => /** @type {HTMLElement} */ (element.closest(".dv"));

// Fits a viewer to its width, which is returned, CSS pixels. To ask for it makes the page lay out all that has changed.
/** @param {HTMLElement} root */
export function fitWidth(root) {
  const { clientWidth } = root;
  root.classList.toggle("dv-narrow", clientWidth < NARROW);
  return clientWidth;
}

// Of a control that is put away where there is little room.
/** @template {HTMLElement} Kind @param {Kind} control @returns {Kind} */
export function extra(control) {
  (control.closest("label") || control).classList.add("dv-extra");
  return control;
}

// The menu of what a drag does. Who chooses from it has the picture in hand: a finger no longer scrolls the page.
/** @param {Element} row @param {import("./keys.js").Tool[]} tools @param {{tool: string}} state */
export function toolMenu(row, tools, state) {
  const menu = labelled(row, "Drag", "select", {});
  choices(menu, tools);
  menu.onchange = () => {
    state.tool = menu.value;
    rootOf(row).classList.add("dv-held");
  };
  return menu;
}

// A button, and what it opens: how the viewer is used, as text. Returns what opens it.
/** @param {Element} row @param {import("./keys.js").Help} entries */
export function helpButton(row, entries) {
  const dialog = make("dialog", { className: "dv-help", ariaLabel: "Keys, mouse and fingers" }, rootOf(row));
  const list = make("dl", {}, dialog), close = makeButton(dialog, "Close");
  for (const [keys, text] of entries) list.append(make("dt", { textContent: keys }), make("dd", { textContent: text }));
  close.onclick = () => dialog.close();
  const open = () => dialog.showModal(), button = makeButton(row, "?", { ariaLabel: "Keys and help", title: "Keys and help" });
  button.onclick = open;
  return open;
}

// A button that saves the large picture as it is seen; no header names the file.
/** @param {Element} row @param {() => string} name */
export function saveButton(row, name) {
  const button = makeButton(row, "Save picture", { title: "As PNG, as it is seen" });
  button.onclick = () => {
    const canvas = /** @type {HTMLCanvasElement} */ (rootOf(row).querySelector(".dv-views > canvas"));
    canvas.toBlob((blob) => {
      if (!blob) return;
      const href = URL.createObjectURL(blob);
      make("a", { href, download: `${name()}.png` }).click();
      setTimeout(() => URL.revokeObjectURL(href), 1000);
    });
  };
  return button;
}

// Says once, over the picture, that it has to be taken in hand; `views` is what it lies in.
/** @param {Element} views @param {string} what  it shows */
export function hintOver(views, what) {
  let isSaid = false;
  return () => {
    if (isSaid) return;
    isSaid = true;
    const hint = make("div", { className: "dv-hint", textContent: `Click or tap the picture: then wheel and fingers move through the ${what}.` }, views);
    setTimeout(() => hint.remove(), HINT_MS);
  };
}

// A slower step for who has asked for less motion.
export const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

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
  const center = extra(labelled(row, named("Center"), "input", { type: "number", step: "any" }));
  const width = extra(labelled(row, named("Width"), "input", { type: "number", step: "any", min: "0" }));
  const other = make("option", { value: "-1" }); // one that is in no menu
  /** @type {unknown} */
  let offered = null;
  /** @param {WindowHost} host */
  function wire({ known, voi, setVoi }) {
    preset.onchange = () => { if (preset.value !== "-1") setVoi(/** @type {Voi} */ ({ ...known()[Number(preset.value)] })); };
    center.oninput = width.oninput = () => {
      const now = voi(), wanted = now && typed(asWindow(now));
      if (wanted && isWindow(wanted)) setVoi(known().find((one) => isSameWindow(one, wanted)) || wanted);
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
    const known = windows.findIndex(isShown);
    if (known < 0) preset.append(Object.assign(other, { textContent: voi.name })); else other.remove();
    preset.value = String(known);
    if (document.activeElement !== center) center.value = voi.values ? "" : short(voi.center);
    if (document.activeElement !== width) width.value = voi.values ? "" : short(voi.width);
  }
  return { wire, show };
}

/** @param {Voi | UnknownVoi} one @param {WindowVoi} other @returns {one is WindowVoi} */
const isSameWindow = (one, other) => "function" in one && one.center === other.center && one.width === other.width && one.function === other.function;

/** @param {WindowVoi} voi */
const isWindow = ({ center, width, function: kind }) => Number.isFinite(center) && width >= MIN_WIDTH[kind] && width > 0;
