// Where images come from: the kernel, reduced to the screen, or the page itself.

import { STAGE, pixelText } from "./images.js";
import { storedPixels } from "./painting.js";

const IMAGE_BYTES = 128 * 2 ** 20; // of images that are kept in the browser
const RUN_SHARE = 0.8; // of them that the frames of one file may take, so that all of them can be played
const IMAGE_REQUESTS = 3; // that the kernel has at once
const FRAMES_AT_ONCE = 6; // of one file that are asked for in one message
const WAITING_IMAGES = 64; // requests that are not forgotten

// Keeps what was used last, up to a number of bytes.
function imageCache() {
  const kept = new Map();
  let bytes = 0;
  const size = (one) => (one.values || one.rgb || []).length * (one.values?.BYTES_PER_ELEMENT || 1) + 2000;
  return {
    has: (index) => kept.has(index),
    get: (index) => {
      const found = kept.get(index);
      if (found) { kept.delete(index); kept.set(index, found); } // the last one used is the last one dropped
      return found || null;
    },
    put: (index, one) => {
      if (kept.has(index)) bytes -= size(kept.get(index));
      kept.delete(index);
      kept.set(index, one);
      bytes += size(one);
      for (const [oldest, old] of kept) {
        if (bytes <= IMAGE_BYTES || oldest === index) break;
        kept.delete(oldest);
        bytes -= size(old);
      }
    },
  };
}

// The pixels of a message: {values or rgb, padding, size}.
function pixelsOf({ dtype, factors, box, rows, columns }, buffers) {
  const bytesOf = (part) => part.buffer.slice(part.byteOffset, part.byteOffset + part.byteLength);
  const [height, width] = box ? [box[1] - box[0], box[3] - box[2]] : [rows, columns];
  const size = [Math.ceil(height / factors[0]), Math.ceil(width / factors[1])];
  const padding = buffers[1]?.byteLength ? new Uint8Array(bytesOf(buffers[1])) : null;
  if (dtype === "u1") return { rgb: new Uint8Array(bytesOf(buffers[0])), padding, size };
  return { values: new (dtype === "f4" ? Float32Array : Int16Array)(bytesOf(buffers[0])), padding, size };
}

export function kernelImages(model) {
  const kept = imageCache(), underway = new Set(), urgent = new Set(), listeners = [], named = new Set(), runs = new Map();
  let waiting = [], box = () => ({ width: STAGE.width, height: STAGE.height });
  const tell = (told) => listeners.forEach((listen) => listen(told));
  const ask = () => {
    while (underway.size < IMAGE_REQUESTS && waiting.length) {
      const next = waiting[waiting.length - 1];
      if (!urgent.has(next) && [...underway].some((one) => urgent.has(one))) return; // what is looked at comes alone
      const run = runs.get(next), indices = [];
      while (waiting.length && indices.length < (run && !urgent.has(next) ? FRAMES_AT_ONCE : 1)) {
        const one = waiting.pop();
        if (kept.has(one) || underway.has(one)) continue;
        indices.push(one);
        underway.add(one);
      }
      const max_bytes = run ? Math.floor(RUN_SHARE * IMAGE_BYTES / (run.stop - run.start)) : 0;
      if (indices.length) model.send({ type: "image", index: indices[0], indices, max_bytes, ...box() });
    }
  };
  const received = (message, buffers) => {
    const { type, index } = message;
    if (type === "image") {
      underway.delete(index);
      urgent.delete(index);
      const { run } = message;
      if (run && !runs.has(index)) for (let one = run.start; one < run.stop && run.stop - run.start > 1; one++) runs.set(one, run);
      kept.put(index, message.error ? { run: { start: index, stop: index + 1 }, ...message } : { ...message, ...pixelsOf(message, buffers) });
      ask();
      tell({ type, index });
    } else if (message.error) return;
    else if (type === "part") {
      const whole = kept.get(index);
      if (whole) tell({ ...message, ...pixelsOf(message, buffers), unit: whole.unit });
    } else if (type === "window") {
      const { start, stop } = kept.get(index)?.run || { start: index, stop: index + 1 }; // it is that of all frames of a file
      const known = (one) => one.name === message.name ? message.voi : one;
      for (let one = start; one < stop; one++) {
        const found = kept.has(one) && kept.get(one);
        if (found?.windows) kept.put(one, { ...found, windows: found.windows.map(known) });
      }
      named.delete(`${start} ${message.name}`);
      tell(message);
    } else if (type === "value") tell(message);
  };
  model.on("msg:custom", received);
  const handlers = [];
  return {
    meta: model.get("meta"),
    labels: model.get("meta").labels,
    get: (name) => model.get(name),
    set: (name, value) => model.set(name, value),
    save: () => model.save_changes(),
    on: (name, act) => { handlers.push([`change:${name}`, act]); model.on(`change:${name}`, act); },
    off: () => { handlers.forEach(([name, act]) => model.off(name, act)); model.off("msg:custom", received); },
    screen: (find) => { box = find; },
    arrived: (listen) => listeners.push(listen),
    has: (index) => kept.has(index),
    image: (index, ahead = false) => {
      if (kept.has(index)) return kept.get(index);
      if (ahead ? waiting.includes(index) || underway.has(index) : waiting.at(-1) === index) return null;
      waiting = waiting.filter((other) => other !== index);
      if (ahead) waiting.unshift(index); else { waiting.push(index); urgent.add(index); }
      waiting.splice(0, waiting.length - WAITING_IMAGES).forEach((dropped) => urgent.delete(dropped));
      ask();
      return null;
    },
    part: (index, wanted, factors) => model.send({ type: "part", index, box: wanted, factors }),
    value: (index, row, column) => model.send({ type: "value", index, row, column }),
    named: (index, name) => {
      const key = `${runs.get(index)?.start ?? index} ${name}`;
      if (named.has(key)) return;
      named.add(key);
      model.send({ type: "window", index, name });
    },
  };
}

