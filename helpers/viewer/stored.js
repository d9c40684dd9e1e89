// @ts-check
// A page without a kernel: it holds all slices, as JPEG pictures of bytes; the other planes are cut from them here.

import { make } from "./controls.js";
import { clamp } from "./greys.js";
import { storedImages } from "./image_sources.js";
import { mountImages } from "./images.js";
import { storedPixels } from "./painting.js";
import { slabIn, slabOf, times, toPoint, toVoxel } from "./planes.js";
import { listeners, pageState } from "./sharing.js";
import { mount } from "./volume.js";

const MAX_CUTS = 40; // pictures that are kept as they were cut

/** @typedef {(job: () => Promise<void>, first: boolean) => void} Later  has a picture decoded */
/** @typedef {(plane?: string, index?: number) => void} Arrived */
/** @typedef {Map<string, Pixels>} Cuts */

// Mounts a viewer in each section, on the data that stand there; several move together, by the position in the patient,
// and see the same part of it.
/** @param {Iterable<Element>} sections */
export function standalone(sections) {
  const sources = [...sections].map(mountSection);
  const link = (/** @type {Shared<any>} */ source, /** @type {string} */ name) => sources.forEach((other) => {
    const value = source.get(name);
    if (String(other.get(name)) !== String(value)) other.set(name, value);
  });
  if (sources.length > 1) for (const name of ["position_mm", "view_mm"]) {
    sources.forEach((source) => {
      if (name === "view_mm") source.set(name, []); // what is seen is shared from now on
      source.on(name, () => link(source, name));
    });
    link(sources[0], name);
  }
  followAddress(sources[0]);
}

