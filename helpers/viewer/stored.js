// A page without a kernel: it holds all slices, as JPEG pictures of bytes; the other planes are cut from them here.

import { make } from "./controls.js";
import { clamp } from "./greys.js";
import { storedImages } from "./image_sources.js";
import { storedPixels } from "./painting.js";
import { times, toPoint } from "./planes.js";
import { mount } from "./volume.js";

const MAX_CUTS = 40; // pictures that are kept as they were cut

// Mounts a viewer in each section, on the data that stand there; several move together, by the position in the patient.
export function standalone(sections) {
  const sources = [...sections].map((section) => {
    const data = JSON.parse(section.querySelector("script").textContent);
    const source = data.meta.images ? storedImages(data) : storedSource(data);
    (data.meta.images ? mountImages : mount)(section.querySelector("div"), source);
    make("p", { textContent: data.note, className: "dv-note" }, section.querySelector(".dv"));
    return source;
  });
  const link = (source) => sources.forEach((other) => {
    const point = source.get("position_mm");
    if (String(other.get("position_mm")) !== String(point)) other.set("position_mm", point);
  });
  sources.forEach((source) => source.on("position_mm", () => link(source)));
  link(sources[0]);
}

function storedSource(data) {
  const listeners = [], failures = [], handlers = {}, state = { ...data.state }, { group } = data;
  const over = data.over ? storedOver(data.over, decoding(), () => arrived()) : null;
  const labels = data.labels ? storedLabels(data, decoding(), (...of) => arrived(...of)) : null;
  const jobs = decoding(), arrived = (...of) => listeners.forEach((tell) => tell(...of));
  const cuts = new Map(), wholly = (own) => own ? { ...own, meta: { ...data.meta, ...own.meta } } : data;
  const stored = (group ? group.members : [null]).map((own, member) => own?.failed ? own : storedVolume(wholly(own), jobs, arrived, cuts, member));
  let shown = state.member;
  stored[shown].decodeAll(state.index);
  over?.decodeAll();
  return {
    get meta() { return stored[shown].meta; },
    get shown() { return shown; },
    members: group,
    over: data.over,
    labels: data.labels,
    about: (member) => stored[member].meta,
    show: (member) => { shown = member; },
    get: (name) => state[name],
    set: (name, value) => { state[name] = value; (handlers[name] || []).forEach((tell) => tell()); },
    save: () => {},
    on: (name, tell) => (handlers[name] ||= []).push(tell),
    arrived: (tell) => listeners.push(tell),
    failed: (tell) => failures.push(tell),
    slice: (name, index, ahead = false, member = shown) => {
      const { failed } = stored[member];
      if (failed) { queueMicrotask(() => failures.forEach((tell) => tell(failed, member))); return null; }
      const found = stored[member].slice(name, index, ahead);
      if (found && labels) found.maps ||= labels.slice(name, index, ahead);
      if (found && over) found.over ||= over.under(stored[member].meta.planes[name], index);
      return found;
    },
  };
}

// Pictures that have to be decoded, one after the other, those that are looked at first.
function decoding() {
  const jobs = [];
  let busy = false;
  const work = async () => {
    if (busy) return;
    busy = true;
    while (jobs.length) {
      try { await jobs.shift()(); } catch { /* a picture that cannot be decoded stays black, the others come */ }
    }
    busy = false;
  };
  return (job, first) => { if (first) jobs.unshift(job); else jobs.push(job); work(); };
}

// The bytes of a volume's own slices, as they are decoded.
function storedBytes(data, later, arrived) {
  const { shape: [count, rows, columns] } = data, area = rows * columns;
  const bytes = new Uint8Array(count * area), asked = new Uint8Array(count), there = new Uint8Array(count), masks = [];
  let left = count;
  const bytesOf = async (address) => (await storedPixels(address, [rows, columns])).filter((_, place) => place % 4 === 0);
  async function decode(number) {
    for (let mask = masks.length; mask < data.masks.length; mask++) masks.push(await bytesOf(`data:image/png;base64,${data.masks[mask]}`));
    bytes.set(await bytesOf(`data:image/${data.type};base64,${data.pictures[number]}`), number * area);
    there[number] = 1;
    left -= 1;
    arrived(data.stored, number);
  }
  const ask = (number, first) => { if (!asked[number]) { asked[number] = 1; later(() => decode(number), first); } };
  return {
    bytes,
    ask,
    decodeAll: (middle = 0) => [...asked.keys()].sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle)).forEach((number) => ask(number, false)),
    isThere: (number) => there[number],
    isWhole: () => !left,
    isMasked: (at) => masks[data.mask_of[Math.floor(at / area)]]?.[at % area] > 127,
  };
}

