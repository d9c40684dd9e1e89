// @ts-check
// Frames that follow the clock: those for which there is no time, or which have not come, are dropped.

import { short } from "./greys.js";

export const SLIDE_SHOW_MS = 1000; // that an image of one view is shown when played
const SYNC_MS = 1000; // between two times that the kernel hears of the frame that plays
const RATE_MS = 2000; // over which the frames that were shown are counted
const SETTLED_MS = 4000; // after which a rate that is not kept is told

// {order, starts, total, rate, ahead}: which images follow each other, when each begins (ms), and how many are fetched ahead.
/** @param {Run} run @param {number} rate  frames per second that were typed, 0 without @returns {Plan} */
export function playPlan(run, rate) {
  const length = run.stop - run.start, ms = run.ms || [SLIDE_SHOW_MS];
  const msOf = (/** @type {number} */ frame) => rate ? 1000 / rate : ms[ms.length > 1 ? frame : 0];
  const frames = Array.from({ length }, (_, frame) => frame);
  if (run.sweeps) frames.push(...frames.slice(1, -1).reverse());
  /** @type {number[]} */
  const starts = [];
  let total = 0;
  for (const frame of frames) { starts.push(total); total += msOf(frame); }
  const order = frames.map((frame) => run.start + frame), usual = total / frames.length;
  return { order, starts, total, rate: 1000 / usual, ahead: Math.min(order.length - 1, usual < 500 ? 30 : 2) };
}

// Which of a plan's frames is shown after so many ms.
/** @param {{starts: number[], total: number}} plan @param {number} elapsed */
export function frameAt({ starts, total }, elapsed) {
  const time = elapsed % total;
  let low = 0, high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle] <= time) low = middle; else high = middle - 1;
  }
  return low;
}

// Plays images; `host` is {index, plan, draw, tell(words)}: the image that is shown, what is to be played, and what changes.
/** @param {ImageSource} source @param {{index(): number, plan(): Plan, draw(): void, tell(words: string): void}} host */
export function playerOf(source, host) {
  /** @type {{index: number, since: number, synced: number, request: number, seen: number[]} | null} */
  let playing = null;
  const keep = (/** @type {number} */ index) => { source.set("index", index); source.save(); };
  function start() {
    const plan = host.plan(), index = host.index(), first = Math.max(0, plan.order.indexOf(index));
    playing = { index, since: performance.now() - plan.starts[first], synced: 0, request: 0, seen: [] };
    playing.request = requestAnimationFrame((now) => tick(plan, now));
    host.draw();
  }
  function stop() {
    if (!playing) return;
    const { index } = playing;
    halt();
    host.tell("");
    keep(index);
    host.draw();
  }
  function halt() {
    if (playing) cancelAnimationFrame(playing.request);
    playing = null;
  }
  /** @param {Plan} plan @param {number} now */
  function tick(plan, now) {
    if (!playing) return;
    playing.request = requestAnimationFrame((next) => tick(plan, next));
    const at = frameAt(plan, now - playing.since), wanted = plan.order[at];
    for (let step = 0; step <= plan.ahead; step++) source.image(plan.order[(at + step) % plan.order.length], true);
    if (wanted !== playing.index && source.has(wanted)) {
      playing.index = wanted;
      playing.seen.push(now);
      host.draw();
    }
    if (now - playing.synced > SYNC_MS) sync(playing, plan, now);
  }
  /** @param {NonNullable<typeof playing>} playing @param {Plan} plan @param {number} now */
  function sync(playing, plan, now) {
    playing.synced = now;
    keep(playing.index);
    playing.seen = playing.seen.filter((time) => time > now - RATE_MS);
    const rate = 1000 * playing.seen.length / RATE_MS;
    const isSlow = now - playing.since > SETTLED_MS && rate < 0.8 * Math.min(plan.rate, 60);
    host.tell(isSlow ? `shows ${rate.toFixed(0)} of ${short(plan.rate)} frames per second` : "");
  }
  return {
    start, stop, halt,
    isOn: () => playing !== null,
    index: () => playing?.index ?? null,
    toggle: () => playing ? stop() : start(),
    again: () => { if (playing) { stop(); start(); } },
  };
}