// Shows the slice that the page's address names, as in #index=12, now and when a link changes it: of the plane that is first.
/** @param {Shared<any> & {meta: any}} source */
function followAddress(source) {
  const name = source.get("plane");
  const follow = () => {
    const wanted = Number(/^#index=(\d+)$/.exec(location.hash)?.[1] ?? NaN);
    if (Number.isNaN(wanted)) return;
    const plane = source.meta.planes?.[name], index = clamp(wanted, 0, (plane ?? source.meta).count - 1);
    if (!plane) { source.set("index", index); return; }
    const [, row, column] = toVoxel(plane, source.get("position_mm"));
    source.set("plane", name);
    source.set("position_mm", toPoint(plane, [index, row, column]));
  };
  addEventListener("hashchange", follow);
  follow();
}

/** @param {Element} section @returns {Shared<any> & {meta: any}} */
function mountSection(section) {
  const find = (/** @type {string} */ selector) => /** @type {Element} */ (section.querySelector(selector));
  const data = JSON.parse(find("script").textContent || ""), place = find("div");
  const source = data.meta.images ? storedImages(data) : storedSource(data);
  if (data.meta.images) mountImages(place, /** @type {ImageSource} */ (source)); else mount(place, /** @type {Source} */ (source));
  make("p", { textContent: data.note, className: "dv-note" }, find(".dv"));
  return source;
}

/** @param {StoredData} data @returns {Source} */
function storedSource(data) {
  const { group, meta } = data, arrived = listeners();
  /** @type {Listeners<[string, number]>} */
  const failed = listeners();
  const over = data.over ? storedOver(data.over, decoding(), arrived.tell) : null;
  const labels = data.labels ? storedLabels(data, data.labels, decoding(), arrived.tell) : null;
  const jobs = decoding();
  /** @type {Cuts} */
  const cuts = new Map();
  const stored = (group ? group.members : [null]).map((own, member) => {
    if (own?.failed !== undefined) return { meta, failed: own.failed, decodeAll: () => {}, slice: () => null };
    const whole = own ? { ...data, ...own, meta: { ...meta, ...own.meta } } : data;
    return storedVolume(/** @type {StoredVolume} */ (whole), jobs, arrived.tell, cuts, member);
  });
  let shown = data.state.member;
  stored[shown].decodeAll(data.state.index);
  over?.decodeAll();
  const state = pageState(data.state);
  return {
    ...state,
    get meta() { return stored[shown].meta; },
    get shown() { return shown; },
    members: group,
    over: data.over,
    labels: data.labels,
    about: (member) => stored[member].failed === undefined ? stored[member].meta : undefined,
    show: (member) => { shown = member; },
    arrived: arrived.add,
    failed: failed.add,
    slice: (name, index, ahead = false, member = shown, slab = slabIn(state)) => {
      const { failed: why, slice, meta: own } = stored[member];
      if (why !== undefined) { queueMicrotask(() => failed.tell(why, member)); return null; }
      /** @type {Found | null} */
      const found = slice(name, index, ahead, slab);
      if (found && labels) found.maps ||= labels.slice(name, index, ahead) || undefined;
      if (found && over) found.over ||= over.under(own.planes[name], index) || undefined;
      return found;
    },
  };
}

// Pictures that have to be decoded, one after the other, those that are looked at first.
/** @returns {Later} */
function decoding() {
  /** @type {(() => Promise<void>)[]} */
  const jobs = [];
  let busy = false;
  const work = async () => {
    if (busy) return;
    busy = true;
    for (let job = jobs.shift(); job; job = jobs.shift()) {
      try { await job(); } catch { /* a picture that cannot be decoded stays black, the others come */ }
    }
    busy = false;
  };
  return (job, first) => {
    if (first) jobs.splice(0, jobs.length, job, ...jobs.filter((other) => other !== job)); // it may wait already
    else jobs.push(job);
    work();
  };
}

// The bytes of a volume's own slices, as they are decoded.
/** @param {StoredBytes} data @param {Later} later @param {Arrived} arrived */
function storedBytes(data, later, arrived) {
  const { shape: [count, rows, columns] } = data, area = rows * columns;
  const bytes = new Uint8Array(count * area), there = new Uint8Array(count);
  /** @type {Record<number, () => Promise<void>>} */
  const jobs = {}; // of each slice that is asked for
  /** @type {Record<number, Uint8Array>} */
  const masks = {}; // that slices needed as yet
  let left = count;
  /** @param {string} address @param {Uint8Array} into */
  async function decodeInto(address, into) {
    const pixels = await storedPixels(address, [rows, columns]);
    for (let i = 0; i < area; i++) into[i] = pixels[4 * i];
    return into;
  }
  /** @param {number} number */
  async function decode(number) {
    if (there[number]) return;
    const mask = data.mask_of[number] ?? -1;
    if (mask >= 0) masks[mask] ||= await decodeInto(`data:image/png;base64,${data.masks[mask]}`, new Uint8Array(area));
    await decodeInto(`data:image/${data.type};base64,${data.pictures[number]}`, bytes.subarray(number * area, (number + 1) * area));
    there[number] = 1;
    left -= 1;
    arrived(data.stored, number);
  }
  /** @param {number} number @param {boolean} first */
  function ask(number, first) {
    if (there[number] || (jobs[number] && !first)) return;
    later(jobs[number] ||= () => decode(number), first);
  }
  function decodeAll(middle = 0) {
    const nearestFirst = [...there.keys()].sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle));
    nearestFirst.forEach((number) => ask(number, false));
  }
  return {
    bytes, ask, decodeAll,
    isThere: (/** @type {number} */ number) => there[number] > 0,
    isWhole: () => !left,
    isMasked: (/** @type {number} */ at) => masks[data.mask_of[Math.floor(at / area)]]?.[at % area] > 127,
  };
}

