// A widget in a notebook: slices come from the kernel when they are needed; the last ones used stay in memory.

const MAX_KEPT_BYTES = 64 * 2 ** 20; // bytes of slices in the browser
const MAX_REQUESTS = 4; // requests that the kernel has at once; the newest is asked first

function kernelSource(model) {
  const slices = new Map(), underway = new Set(), urgent = new Set(), listeners = [], failures = [];
  let waiting = [], bytes = 0;
  const ask = () => {
    while (underway.size < MAX_REQUESTS && waiting.length) {
      const next = waiting[waiting.length - 1];
      if (!urgent.has(next) && [...underway].some((key) => urgent.has(key))) return; // what is looked at comes alone
      const key = waiting.pop(), [plane, index] = key.split(" ");
      if (slices.has(key) || underway.has(key)) continue;
      underway.add(key);
      model.send({ type: "slice", plane, index: Number(index) });
    }
  };
  const keep = (key, found) => {
    slices.set(key, found);
    bytes += found.values.byteLength;
    for (const [oldest, old] of slices) {
      if (bytes <= MAX_KEPT_BYTES || oldest === key) break;
      slices.delete(oldest);
      bytes -= old.values.byteLength;
    }
  };
  const received = (message, buffers) => {
    if (message.type === "failed") {
      underway.delete(`${message.plane} ${message.index}`);
      urgent.delete(`${message.plane} ${message.index}`);
      failures.forEach((tell) => tell(message.text));
      ask();
    }
    if (message.type !== "slice") return;
    const key = `${message.plane} ${message.index}`, kind = message.float ? Float32Array : Int16Array;
    const bytesOf = (part) => part.buffer.slice(part.byteOffset, part.byteOffset + part.byteLength);
    underway.delete(key);
    urgent.delete(key);
    keep(key, { values: new kind(bytesOf(buffers[0])), padding: buffers[1]?.byteLength ? new Uint8Array(bytesOf(buffers[1])) : null });
    listeners.forEach((tell) => tell(message.plane, message.index));
    ask();
  };
  model.on("msg:custom", received);
  const handlers = [];
  return {
    meta: model.get("meta"),
    get: (name) => model.get(name),
    set: (name, value) => model.set(name, value),
    save: () => model.save_changes(),
    on: (name, tell) => { handlers.push([`change:${name}`, tell]); model.on(`change:${name}`, tell); },
    off: () => { handlers.forEach(([name, tell]) => model.off(name, tell)); model.off("msg:custom", received); },
    arrived: (tell) => listeners.push(tell),
    failed: (tell) => failures.push(tell),
    slice: (plane, index, ahead = false) => {
      const key = `${plane} ${index}`, found = slices.get(key);
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
    return mount(el, kernelSource(model));
  },
};
