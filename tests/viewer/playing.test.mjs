// Which frame is shown when.
import assert from "node:assert/strict";
import { test } from "node:test";

import { frameAt, playPlan } from "../../helpers/viewer/playing.js";

test("frames of equal length, from the first of their run", () => {
  const plan = playPlan({ start: 10, stop: 14, ms: [40] }, 0);
  assert.deepEqual(plan, { order: [10, 11, 12, 13], starts: [0, 40, 80, 120], total: 160, rate: 25, ahead: 3 });
});

test("frames that have times of their own", () => {
  const plan = playPlan({ start: 0, stop: 3, ms: [10, 50, 40] }, 0);
  assert.deepEqual([plan.starts, plan.total], [[0, 10, 60], 100]);
  assert.deepEqual([0, 9, 10, 59, 60, 99, 100, 111, 1060].map((ms) => frameAt(plan, ms)), [0, 0, 1, 1, 2, 2, 0, 1, 2]);
});

test("a rate that was typed, and one that a header does not give", () => {
  assert.deepEqual(playPlan({ start: 0, stop: 3, ms: [10, 50, 40] }, 50).starts, [0, 20, 40]);
  assert.deepEqual(playPlan({ start: 0, stop: 3 }, 0), { order: [0, 1, 2], starts: [0, 1000, 2000], total: 3000, rate: 1, ahead: 2 });
});

test("a run that sweeps goes there and back, its ends once", () => {
  const plan = playPlan({ start: 5, stop: 9, ms: [10, 20, 30, 40], sweeps: true }, 0);
  assert.deepEqual(plan.order, [5, 6, 7, 8, 7, 6]);
  assert.deepEqual(plan.starts, [0, 10, 30, 60, 100, 130]);
  assert.equal(plan.total, 150);
});

test("every frame is found at its own time, in a long run too", () => {
  const plan = playPlan({ start: 0, stop: 1000, ms: [33.333] }, 0);
  plan.starts.forEach((start, frame) => assert.equal(frameAt(plan, start + 1), frame));
  assert.equal(plan.ahead, 30);
});