export function storedImages(data) {
  const kept = imageCache(), listeners = [], handlers = {}, state = { ...data.state }, underway = new Set();
  const tell = (told) => listeners.forEach((listen) => listen(told));
  async function decode(index) {
    const { jpeg, mask, low, step, ...entry } = data.pictures[index];
    if (entry.error) return entry;
    const size = [Math.ceil(entry.rows / entry.factors[0]), Math.ceil(entry.columns / entry.factors[1])], area = size[0] * size[1];
    const bytes = await storedPixels(`data:image/jpeg;base64,${jpeg}`, size), found = { ...entry, size, padding: null, estimated: true };
    if (low === undefined) {
      found.rgb = new Uint8Array(3 * area);
      for (let i = 0; i < area; i++) found.rgb.set(bytes.subarray(4 * i, 4 * i + 3), 3 * i);
      return found;
    }
    const whole = Number.isInteger(low) && Number.isInteger(step) && low >= -32768 && low + 255 * step < 32768;
    found.values = new (whole ? Int16Array : Float32Array)(area);
    for (let i = 0; i < area; i++) found.values[i] = low + step * bytes[4 * i];
    if (mask >= 0) {
      const lost = await storedPixels(`data:image/png;base64,${data.masks[mask]}`, size);
      found.padding = new Uint8Array(Math.ceil(area / 8));
      for (let i = 0; i < area; i++) if (lost[4 * i] > 127) found.padding[i >> 3] |= 128 >> (i & 7);
    }
    return found;
  }
  const source = {
    meta: data.meta,
    labels: data.meta.labels,
    get: (name) => state[name],
    set: (name, value) => { state[name] = value; (handlers[name] || []).forEach((act) => act()); },
    save: () => {},
    on: (name, act) => (handlers[name] ||= []).push(act),
    arrived: (listen) => listeners.push(listen),
    has: (index) => kept.has(index),
    image: (index) => {
      if (!kept.has(index) && !underway.has(index)) {
        underway.add(index);
        decode(index).catch((error) => ({ ...data.pictures[index], error: String(error) })).then((found) => {
          underway.delete(index);
          kept.put(index, found);
          tell({ type: "image", index });
        });
      }
      return kept.get(index);
    },
    part: () => {}, // there is no more than this
    named: () => {},
    value: (index, row, column) => { // as near as the page knows it
      const found = kept.get(index);
      if (!found) return;
      const [down, right] = found.factors, at = Math.floor(row / down) * found.size[1] + Math.floor(column / right);
      setTimeout(() => tell({ type: "value", index, row, column, text: `about ${pixelText(found, at)}` }));
    },
  };
  return source;
}
