// @ts-check
// The state that a viewer shares: with the kernel through a widget's model, or with the other viewers of a page.

// `received` is told what the kernel sends: a message, and its buffers.
/** @param {Model} model @param {(message: any, buffers: DataView[]) => void} received @returns {Shared<any> & {off(): void}} */
export function modelState(model, received) {
  /** @type {[string, (...told: any[]) => void][]} */
  const handlers = [["msg:custom", received]];
  model.on("msg:custom", received);
  return {
    get: (name) => model.get(String(name)),
    set: (name, value) => model.set(String(name), value),
    save: () => model.save_changes(),
    on: (name, tell) => {
      handlers.push([`change:${String(name)}`, tell]);
      model.on(`change:${String(name)}`, tell);
    },
    off: () => handlers.forEach(([name, tell]) => model.off(name, tell)),
  };
}

/** @template State @param {State} values @returns {Shared<State>} */
export function pageState(values) {
  const state = { ...values };
  /** @type {Map<keyof State, (() => void)[]>} */
  const handlers = new Map();
  return {
    get: (name) => state[name],
    set: (name, value) => {
      state[name] = value;
      (handlers.get(name) || []).forEach((tell) => tell());
    },
    save: () => {},
    on: (name, tell) => { handlers.set(name, [...handlers.get(name) || [], tell]); },
  };
}

// Those who want to hear of something, and what tells them.
/** @template {any[]} Told @returns {Listeners<Told>} */
export function listeners() {
  /** @type {((...told: Told) => void)[]} */
  const tells = [];
  return {
    add: (tell) => { tells.push(tell); },
    tell: (...told) => tells.forEach((tell) => tell(...told)),
  };
}

// The bytes of a buffer of a message.
/** @param {DataView | undefined} part @returns {ArrayBuffer} */
export function bytesOf(part) {
  return part ? /** @type {ArrayBuffer} */ (part.buffer).slice(part.byteOffset, part.byteOffset + part.byteLength) : new ArrayBuffer(0);
}

// One bit a pixel; null where none is padded.
/** @param {DataView | undefined} part */
export const paddingOf = (part) => part?.byteLength ? new Uint8Array(bytesOf(part)) : null;
