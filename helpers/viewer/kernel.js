// @ts-check
// A widget in a notebook: slices come from the kernel when they are needed; the last ones used stay in memory.

import { lastUsed } from "./caches.js";
import { kernelImages } from "./image_sources.js";
import { mountImages } from "./images.js";
import { askedStatistics } from "./measures.js";
import { slabIn } from "./planes.js";
import { bytesOf, listeners, modelState, paddingOf } from "./sharing.js";
import { mount } from "./volume.js";

const MAX_KEPT_BYTES = 64 * 2 ** 20; // bytes of slices in the browser
const MAX_GREYS_BYTES = 4 * 2 ** 20; // bytes of slices as they are seen, before their values come
const MAX_REQUESTS = 4; // requests that the kernel has at once; the newest is asked first
const MAX_AHEAD = 1; // of those for slices that nobody looks at yet: another one waits for them
const MAX_WAITING = 40; // requests that are not forgotten

/** @typedef {Meta & {member: number, members: Members | null, over: Over | null, labels: (Labels & {bytes: number, layers: number}) | null}} KernelMeta */

/** @param {Model} model @returns {Source} */
function kernelSource(model) {
  /** @type {KernelMeta} */
  const meta = model.get("meta");
  /** @type {Map<number, Meta>} */
  const abouts = new Map([[meta.member, meta]]);
  let shown = meta.member;
  /** @type {LastUsed<string, Found>} */
  const slices = lastUsed(MAX_KEPT_BYTES, bytesIn);
  /** @type {Listeners<[string, number]>} */
  const arrived = listeners();
  /** @type {Listeners<[string, number]>} */
  const failed = listeners();
  /** @type {LastUsed<string, Seen>} */
  const greys = lastUsed(MAX_GREYS_BYTES, (seen) => seen.values.length);
  // Else what lies over them would come and go; tables are compared by no one.
  const hasGreys = () => !meta.over && !meta.labels && !model.get("voi").values;
  // What is looked at comes as it is seen, 8 bits, before its values come.
  const requests = requestsOf(slices.has, (key, isUrgent) => {
    const [member, plane, index, mm, how] = key.split(" ");
    const about = !abouts.has(Number(member)), type = hasGreys() && isUrgent && !about && !greys.has(key) ? "greys" : "slice";
    model.send({ type, member: Number(member), plane, index: Number(index), slab_mm: Number(mm), slab_how: how, about });
  });
  const asked = askedStatistics((item, key) => model.send({ type: "measure", member: shown, key, item }), () => arrived.tell("", -1));
  const shared = modelState(model, (message, buffers) => {
    if (message.type === "measured") asked.answered(message);
    if (!["failed", "slice", "greys"].includes(message.type)) return;
    const { member, plane, index, about } = message, key = keyOf(member, plane, index, message);
    requests.answered(key);
    if (message.type === "failed") failed.tell(message.text, member);
    else if (message.type === "greys") {
      greys.put(key, { values: new Uint8Array(bytesOf(buffers[0])), padding: paddingOf(buffers[1]), voi: message.voi, slab: message.slab });
      arrived.tell(plane, index); // what draws it asks for its values
    } else {
      if (about && !abouts.has(member)) abouts.set(member, about);
      slices.put(key, { ...foundOf(meta, message.float, buffers), slab: message.slab });
      arrived.tell(plane, index);
    }
    requests.ask();
  });
  return {
    ...shared,
    get meta() { return /** @type {Meta} */ (abouts.get(shown)); },
    get shown() { return shown; },
    members: meta.members,
    over: meta.over,
    labels: meta.labels,
    about: (member) => abouts.get(member),
    show: (member) => { shown = member; },
    statistics: (item) => asked.of(item, `${shown} `),
    arrived: arrived.add,
    failed: failed.add,
    seen: (plane, index) => greys.get(keyOf(shown, plane, index, slabIn(shared))),
    slice: (plane, index, ahead = false, member = shown, slab = slabIn(shared)) => {
      const key = keyOf(member, plane, index, slab), found = slices.get(key);
      if (!found) requests.add(key, ahead);
      return found;
    },
  };
}

// By what a slice is known here.
/** @param {number} member @param {string} plane @param {number} index @param {Slab} slab */
const keyOf = (member, plane, index, { slab_mm, slab_how }) => `${member} ${plane} ${index} ${slab_mm} ${slab_how}`;

// A slice as it was sent: [values, padding], those of what lies over it, and its label maps.
/** @param {KernelMeta} meta @param {boolean} isFloat @param {DataView[]} buffers @returns {Found} */
function foundOf({ over, labels }, isFloat, buffers) {
  const values = new (isFloat ? Float32Array : Int16Array)(bytesOf(buffers[0]));
  /** @type {Found} */
  const found = { values, padding: paddingOf(buffers[1]) };
  if (over) found.over = { values: new Float32Array(bytesOf(buffers[2])), padding: paddingOf(buffers[3]) };
  if (labels) {
    const kind = labels.bytes === 1 ? Uint8Array : Uint16Array;
    found.maps = buffers.slice(buffers.length - labels.layers).map((part) => new kind(bytesOf(part)));
  }
  return found;
}

/** @param {Found} found */
function bytesIn({ values, over, maps = [] }) {
  return [values, ...(over ? [over.values] : []), ...maps].reduce((sum, part) => sum + part.byteLength, 0);
}

// What is asked of the kernel: the newest first, and what is looked at alone.
/** @param {(key: string) => boolean} isHere @param {(key: string, isUrgent: boolean) => void} send */
function requestsOf(isHere, send) {
  /** @type {Set<string>} */
  const underway = new Set();
  /** @type {Set<string>} */
  const urgent = new Set();
  /** @type {string[]} */
  let waiting = [];
  function ask() {
    while (underway.size < MAX_REQUESTS && waiting.length) {
      const next = waiting[waiting.length - 1];
      const isUrgent = urgent.has(next);
      if (!isUrgent && ([...underway].some((key) => urgent.has(key)) || underway.size >= MAX_AHEAD)) return;
      waiting.pop();
      if (isHere(next) || underway.has(next)) continue;
      underway.add(next);
      send(next, isUrgent);
    }
  }
  /** @param {string} key @param {boolean} ahead */
  function add(key, ahead) {
    waiting = waiting.filter((other) => other !== key);
    if (ahead) waiting.unshift(key); else { waiting.push(key); urgent.add(key); }
    waiting.splice(0, waiting.length - MAX_WAITING).forEach((dropped) => urgent.delete(dropped));
    ask();
  }
  /** @param {string} key */
  function answered(key) {
    underway.delete(key);
    urgent.delete(key);
  }
  return { ask, add, answered };
}

export default {
  /** @param {{model: Model, el: Element}} host */
  render({ model, el }) {
    return model.get("meta").images ? mountImages(el, kernelImages(model)) : mount(el, kernelSource(model));
  },
};
