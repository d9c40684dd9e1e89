// What mouse, pen, fingers and keys do on a picture.

import { dragged, rounded } from "./greys.js";
import { zoomTo } from "./places.js";

// Mouse, pen and fingers on a picture. `host` is what they act on:
//   index(), count(), setIndex(i)   which picture is shown, of how many
//   voi(), setVoi(voi), range()     its window, and {low, high} of its values
//   point(at), doubled(at)          a place on the canvas that is pointed to, or clicked twice
//   draw(), tell()                  draws anew; writes what lies under the pointer
export function wirePointer(canvas, state, host) {
  const pointers = new Map();
  let start = null;
  const place = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  canvas.onpointerdown = (event) => {
    canvas.focus({ preventScroll: true });
    try { canvas.setPointerCapture(event.pointerId); } catch { /* a pointer that is gone already */ }
    pointers.set(event.pointerId, place(event));
    const usual = state.tool === "window" && !host.voi() ? "pan" : state.tool; // colours have no window
    const tool = event.button === 1 || event.shiftKey ? "pan" : event.button === 2 ? "slice" : usual;
    start = { at: place(event), tool, index: host.index(), voi: host.voi(), pan: [...state.pan], apart: 0, zoom: state.zoom };
    if (tool === "point") host.point(start.at);
  };
  canvas.onpointermove = (event) => {
    const at = place(event);
    state.pointed = at;
    if (!start || !pointers.has(event.pointerId)) { host.tell(); return; }
    pointers.set(event.pointerId, at);
    if (pointers.size === 2) { pinch(); return; }
    const [dx, dy] = [at[0] - start.at[0], at[1] - start.at[1]];
    if (start.tool === "pan") { state.pan = [start.pan[0] + dx, start.pan[1] + dy]; host.draw(); }
    else if (start.tool === "slice") host.setIndex(start.index + dy / Math.max(2, canvas.clientHeight / host.count()));
    else if (start.tool === "point") host.point(at);
    else if (start.voi) host.setVoi(dragged(start.voi, dx, dy, host.range()));
  };
  const pinch = () => {
    const [a, b] = [...pointers.values()], apart = Math.hypot(a[0] - b[0], a[1] - b[1]);
    start.apart ||= apart;
    zoomTo(canvas, state, start.zoom * apart / start.apart, [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]);
    host.draw();
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => { pointers.delete(event.pointerId); if (!pointers.size) start = null; };
  canvas.onpointerleave = () => { state.pointed = null; host.tell(); };
  canvas.oncontextmenu = (event) => event.preventDefault();
  canvas.ondblclick = (event) => host.doubled(place(event));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) { zoomTo(canvas, state, state.zoom * Math.exp(-event.deltaY / 300), place(event)); host.draw(); }
    else host.setIndex(host.index() + Math.sign(event.deltaY));
  }, { passive: false });
}

export function wireKeys(canvas, { index, count, setIndex }) {
  const steps = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1, PageUp: -10, PageDown: 10 };
  canvas.onkeydown = (event) => {
    if (event.key in steps) setIndex(index() + steps[event.key]);
    else if (event.key === "Home") setIndex(0);
    else if (event.key === "End") setIndex(count() - 1);
    else return;
    event.preventDefault(); event.stopPropagation();
  };
}

export function wireHistogram(canvas, { voi, setVoi, range }) {
  canvas.onpointerdown = canvas.onpointermove = (event) => {
    if (!event.buttons || !voi()) return;
    const box = canvas.getBoundingClientRect(), { low, high } = range();
    setVoi({ ...asWindow(voi()), center: rounded(canvas.toValue(event.clientX - box.left), (high - low) / 800) });
  };
  canvas.onkeydown = (event) => {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (!(event.key in steps) || !voi()) return;
    const [dx, dy] = steps[event.key];
    setVoi(dragged(voi(), 8 * dy, 8 * dx, range()));
    event.preventDefault(); event.stopPropagation();
  };
}