// A volume as it is looked at; its planes are cut from its bytes.
/** @param {StoredVolume} data @param {Later} later @param {Arrived} arrived @param {Cuts} cuts @param {number} member */
function storedVolume(data, later, arrived, cuts, member) {
  const { meta, stored, strides, scale: [low, step] } = data, own = storedBytes(data, later, arrived);
  const Kind = data.float ? Float32Array : Int16Array, valueOf = Kind.from([...new Array(256).keys()].map((byte) => low + step * byte));
  /** @param {string} name @param {number} index @returns {Pixels} */
  function cut(name, index) {
    const plane = meta.planes[name], bytes = bytesOn(plane, strides[name], index, own.bytes), { length } = bytes;
    const values = new Kind(length);
    for (let i = 0; i < length; i++) values[i] = valueOf[bytes[i]];
    const padding = data.masks.length ? new Uint8Array(Math.ceil(length / 8)) : null;
    if (padding) eachPixel(plane, strides[name], index, (at, i) => { if (own.isMasked(at)) padding[i >> 3] |= 128 >> (i & 7); });
    return { values, padding };
  }
  // The same of several slices.
  /** @param {string} name @param {number} index @param {Slab} slab @returns {Found} */
  function cutSlab(name, index, { slab_mm, slab_how: how }) {
    const plane = meta.planes[name], { first, last, mm } = slabOf(plane, index, slab_mm), length = plane.rows * plane.columns;
    const sums = new Float32Array(length).fill(how === "min" ? 255 : 0), counts = new Uint16Array(length);
    const isMean = how === "mean", isMax = how === "max", hasMasks = data.masks.length > 0;
    for (let number = first; number < last; number++) eachPixel(plane, strides[name], number, (at, i) => {
      if (hasMasks && own.isMasked(at)) return;
      const byte = own.bytes[at];
      counts[i] += 1;
      if (isMean) sums[i] += byte; else if (isMax ? byte > sums[i] : byte < sums[i]) sums[i] = byte;
    });
    const values = new (data.float || isMean ? Float32Array : Int16Array)(length);
    const padding = hasMasks ? new Uint8Array(Math.ceil(length / 8)) : null;
    for (let i = 0; i < length; i++) {
      if (counts[i]) values[i] = low + step * (isMean ? sums[i] / counts[i] : sums[i]);
      else if (padding) padding[i >> 3] |= 128 >> (i & 7);
    }
    return { values, padding, slab: `${how} of ${last - first} slice${last - first === 1 ? "" : "s"}, ${Number(mm.toPrecision(4))} mm` };
  }
  // Whether the slices are there that a picture is made of; the first of a slab are asked for first.
  /** @param {string} name @param {number} index @param {boolean} ahead @param {Slab} slab */
  function came(name, index, ahead, { slab_mm }) {
    const { first, last } = slab_mm ? slabOf(meta.planes[name], index, slab_mm) : { first: index, last: index + 1 };
    let isHere = true;
    for (let number = first; number < last; number++) isHere = cameFor(own, name === stored, number, ahead) && isHere;
    return isHere;
  }
  /** @param {string} name @param {number} index @param {boolean} ahead @param {Slab} slab */
  function slice(name, index, ahead, slab) {
    if (!came(name, index, ahead, slab)) return null;
    const key = `${member} ${name} ${index} ${slab.slab_mm} ${slab.slab_how}`, kept = cuts.get(key);
    if (kept || ahead) return kept || null; // decoded ahead; to cut it takes no time that is worth it
    if (cuts.size > MAX_CUTS) cuts.delete([...cuts.keys()][0]);
    const found = slab.slab_mm ? cutSlab(name, index, slab) : cut(name, index);
    cuts.set(key, found);
    return found;
  }
  return { meta, failed: undefined, decodeAll: own.decodeAll, slice };
}

// Whether the bytes that a slice is cut from are there; those that are not are asked for.
/** @param {ReturnType<typeof storedBytes>} own @param {boolean} isStored @param {number} index @param {boolean} ahead */
function cameFor(own, isStored, index, ahead) {
  if (isStored) own.ask(index, !ahead); else own.decodeAll();
  return isStored ? own.isThere(index) : own.isWhole();
}

// The bytes of a plane's picture, of those of a volume.
/** @param {Plane} plane @param {StoredVolume["strides"][string]} strides @param {number} index @param {Uint8Array} bytes */
function bytesOn({ rows, columns }, { origin, along, down, right }, index, bytes) {
  const found = new Uint8Array(rows * columns);
  for (let row = 0, i = 0; row < rows; row++) {
    let at = origin + index * along + row * down;
    for (let column = 0; column < columns; column++, i++, at += right) found[i] = bytes[at];
  }
  return found;
}

