// @ts-check
// Menus, slider and buttons of images.

import { extra, helpButton, labelled, make, makeButton, makeRow, moreButton, saveButton, toolMenu, windowControls } from "./controls.js";
import { short } from "./greys.js";
import { IMAGE_HELP, IMAGE_TOOLS, toolHelp } from "./keys.js";
import { SLIDE_SHOW_MS } from "./playing.js";
import { wireSteps } from "./pointer.js";

const SLIDE_SHOW = { start: -1, stop: 0, ms: [SLIDE_SHOW_MS] }; // of all images, one after the other

/** @typedef {import("./controls.js").WindowHost & {steps: Stepped, setIndex(index: number): void, fit(): void, toggle(): void, again(): void}} ControlHost */

/** @param {Element} root @param {number} count @param {{tool: string}} state */
export function imageControls(root, count, state) {
  const [first, second] = [makeRow(root), makeRow(root)];
  const windowing = make("span", { className: "dv-row" }, first), windows = windowControls(windowing);
  const tool = toolMenu(first, IMAGE_TOOLS, state);
  const reset = makeButton(first, "Fit");
  extra(saveButton(first, () => `image-${Number(slider.value) + 1}`));
  moreButton(first);
  const help = helpButton(first, [...IMAGE_HELP.slice(0, 3), ...toolHelp(IMAGE_TOOLS), ...IMAGE_HELP.slice(3)]);
  const slider = labelled(second, "Image", "input", { type: "range", min: 0, max: count - 1, step: 1 });
  const back = makeButton(second, "◀", { ariaLabel: "Image before" });
  const next = makeButton(second, "▶", { ariaLabel: "Next image" });
  const play = makeButton(second, "▶ Play");
  const rate = rateField(second);
  const place = make("span", { className: "dv-place" }, second);
  second.hidden = count < 2;
  second.style.display = count < 2 ? "none" : "";

  /** @param {ControlHost} host */
  function wire(host) {
    windows.wire(host);
    slider.oninput = () => host.setIndex(Number(slider.value));
    back.onclick = () => host.setIndex(Number(slider.value) - 1);
    next.onclick = () => host.setIndex(Number(slider.value) + 1);
    wireSteps(slider, host.steps);
    reset.onclick = host.fit;
    play.onclick = host.toggle;
    rate.wire(host.again);
  }
  /** @param {number} index @param {AnyImage | null} found @param {Voi | null} voi @param {boolean} isPlaying */
  function show(index, found, voi, isPlaying) {
    if (document.activeElement !== slider || Number(slider.value) !== index) slider.value = String(index);
    play.textContent = isPlaying ? "❚❚ Stop" : "▶ Play";
    place.textContent = found?.label || `${index + 1} of ${count}`;
    if (isPlaying) return;
    slider.setAttribute("aria-valuetext", place.textContent);
    if (!found) return;
    rate.show(found.run);
    const hasWindow = found.error !== undefined || found.voi;
    windowing.style.display = hasWindow ? "" : "none";
    if (voi && found.error === undefined) windows.show(voi, found.windows);
    tool.options[0].disabled = !voi; // colour has no window
    tool.value = !voi && state.tool === "window" ? "pan" : state.tool;
  }
  return { wire, show, rate: rate.typed, help };
}

// How many frames are shown in a second: that of the run, or what was typed for it.
/** @param {Element} row */
function rateField(row) {
  const field = extra(labelled(row, "Frames per second", "input", { type: "number", step: "any", min: "0" }));
  const source = make("span", { className: "dv-rate" }, row);
  /** @type {Record<number, number>} */
  const byHand = {}; // rates that were typed, by the first image of their run
  /** @type {Run | null} */
  let current = null;
  const typed = () => current && byHand[current.start] || 0;
  /** @param {() => void} again */
  function wire(again) {
    field.onchange = () => {
      if (Number(field.value) > 0 && current) byHand[current.start] = Number(field.value);
      again();
    };
  }
  /** @param {Run} run */
  function show(run) {
    current = run.stop - run.start > 1 ? run : SLIDE_SHOW;
    if (document.activeElement !== field) field.value = short(typed() || usualRate(current));
    source.textContent = typed() ? "" : current.source || "";
  }
  return { wire, show, typed };
}

/** @param {Run} run */
const usualRate = ({ ms = [SLIDE_SHOW_MS] }) => 1000 * ms.length / ms.reduce((sum, one) => sum + one, 0);
