// Where a picture lies on its canvas. Its geometry is {rows, columns, spacing}; `state` has its zoom and pan.

import { clamp } from "./greys.js";

// Where it lies on its canvas: CSS pixels of its corner, and CSS pixels for each mm (or whatever its spacing is in).
export function placement(canvas, geometry, state) {
  const [width, height] = [geometry.columns * geometry.spacing[1], geometry.rows * geometry.spacing[0]];
  const scale = Math.min(canvas.clientWidth / width, canvas.clientHeight / height) * state.zoom;
  const left = (canvas.clientWidth - width * scale) / 2 + state.pan[0];
  const top = (canvas.clientHeight - height * scale) / 2 + state.pan[1];
  return { left, top, scale, width: width * scale, height: height * scale };
}

export const pixelAt = (canvas, geometry, state, x, y) => {
  const at = placement(canvas, geometry, state);
  return [(y - at.top) / at.scale / geometry.spacing[0] - 0.5, (x - at.left) / at.scale / geometry.spacing[1] - 0.5];
};

// Zooms so that what lies at a place of the canvas stays there.
export function zoomTo(canvas, state, zoom, [x, y]) {
  const wanted = clamp(zoom, 0.5, state.maxZoom || 20), ratio = wanted / state.zoom;
  const middle = [canvas.clientWidth / 2, canvas.clientHeight / 2];
  state.pan = state.pan.map((pan, axis) => [x, y][axis] - middle[axis] - ([x, y][axis] - middle[axis] - pan) * ratio);
  state.zoom = wanted;
}
