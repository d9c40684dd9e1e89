// @ts-check
// Menus, sliders and buttons of a volume.

import { choices, labelled, make, makeButton, makeRow, windowControls } from "./controls.js";
import { overControls } from "./overlay.js";
import { PLANES } from "./planes.js";

const PLAY_MS = 80; // that a slice is shown when played
/** @typedef {{moves: Moves, slider: MemberSlider | null, fit(): void, draw(): void}} ControlHost */

// `members` is where the slider of a group goes.
/** @param {Element} root @param {Source} source @param {State} state */
export function volumeControls(root, source, state) {
  const [first, second] = [makeRow(root), makeRow(root)];
  const members = make("div", {}, root), over = overControls(root, source);
  const plane = planeMenu(first, source), windows = windowControls(first);
  const slice = labelled(second, "Slice", "input", { type: "range", min: 0, step: 1 });
  const play = makeButton(second, "▶ Play"), through = throughMenu(second, source);
  const tool = toolMenu(second, over !== null);
  const three = labelled(second, "Three planes", "input", { type: "checkbox" });
  const reset = makeButton(second, "Fit");

  /** @param {ControlHost} host */
  function wire({ moves, slider, fit, draw }) {
    plane.onchange = () => { fit(); moves.setPlane(plane.value); };
    windows.wire({ known: () => source.meta.windows, voi: () => source.get("voi"), setVoi: moves.setVoi });
    over?.wire(moves);
    slice.oninput = () => moves.setIndex(Number(slice.value));
    tool.onchange = () => { state.tool = tool.value; };
    three.onchange = () => { state.three = three.checked; draw(); };
    reset.onclick = () => { fit(); draw(); };
    const next = () => {
      if (through?.value !== "members") moves.setIndex((source.get("index") + 1) % moves.plane().count);
      else if (slider && !slider.waits()) slider.step(1, true);
    };
    play.onclick = () => {
      clearInterval(state.playing);
      state.playing = state.playing ? 0 : setInterval(next, PLAY_MS);
      draw();
    };
  }
  function show() {
    const name = source.get("plane"), index = source.get("index"), { count } = source.meta.planes[name];
    plane.value = name;
    Object.assign(slice, { max: count - 1, value: index });
    slice.setAttribute("aria-valuetext", `${index + 1} of ${count}`);
    windows.show(source.get("voi"), source.meta.windows);
    over?.show();
    play.textContent = state.playing ? "❚❚ Stop" : "▶ Play";
    three.checked = state.three;
    tool.value = state.tool;
  }
  return { wire, show, members };
}

/** @param {Element} row @param {Source} source */
function planeMenu(row, source) {
  const menu = labelled(row, "Plane", "select", {});
  choices(menu, PLANES.filter((name) => source.meta.planes[name]).map((name) => [name, name]));
  return menu;
}

/** @param {Element} row @param {Source} source */
function throughMenu(row, { members }) {
  if (!members) return null;
  const menu = make("select", { ariaLabel: "Play through" }, row);
  choices(menu, [["slices", "slices"], ["members", members.name]]);
  return menu;
}

/** @param {Element} row @param {boolean} isOver */
function toolMenu(row, isOver) {
  const menu = labelled(row, "Drag", "select", {}), ofOver = isOver ? [["over", "overlay window"]] : [];
  choices(menu, [["window", "window"], ...ofOver, ["slice", "slices"], ["pan", "move"], ["point", "point"]]);
  return menu;
}
