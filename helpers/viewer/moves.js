// @ts-check
// What a person does to a volume: another slice, plane, point or window. All of it is in the shared state.

import { clamp } from "./greys.js";
import { PREFETCHED } from "./members.js";
import { PLANES, nearestIndex, toPoint, toVoxel } from "./planes.js";

/** @param {Source} source @param {() => void} draw @returns {Moves} */
export function movesOf(source, draw) {
  let changing = false; // while several parts of the state change that belong together, nothing is drawn
  const plane = () => source.meta.planes[source.get("plane")];
  const indexOf = (/** @type {string} */ name, meta = source.meta) => nearestIndex(meta.planes[name], source.get("position_mm"));
  /** @param {Partial<VolumeState>} values */
  function change(values) {
    changing = true;
    setAll(source, values);
    changing = false;
    draw();
    source.save(); // after slices are asked for, which a person waits for
  }
  /** @param {number} wanted */
  function setIndex(wanted) {
    const index = clamp(Math.round(wanted), 0, plane().count - 1);
    if (index === source.get("index")) return;
    const [, row, column] = toVoxel(plane(), source.get("position_mm"));
    source.slice(source.get("plane"), index);
    change({ index, position_mm: toPoint(plane(), [index, row, column]) });
    ahead();
  }
  // Slices around the one that is shown, fetched before they are asked for.
  function ahead() {
    const name = source.get("plane"), index = source.get("index"), { count } = plane();
    for (let step = 1; step <= PREFETCHED; step++) {
      for (const near of [index + step, index - step]) if (near >= 0 && near < count) source.slice(name, near, true);
    }
  }
  // The slice goes where the position went.
  function follow() {
    if (changing) return;
    const index = indexOf(source.get("plane"));
    if (index !== source.get("index")) { source.set("index", index); source.save(); }
    draw();
  }
  return {
    plane, indexOf, change, setIndex, ahead, follow,
    others: () => PLANES.filter((name) => name !== source.get("plane") && source.meta.planes[name]),
    setPosition: (position_mm) => change({ position_mm, index: nearestIndex(plane(), position_mm) }),
    setPlane: (name) => change({ plane: name, index: indexOf(name) }),
    setVoi: (voi) => change({ voi }),
    setOverVoi: (over_voi) => change({ over_voi }),
    isChanging: () => changing,
  };
}

/** @param {Source} source @param {Partial<VolumeState>} values */
function setAll(source, values) {
  for (const name of /** @type {(keyof VolumeState)[]} */ (Object.keys(values))) source.set(name, /** @type {any} */ (values[name]));
}