// Calls `take` with the place, in the bytes of a volume, of each pixel of a plane's picture.
/** @param {Plane} plane @param {StoredVolume["strides"][string]} strides @param {number} index @param {(at: number, i: number) => void} take */
function eachPixel({ rows, columns }, { origin, along, down, right }, index, take) {
  for (let row = 0, i = 0; row < rows; row++) {
    let at = origin + index * along + row * down;
    for (let column = 0; column < columns; column++, i++, at += right) take(at, i);
  }
}

// The label maps of a volume, which have its shape.
/** @param {StoredData} data @param {StoredLabels} labels @param {Later} later @param {Arrived} arrived */
function storedLabels({ meta, shape, stored, strides }, labels, later, arrived) {
  const layers = labels.maps.map((pictures) => storedBytes({ shape, stored, pictures, masks: [], mask_of: [], type: "png" }, later, arrived));
  /** @param {string} name @param {number} index */
  const cut = (name, index) => layers.map(({ bytes }) => bytesOn(meta.planes[name], strides[name], index, bytes));
  /** @param {string} name @param {number} index @param {boolean} ahead */
  function slice(name, index, ahead) {
    const came = layers.map((layer) => cameFor(layer, name === stored, index, ahead));
    return came.every(Boolean) ? cut(name, index) : null;
  }
  return { slice };
}

// A volume that lies over others: its values at the pixels of their planes, between the nearest of its own.
/** @param {StoredOver} data @param {Later} later @param {Arrived} arrived */
function storedOver(data, later, arrived) {
  const own = storedBytes(data, later, () => { if (own.isWhole()) arrived(); });
  const { shape, scale: [low, step] } = data, [count, rows, columns] = shape;
  const isOutside = (/** @type {Vector} */ voxel) => voxel.some((place, axis) => place < -0.5 || place > shape[axis] - 0.5);
  const nearest = (/** @type {number} */ place, /** @type {number} */ axis) => clamp(Math.round(place), 0, shape[axis] - 1);
  const between = betweenOf(own.bytes, count, rows, columns);
  /** @param {Plane} plane @param {number} index @returns {Pixels | null} */
  function under(plane, index) {
    if (!own.isWhole()) return null;
    const values = new Float32Array(plane.rows * plane.columns), padding = new Uint8Array(Math.ceil(values.length / 8));
    const place = (/** @type {number} */ row, /** @type {number} */ column) => times(data.inverse, toPoint(plane, [index, row, column]));
    const origin = place(0, 0), [right, down] = [place(0, 1), place(1, 0)].map((end) => end.map((value, axis) => value - origin[axis]));
    for (let row = 0, i = 0; row < plane.rows; row++) for (let column = 0; column < plane.columns; column++, i++) {
      const voxel = origin.map((start, axis) => start + row * down[axis] + column * right[axis]), [s, r, c] = voxel;
      const beside = isOutside(voxel);
      const at = beside ? 0 : (nearest(s, 0) * rows + nearest(r, 1)) * columns + nearest(c, 2);
      if (beside || own.isMasked(at)) padding[i >> 3] |= 128 >> (i & 7);
      else values[i] = low + step * between(s, r, c);
    }
    return { values, padding };
  }
  return { under, decodeAll: own.decodeAll };
}

// The byte at a place between voxels, trilinear.
/** @param {Uint8Array} bytes @param {number} count @param {number} rows @param {number} columns */
function betweenOf(bytes, count, rows, columns) {
  /** @param {number} slice @param {number} row @param {number} column */
  return (slice, row, column) => {
    const s = clamp(slice, 0, count - 1), r = clamp(row, 0, rows - 1), c = clamp(column, 0, columns - 1);
    const s0 = Math.floor(s), r0 = Math.floor(r), c0 = Math.floor(c), fr = r - r0, fc = c - c0;
    const ds = s0 < count - 1 ? rows * columns : 0, dr = r0 < rows - 1 ? columns : 0, dc = c0 < columns - 1 ? 1 : 0;
    const line = (/** @type {number} */ i) => bytes[i] + fc * (bytes[i + dc] - bytes[i]);
    const area = (/** @type {number} */ i) => line(i) + fr * (line(i + dr) - line(i));
    const at = (s0 * rows + r0) * columns + c0;
    return area(at) + (s - s0) * (area(at + ds) - area(at));
  };
}
