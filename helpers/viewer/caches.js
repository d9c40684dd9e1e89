// @ts-check
// What is kept in the browser of what was fetched or decoded.

// Keeps what was used last, up to a number of bytes.
/** @template Key, Value @param {number} maxBytes @param {(value: Value) => number} sizeOf @returns {LastUsed<Key, Value>} */
export function lastUsed(maxBytes, sizeOf) {
  /** @type {Map<Key, Value>} */
  const kept = new Map();
  let bytes = 0;
  /** @param {Key} key */
  function drop(key) {
    const old = kept.get(key);
    if (old !== undefined) bytes -= sizeOf(old);
    kept.delete(key);
  }
  return {
    has: (key) => kept.has(key),
    get: (key) => {
      const found = kept.get(key);
      if (found !== undefined) { kept.delete(key); kept.set(key, found); } // the last one used is the last one dropped
      return found ?? null;
    },
    put: (key, value) => {
      drop(key);
      kept.set(key, value);
      bytes += sizeOf(value);
      for (const oldest of kept.keys()) {
        if (bytes <= maxBytes || oldest === key) break;
        drop(oldest);
      }
    },
  };
}
