// @ts-check
// Where images come from: the kernel, reduced to the screen, or the page itself.

import { lastUsed } from "./caches.js";
import { pixelText } from "./image_painting.js";
import { STAGE } from "./images.js";
import { askedStatistics } from "./measures.js";
import { storedPixels } from "./painting.js";
import { bytesOf, listeners, modelState, paddingOf, pageState } from "./sharing.js";

const IMAGE_BYTES = 128 * 2 ** 20; // of images that are kept in the browser
const RUN_SHARE = 0.8; // of them that the frames of one file may take, so that all of them can be played
const IMAGE_REQUESTS = 3; // that the kernel has at once
const FRAMES_AT_ONCE = 6; // of one file that are asked for in one message
const WAITING_IMAGES = 64; // requests that are not forgotten
const ABOUT_BYTES = 2000; // of what is said of an image, about

/** @typedef {{dtype: string, factors: Vector, box?: Vector, rows: number, columns: number}} Sent */

// From the kernel

/** @param {Model} model @returns {ImageSource} */
export function kernelImages(model) {
  const meta = model.get("meta");
  /** @type {ImageCache} */
  const kept = lastUsed(IMAGE_BYTES, bytesOfImage);
  /** @type {ToldListeners} */
  const arrived = listeners();
  /** @type {Set<string>} */
  const named = new Set(); // windows that are asked for
  /** @type {Map<number, Run>} */
  const runs = new Map();
  const asked = askedStatistics(
    (item, key) => model.send({ type: "measure", index: item.index, key, item }),
    () => arrived.tell({ type: "measured", index: -1 }),
  );
  let box = () => ({ ...STAGE });
  const requests = imageRequests(kept, runs, (indices) => {
    const run = runs.get(indices[0]);
    const max_bytes = run ? Math.floor(RUN_SHARE * IMAGE_BYTES / (run.stop - run.start)) : 0;
    model.send({ type: "image", index: indices[0], indices, max_bytes, ...box() });
  });
  /** @type {Record<string, (message: any, buffers: DataView[]) => void>} */
  const receive = {
    image: (message, buffers) => {
      const { index, run, error } = message;
      requests.answered(index);
      if (run) noteRun(runs, index, run);
      kept.put(index, error ? { run: { start: index, stop: index + 1 }, ...message } : { ...message, ...pixelsOf(message, buffers) });
      requests.ask();
      arrived.tell({ type: "image", index });
    },
    part: (message, buffers) => {
      const whole = /** @type {ImageFound | null} */ (kept.get(message.index));
      if (whole) arrived.tell({ ...message, ...pixelsOf(message, buffers), unit: whole.unit });
    },
    window: (message) => {
      const run = kept.get(message.index)?.run || { start: message.index, stop: message.index + 1 };
      nameWindow(kept, run, message);
      named.delete(`${run.start} ${message.name}`);
      arrived.tell(message);
    },
    value: (message) => arrived.tell(message),
    measured: (message) => asked.answered(message),
  };
  return {
    ...modelState(model, (message, buffers) => {
      if (message.type === "image" || !message.error) receive[message.type]?.(message, buffers);
    }),
    meta,
    labels: meta.labels,
    statistics: asked.of,
    screen: (find) => { box = find; },
    arrived: arrived.add,
    has: kept.has,
    image: (index, ahead = false) => {
      const found = kept.get(index);
      if (!found) requests.add(index, ahead);
      return found;
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

/** @typedef {LastUsed<number, AnyImage>} ImageCache */
/** @typedef {Listeners<[Told]>} ToldListeners */

/** @param {AnyImage} image */
function bytesOfImage(image) {
  const pixels = image.error === undefined ? image.values || image.rgb : null;
  return (pixels?.byteLength || 0) + ABOUT_BYTES;
}

// The pixels of a message: {values or rgb, padding, size}.
/** @param {Sent} sent @param {DataView[]} buffers */
function pixelsOf({ dtype, factors, box, rows, columns }, buffers) {
  const [height, width] = box ? [box[1] - box[0], box[3] - box[2]] : [rows, columns];
  const size = [Math.ceil(height / factors[0]), Math.ceil(width / factors[1])];
  const bytes = bytesOf(buffers[0]), padding = paddingOf(buffers[1]);
  if (dtype === "u1") return { rgb: new Uint8Array(bytes), padding, size };
  return { values: new (dtype === "f4" ? Float32Array : Int16Array)(bytes), padding, size };
}

// Of which frames an image is one.
/** @param {Map<number, Run>} runs @param {number} index @param {Run} run */
function noteRun(runs, index, run) {
  if (runs.has(index) || run.stop - run.start < 2) return;
  for (let one = run.start; one < run.stop; one++) runs.set(one, run);
}

// A window that was taken from the values is that of all frames of a file.
/** @param {ImageCache} kept @param {Run} run @param {{name: string, voi: Voi}} told */
function nameWindow(kept, { start, stop }, { name, voi }) {
  for (let one = start; one < stop; one++) {
    const found = kept.get(one);
    if (!found || found.error !== undefined) continue;
    kept.put(one, { ...found, windows: found.windows.map((own) => own.name === name ? voi : own) });
  }
}

// What is asked of the kernel: the newest first, and what is looked at alone; frames of one file several at once.
/** @param {ImageCache} kept @param {Map<number, Run>} runs @param {(indices: number[]) => void} send */
function imageRequests(kept, runs, send) {
  /** @type {Set<number>} */
  const underway = new Set();
  /** @type {Set<number>} */
  const urgent = new Set();
  /** @type {number[]} */
  let waiting = [];
  function ask() {
    while (underway.size < IMAGE_REQUESTS && waiting.length) {
      const next = waiting[waiting.length - 1], isUrgent = urgent.has(next);
      if (!isUrgent && [...underway].some((one) => urgent.has(one))) return;
      const indices = taken(runs.has(next) && !isUrgent ? FRAMES_AT_ONCE : 1);
      if (indices.length) send(indices);
    }
  }
  /** @param {number} most */
  function taken(most) {
    const indices = [];
    while (waiting.length && indices.length < most) {
      const index = /** @type {number} */ (waiting.pop());
      if (kept.has(index) || underway.has(index)) continue;
      indices.push(index);
      underway.add(index);
    }
    return indices;
  }
  /** @param {number} index @param {boolean} ahead */
  function add(index, ahead) {
    if (ahead ? waiting.includes(index) || underway.has(index) : waiting.at(-1) === index) return;
    waiting = waiting.filter((other) => other !== index);
    if (ahead) waiting.unshift(index); else { waiting.push(index); urgent.add(index); }
    waiting.splice(0, waiting.length - WAITING_IMAGES).forEach((dropped) => urgent.delete(dropped));
    ask();
  }
  /** @param {number} index */
  function answered(index) {
    underway.delete(index);
    urgent.delete(index);
  }
  return { ask, add, answered };
}

// From the page

/** @param {StoredImages} data @returns {ImageSource} */
export function storedImages(data) {
  /** @type {ImageCache} */
  const kept = lastUsed(IMAGE_BYTES, bytesOfImage);
  /** @type {ToldListeners} */
  const arrived = listeners();
  /** @type {Set<number>} */
  const underway = new Set();
  /** @param {number} index */
  async function load(index) {
    underway.add(index);
    const found = await decoded(data, index).catch((error) => ({ .../** @type {any} */ (data.pictures[index]), error: String(error) }));
    underway.delete(index);
    kept.put(index, found);
    arrived.tell({ type: "image", index });
  }
  return {
    ...pageState(data.state),
    meta: data.meta,
    labels: data.meta.labels,
    arrived: arrived.add,
    has: kept.has,
    image: (index) => {
      if (!kept.has(index) && !underway.has(index)) load(index);
      return kept.get(index);
    },
    part: () => {}, // there is no more than this
    named: () => {},
    value: (index, row, column) => { // as near as the page knows it
      const found = kept.get(index);
      if (!found || found.error !== undefined) return;
      const [down, right] = found.factors, at = Math.floor(row / down) * found.size[1] + Math.floor(column / right);
      setTimeout(() => arrived.tell({ type: "value", index, row, column, text: `about ${pixelText(found, at)}` }));
    },
  };
}

/** @param {StoredImages} data @param {number} index @returns {Promise<AnyImage>} */
async function decoded(data, index) {
  const picture = data.pictures[index];
  if (picture.error !== undefined) return picture;
  const { jpeg, mask, low, step, ...entry } = picture;
  const size = [Math.ceil(entry.rows / entry.factors[0]), Math.ceil(entry.columns / entry.factors[1])];
  const bytes = await storedPixels(`data:image/jpeg;base64,${jpeg}`, size), found = { ...entry, size, padding: null, estimated: true };
  if (low === undefined) return { ...found, rgb: coloursOf(bytes) };
  const padding = mask >= 0 ? maskOf(await storedPixels(`data:image/png;base64,${data.masks[mask]}`, size)) : null;
  return { ...found, values: valuesOfGreys(bytes, low, step), padding };
}

/** @param {Uint8ClampedArray} bytes  RGBA */
function coloursOf(bytes) {
  const area = bytes.length / 4, rgb = new Uint8Array(3 * area);
  for (let i = 0; i < area; i++) rgb.set(bytes.subarray(4 * i, 4 * i + 3), 3 * i);
  return rgb;
}

/** @param {Uint8ClampedArray} bytes  RGBA @param {number} low @param {number} step */
function valuesOfGreys(bytes, low, step) {
  const isWhole = Number.isInteger(low) && Number.isInteger(step) && low >= -32768 && low + 255 * step < 32768;
  const values = new (isWhole ? Int16Array : Float32Array)(bytes.length / 4);
  for (let i = 0; i < values.length; i++) values[i] = low + step * bytes[4 * i];
  return values;
}

/** @param {Uint8ClampedArray} bytes  RGBA */
function maskOf(bytes) {
  const area = bytes.length / 4, padding = new Uint8Array(Math.ceil(area / 8));
  for (let i = 0; i < area; i++) if (bytes[4 * i] > 127) padding[i >> 3] |= 128 >> (i & 7);
  return padding;
}