// A volume as it is looked at; its planes are cut from its bytes.
function storedVolume(data, later, arrived, cuts, member) {
  const { meta, scale: [low, step] } = data, own = storedBytes(data, later, arrived);
  const kind = data.float ? Float32Array : Int16Array;
  function cut(name, index) {
    const plane = meta.planes[name], length = plane.rows * plane.columns;
    const values = new kind(length), padding = data.masks.length ? new Uint8Array(Math.ceil(length / 8)) : null;
    eachPixel(plane, data.strides[name], index, (at, i) => {
      values[i] = low + step * own.bytes[at];
      if (padding && own.isMasked(at)) padding[i >> 3] |= 128 >> (i & 7);
    });
    return { values, padding };
  }
  return {
    meta,
    decodeAll: own.decodeAll,
    slice: (name, index, ahead) => {
      const isStored = name === data.stored, key = `${member} ${name} ${index}`;
      if (isStored) own.ask(index, !ahead); else own.decodeAll();
      if (isStored ? !own.isThere(index) : !own.isWhole()) return null;
      if (!cuts.has(key)) {
        if (cuts.size > MAX_CUTS) cuts.delete(cuts.keys().next().value);
        cuts.set(key, cut(name, index));
      }
      return cuts.get(key);
    },
  };
}

// Calls `take` with the place, in the bytes of a volume, of each pixel of a plane's picture.
function eachPixel({ rows, columns }, { origin, along, down, right }, index, take) {
  for (let row = 0, i = 0; row < rows; row++) {
    let at = origin + index * along + row * down;
    for (let column = 0; column < columns; column++, i++, at += right) take(at, i);
  }
}

// The label maps of a volume, which have its shape.
function storedLabels(data, later, arrived) {
  const { meta, shape, stored, labels } = data;
  const layers = labels.maps.map((pictures) => storedBytes({ shape, stored, pictures, masks: [], type: "png" }, later, arrived));
  const cut = (name, index) => layers.map(({ bytes }) => {
    const plane = meta.planes[name], map = new Uint8Array(plane.rows * plane.columns);
    eachPixel(plane, data.strides[name], index, (at, i) => { map[i] = bytes[at]; });
    return map;
  });
  return {
    slice: (name, index, ahead) => {
      const isStored = name === stored;
      for (const layer of layers) if (isStored) layer.ask(index, !ahead); else layer.decodeAll();
      return layers.every((layer) => isStored ? layer.isThere(index) : layer.isWhole()) ? cut(name, index) : null;
    },
  };
}

// A volume that lies over others: its values at the pixels of their planes, between the nearest of its own.
function storedOver(data, later, arrived) {
  const own = storedBytes(data, later, () => { if (own.isWhole()) arrived(); });
  const { shape, scale: [low, step] } = data, [count, rows, columns] = shape, { bytes } = own;
  const nearest = (voxel, axis) => clamp(Math.round(voxel), 0, shape[axis] - 1);
  function between(slice, row, column) {
    const [s, r, c] = [clamp(slice, 0, count - 1), clamp(row, 0, rows - 1), clamp(column, 0, columns - 1)];
    const [s0, r0, c0] = [Math.floor(s), Math.floor(r), Math.floor(c)];
    const ds = s0 < count - 1 ? rows * columns : 0, dr = r0 < rows - 1 ? columns : 0, dc = c0 < columns - 1 ? 1 : 0;
    const at = (s0 * rows + r0) * columns + c0, fs = s - s0, fr = r - r0, fc = c - c0;
    const line = (i) => bytes[i] + fc * (bytes[i + dc] - bytes[i]);
    const area = (i) => line(i) + fr * (line(i + dr) - line(i));
    return area(at) + fs * (area(at + ds) - area(at));
  }
  function under(plane, index) {
    if (!own.isWhole()) return null;
    const values = new Float32Array(plane.rows * plane.columns), padding = new Uint8Array(Math.ceil(values.length / 8));
    const place = (row, column) => times(data.inverse, toPoint(plane, [index, row, column]));
    const origin = place(0, 0), [right, down] = [place(0, 1), place(1, 0)].map((end) => end.map((value, axis) => value - origin[axis]));
    for (let row = 0, i = 0; row < plane.rows; row++) for (let column = 0; column < plane.columns; column++, i++) {
      const [s, r, c] = [0, 1, 2].map((axis) => origin[axis] + row * down[axis] + column * right[axis]);
      const outside = s < -0.5 || r < -0.5 || c < -0.5 || s > count - 0.5 || r > rows - 0.5 || c > columns - 0.5;
      const at = outside ? 0 : (nearest(s, 0) * rows + nearest(r, 1)) * columns + nearest(c, 2);
      if (outside || own.isMasked(at)) padding[i >> 3] |= 128 >> (i & 7);
      else values[i] = low + step * between(s, r, c);
    }
    return { values, padding };
  }
  return { under, decodeAll: own.decodeAll };
}
