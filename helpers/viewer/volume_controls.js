// @ts-check
// Menus, sliders and buttons of a volume.

import { choices, extra, helpButton, isCalm, labelled, make, makeButton, makeRow, moreButton, saveButton, toolMenu, windowControls } from "./controls.js";
import { MEMBER_HELP, OVER_TOOL, VOLUME_HELP, VOLUME_TOOLS, toolHelp } from "./keys.js";
import { overControls } from "./overlay.js";
import { PLANES, endLetters, readingWay, slabIn } from "./planes.js";
import { wireSteps } from "./pointer.js";

const PLAY_MS = 80, CALM_MS = 500; // that a slice is shown when played, and for who has asked for less motion
const MAX_SLAB_MM = 1000;
/** @typedef {{moves: Moves, slider: MemberSlider | null, steps: Stepped, fit(): void, draw(): void}} ControlHost */

/** @param {Source} source */
export const volumeTools = ({ over }) => over ? [...VOLUME_TOOLS, OVER_TOOL] : VOLUME_TOOLS;

// `members` is where the slider of a group goes.
/** @param {Element} root @param {Source} source @param {State} state */
export function volumeControls(root, source, state) {
  const [first, second] = [makeRow(root), makeRow(root)];
  const members = make("div", {}, root), over = overControls(root, source), tools = volumeTools(source);
  const plane = planeMenu(first, source), windows = windowControls(first);
  const slice = sliceSlider(second);
  const play = makeButton(second, "▶ Play"), through = throughMenu(second, source);
  const slab = slabControls(second);
  const between = extra(labelled(second, "Pixels", "select", { title: "Values between pixels: linear, or the nearest" }));
  choices(between, ["linear", "nearest"].map((name) => [name, name]));
  const tool = toolMenu(second, tools, state);
  const three = extra(labelled(second, "Three planes", "input", { type: "checkbox" }));
  const reset = makeButton(second, "Fit");
  moreButton(second);
  const name = () => `${source.get("plane")}-slice-${source.get("index") + 1}`;
  extra(saveButton(first, name));
  const help = helpButton(first, [...VOLUME_HELP.slice(0, 3), ...(source.members ? MEMBER_HELP : []), ...toolHelp(tools), ...VOLUME_HELP.slice(3)]);

  /** @param {ControlHost} host */
  function wire({ moves, slider, steps, fit, draw }) {
    plane.onchange = () => {
      const wanted = plane.value; // to fit draws, and shows the plane that is left
      fit();
      moves.setPlane(wanted);
    };
    windows.wire({ known: () => source.meta.windows, voi: () => source.get("voi"), setVoi: moves.setVoi });
    over?.wire(moves);
    slice.input.oninput = () => moves.setIndex(Number(slice.input.value));
    wireSteps(slice.input, steps);
    slab.wire(moves);
    between.onchange = () => moves.change({ interpolation: between.value });
    three.onchange = () => { state.three = three.checked; draw(); };
    reset.onclick = fit;
    play.onclick = toggle;
    const next = () => {
      if (through?.value === "members") { if (slider && !slider.waits()) slider.step(1, true); return; }
      const index = source.get("index"), { count } = moves.plane();
      if (source.slice(source.get("plane"), index)) moves.setIndex((index + steps.way() + count) % count); // else it still has to come
    };
    function toggle() {
      clearInterval(state.playing);
      state.playing = state.playing ? 0 : setInterval(next, isCalm() ? CALM_MS : PLAY_MS);
      draw();
    }
    return { toggle };
  }
  function show() {
    const name = source.get("plane"), index = source.get("index"), shown = source.meta.planes[name];
    plane.value = name;
    slice.show(name, shown, index);
    windows.show(source.get("voi"), source.meta.windows);
    over?.show();
    play.textContent = state.playing ? "❚❚ Stop" : "▶ Play";
    slab.show(slabIn(source));
    between.value = source.get("interpolation");
    three.checked = state.three;
    tool.value = state.tool;
  }
  return { wire, show, members, help, tools };
}

/** @param {Element} row @param {Source} source */
function planeMenu(row, source) {
  const menu = labelled(row, "Plane", "select", {});
  choices(menu, PLANES.filter((name) => source.meta.planes[name]).map((name) => [name, name]));
  return menu;
}

// The slider of slices, with a letter at each end; it goes as readers do, and its value stays the index.
/** @param {Element} row */
function sliceSlider(row) {
  const input = labelled(row, "Slice", "input", { type: "range", min: 0, step: 1 });
  const label = /** @type {HTMLElement} */ (input.parentElement), letters = [0, 1].map(() => make("b", { ariaHidden: "true" }));
  label.classList.add("dv-slice");
  input.before(letters[0]);
  input.after(letters[1]);
  /** @param {string} name @param {Plane} plane @param {number} index */
  function show(name, plane, index) {
    const ends = endLetters(name), { count, positions } = plane;
    Object.assign(input, { max: count - 1, value: index, dir: readingWay(name, plane) > 0 ? "ltr" : "rtl" });
    letters.forEach((letter, end) => { letter.textContent = ends[end]; });
    input.setAttribute("aria-valuetext", `${index + 1} of ${count}, ${positions[index]}, from ${ends.join(" to ")}`);
  }
  return { input, show };
}

// How thick what is shown is, and what of its values.
/** @param {Element} row */
function slabControls(row) {
  const mm = extra(labelled(row, "Slab, mm", "input", { type: "number", min: 0, max: MAX_SLAB_MM, step: "any", title: "0: one slice" }));
  const how = extra(make("select", { ariaLabel: "Values of the slab" }, mm.parentElement || row));
  choices(how, ["max", "min", "mean"].map((name) => [name, name]));
  /** @param {Moves} moves */
  function wire({ change }) {
    mm.oninput = () => { if (mm.value !== "" && mm.checkValidity()) change({ slab_mm: Number(mm.value) }); };
    how.onchange = () => change({ slab_how: how.value });
  }
  /** @param {Slab} slab */
  function show({ slab_mm, slab_how }) {
    if (document.activeElement !== mm) mm.value = String(slab_mm);
    how.value = slab_how;
  }
  return { wire, show };
}

/** @param {Element} row @param {Source} source */
function throughMenu(row, { members }) {
  if (!members) return null;
  const menu = make("select", { ariaLabel: "Play through" }, row);
  choices(menu, [["slices", "slices"], ["members", members.name]]);
  return menu;
}
