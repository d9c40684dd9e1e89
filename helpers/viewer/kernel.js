// A widget in a notebook: slices come from the kernel when they are needed; the last ones used stay in memory.

import { kernelImages } from "./image_sources.js";
import { mountImages } from "./images.js";
import { mount } from "./volume.js";

const MAX_KEPT_BYTES = 64 * 2 ** 20; // bytes of slices in the browser
const MAX_REQUESTS = 4; // requests that the kernel has at once; the newest is asked first

function kernelSource(model) {
  const meta = model.get("meta"), abouts = new Map([[meta.member, meta]]);
  let shown = meta.member;
  const slices = new Map(), underway = new Set(), urgent = new Set(), listeners = [], failures = [];
  let waiting = [], bytes = 0;
  const ask = () => {
    while (underway.size < MAX_REQUESTS && waiting.length) {
      const next = waiting[waiting.length - 1];
      if (!urgent.has(next) && [...underway].some((key) => urgent.has(key))) return; // what is looked at comes alone
      const key = waiting.pop(), [member, plane, index] = key.split(" ");
      if (slices.has(key) || underway.has(key)) continue;
      underway.add(key);
      model.send({ type: "slice", member: Number(member), plane, index: Number(index), about: !abouts.has(Number(member)) });
    }
  };
  const sizeOf = (found) => [found, found.over].reduce((sum, one) => sum + (one?.values.byteLength || 0), (found.maps || []).reduce((sum, map) => sum + map.byteLength, 0));
  const keep = (key, found) => {
    slices.set(key, found);
    bytes += sizeOf(found);
    for (const [oldest, old] of slices) {
      if (bytes <= MAX_KEPT_BYTES || oldest === key) break;
      slices.delete(oldest);
      bytes -= sizeOf(old);
    }
  };
  const bytesOf = (part) => part.buffer.slice(part.byteOffset, part.byteOffset + part.byteLength);
  const received = (message, buffers) => {
    if (message.type !== "failed" && message.type !== "slice") return;
    const { member, plane, index } = message, key = `${member} ${plane} ${index}`;
    underway.delete(key);
    urgent.delete(key);
    if (message.type === "failed") {
      failures.forEach((tell) => tell(message.text, member));
      ask();
      return;
    }
    if (message.about && !abouts.has(member)) abouts.set(member, message.about);
    const found = (kind, values, padding) => ({ values: new kind(bytesOf(values)), padding: padding?.byteLength ? new Uint8Array(bytesOf(padding)) : null });
    const over = meta.over ? { over: found(Float32Array, buffers[2], buffers[3]) } : {};
    keep(key, { ...found(message.float ? Float32Array : Int16Array, buffers[0], buffers[1]), ...over, ...mapsOf(buffers) });
    listeners.forEach((tell) => tell(plane, index));
    ask();
  };
  const mapsOf = (buffers) => {
    if (!meta.labels) return {};
    const kind = meta.labels.bytes === 1 ? Uint8Array : Uint16Array;
    return { maps: buffers.slice(buffers.length - meta.labels.layers).map((part) => new kind(bytesOf(part))) };
  };
  model.on("msg:custom", received);
  const handlers = [];
  return {
    get meta() { return abouts.get(shown); },
    get shown() { return shown; },
    members: meta.members,
    over: meta.over,
    labels: meta.labels,
    about: (member) => abouts.get(member),
    show: (member) => { shown = member; },
    get: (name) => model.get(name),
    set: (name, value) => model.set(name, value),
    save: () => model.save_changes(),
    on: (name, tell) => { handlers.push([`change:${name}`, tell]); model.on(`change:${name}`, tell); },
    off: () => { handlers.forEach(([name, tell]) => model.off(name, tell)); model.off("msg:custom", received); },
    arrived: (tell) => listeners.push(tell),
    failed: (tell) => failures.push(tell),
    slice: (plane, index, ahead = false, member = shown) => {
      const key = `${member} ${plane} ${index}`, found = slices.get(key);
      if (found) { slices.delete(key); slices.set(key, found); return found; } // the last one used is the last one dropped
      waiting = waiting.filter((other) => other !== key);
      if (ahead) waiting.unshift(key); else { waiting.push(key); urgent.add(key); }
      waiting.splice(0, waiting.length - 40).forEach((dropped) => urgent.delete(dropped));
      ask();
      return null;
    },
  };
}

export default {
  render({ model, el }) {
    return model.get("meta").images ? mountImages(el, kernelImages(model)) : mount(el, kernelSource(model));
  },
};
