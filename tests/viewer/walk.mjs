// Walks through volumes as a page does it: reads [{meta, state, walk}] and prints the index after each step.
import { readFileSync } from "node:fs";

import { movesOf } from "../../helpers/viewer/moves.js";
import { pageState } from "../../helpers/viewer/sharing.js";

const volumes = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(volumes.map(({ meta, state, walk }) => {
  const shared = { ...pageState(state), meta, slice: () => null }, moves = movesOf(shared, () => {});
  return walk.map(([what, value]) => {
    if (what === "plane") moves.setPlane(value); else moves.setIndex(value);
    return shared.get("index");
  });
})));
