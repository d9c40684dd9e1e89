// The volumes of a group (times, b-values, echoes): which one is shown, and which one is wanted and still has to come.
//
// A source with a group has, beside what volume.js says of it,
//   members            {name, labels, remark, one_window}; null without a group
//   shown, show(m)     the number of the volume that is shown, from 0
//   about(m)           the meta of a volume, or undefined where it still has to come
//   slice(p, i, ahead, m)   as of the volume that is shown, of another one
//   failed(f)          calls f(text, m) when a volume cannot be shown

import { labelled, make } from "./controls.js";

export const PREFETCHED = 6; // pictures fetched before they are asked for
const LARGE_BYTES = 2 ** 24; // of a volume; of larger ones a single one is loaded ahead

// A row with a slider, for a group; `host` is {position, planeName, indexIn(meta), change(values), tell(text)}.
export function memberSlider(root, source, host) {
  const { members } = source;
  if (!members) return null;
  const { labels } = members, lost = new Map(), last = labels.length - 1;
  let wanted = source.shown, way = 1;
  const row = make("div", { className: "dv-row" }, root);
  const slider = labelled(row, members.name, "input", { type: "range", min: 0, max: last, step: 1 });
  slider.title = "[ and ], or Shift and the arrow keys on the picture";
  const label = make("output", { className: "dv-member" }, row);
  slider.oninput = () => want(Number(slider.value));

  const asked = (m, ahead) => source.slice(host.planeName(), host.indexIn(source.about(m) || source.meta), ahead, m);
  function want(m) {
    way = Math.sign(m - source.shown) || way;
    wanted = m;
    if (lost.has(m)) refuse(m);
    else if (m !== source.shown && asked(m, false) && source.about(m)) show(m);
    draw();
  }
  function show(m) {
    const before = source.meta.windows, values = {};
    source.show(m);
    if (source.get("member") !== m) {
      values.voi = members.one_window ? source.get("voi") : ownWindow(source.get("voi"), before, source.meta.windows);
      values.member = m;
    }
    host.tell("");
    host.change({ ...values, index: host.indexIn(source.meta) });
    ahead();
  }
  function ahead() {
    const [{ count, rows, columns }] = Object.values(source.meta.planes);
    const far = 2 * count * rows * columns > LARGE_BYTES ? 1 : PREFETCHED;
    for (let m = source.shown + way, step = 0; step < far && m >= 0 && m <= last; m += way, step++) if (!lost.has(m)) asked(m, true);
  }
  function refuse(m) {
    wanted = source.shown;
    host.tell(lost.get(m));
  }
  // To the next volume that can be shown, from the last to the first where `round` says so.
  function step(by, round = false) {
    for (let m = wanted + by, tried = 0; tried <= last; m += by, tried++) {
      if (round) m = (m + last + 1) % (last + 1);
      if (m < 0 || m > last) return;
      if (!lost.has(m)) { want(m); return; }
    }
  }
  function draw() {
    slider.value = wanted;
    const count = `${wanted + 1} of ${labels.length}`, text = labels[wanted].endsWith(count) ? labels[wanted] : `${labels[wanted]} (${count})`;
    label.textContent = wanted === source.shown ? text : `${text} is loaded …`;
    slider.setAttribute("aria-valuetext", text);
  }

  source.on("member", () => { if (source.get("member") !== source.shown) want(source.get("member")); });
  source.arrived(() => { if (wanted !== source.shown) want(wanted); });
  source.failed((text, m) => {
    if (m === undefined || m === source.shown) return;
    lost.set(m, text);
    if (m === wanted) { refuse(m); draw(); }
  });
  if (source.get("member") !== source.shown) want(source.get("member"));
  draw();
  ahead();
  return { step, draw, waits: () => wanted !== source.shown, label: () => labels[source.shown] };
}

// The window of another volume that has the name of the one that is set; its first for a first, else the one that is set.
function ownWindow(voi, before, now) {
  const known = now.find((one) => one.name === voi.name) || (before[0].name === voi.name ? now[0] : null);
  return known ? { ...known } : voi;
}

// Keys that step through a group, before those that step through slices see them.
export function wireMemberKeys(canvas, slider) {
  const steps = { "[": -1, "]": 1, "Shift ArrowLeft": -1, "Shift ArrowUp": -1, "Shift ArrowRight": 1, "Shift ArrowDown": 1 };
  canvas.addEventListener("keydown", (event) => {
    const by = steps[event.shiftKey ? `Shift ${event.key}` : event.key];
    if (!by) return;
    slider.step(by);
    event.preventDefault(); event.stopImmediatePropagation();
  }, true);
}
