// A page without a kernel: it holds all slices, as JPEG pictures of bytes; the other planes are cut from them here.

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
  const { meta, shape: [count, rows, columns], scale: [low, step] } = data, area = rows * columns;
  const bytes = new Uint8Array(count * area), decoded = new Array(count).fill(false), listeners = [], handlers = {};
  const kind = data.float ? Float32Array : Int16Array, state = { ...data.state };
  const masks = [], masked = (at) => masks[data.mask_of[Math.floor(at / area)]]?.[at % area] > 127;
  const cuts = new Map();
  let left = count;

  async function bytesOf(address) {
    const picture = new Image();
    picture.src = address;
    await picture.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.drawImage(picture, 0, 0);
    return pen.getImageData(0, 0, columns, rows).data.filter((_, place) => place % 4 === 0);
  }
  async function decode(number) {
    bytes.set(await bytesOf(`data:image/jpeg;base64,${data.pictures[number]}`), number * area);
    decoded[number] = true;
    left -= 1;
    listeners.forEach((tell) => tell(data.stored, number));
  }
  function cut(name, index) {
    const plane = meta.planes[name], { origin, along, down, right } = data.strides[name];
    const values = new kind(plane.rows * plane.columns), padding = masks.length ? new Uint8Array(Math.ceil(values.length / 8)) : null;
    for (let row = 0, i = 0; row < plane.rows; row++) {
      let at = origin + index * along + row * down;
      for (let column = 0; column < plane.columns; column++, i++, at += right) {
        values[i] = low + step * bytes[at];
        if (padding && masked(at)) padding[i >> 3] |= 128 >> (i & 7);
      }
    }
    return { values, padding };
  }
  const nearestFirst = [...decoded.keys()].sort((a, b) => Math.abs(a - state.index) - Math.abs(b - state.index));
  (async () => {
    for (const mask of data.masks) masks.push(await bytesOf(`data:image/png;base64,${mask}`));
    for (const number of nearestFirst) await decode(number);
  })();
  return {
    meta,
    get: (name) => state[name],
    set: (name, value) => { state[name] = value; (handlers[name] || []).forEach((tell) => tell()); },
    save: () => {},
    on: (name, tell) => (handlers[name] ||= []).push(tell),
    arrived: (tell) => listeners.push(tell),
    slice: (name, index) => {
      if (name === data.stored ? !decoded[index] : left) return null;
      const key = `${name} ${index}`;
      if (!cuts.has(key)) {
        if (cuts.size > 40) cuts.delete(cuts.keys().next().value);
        cuts.set(key, cut(name, index));
      }
      return cuts.get(key);
    },
  };
}
