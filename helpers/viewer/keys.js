// @ts-check
// What keys, mouse and fingers do, as tables: the menus, the hands and the help read the same ones.

// What a drag does: its name in the state, its name for a reader, and the key that chooses it.
/** @typedef {[name: string, text: string, key: string]} Tool */
/** @type {Tool[]} */
export const MEASURE_TOOLS = [["distance", "distance", "d"], ["angle", "angle", "g"], ["rectangle", "rectangle", "r"], ["ellipse", "ellipse", "e"]];
/** @type {Tool[]} */
export const VOLUME_TOOLS = [["window", "window", "w"], ["slice", "slices", "s"], ["pan", "move", "m"], ["point", "point", "p"], ...MEASURE_TOOLS];
/** @type {Tool} */
export const OVER_TOOL = ["over", "overlay window", "o"];
/** @type {Tool[]} */
export const IMAGE_TOOLS = [["window", "window", "w"], ["slice", "images", "s"], ["pan", "move", "m"], ...MEASURE_TOOLS];

// [keys, what they do]
/** @typedef {[keys: string, text: string][]} Help */
/** @type {Help} */
const STEPPING = [
  ["Page Up, Page Down", "ten at once"],
  ["Home, End", "first and last"],
];
/** @type {Help} */
const LOOKING = [
  ["+ and −", "zoom"],
  ["0", "fit"],
  ["Space", "play, stop"],
  ["Alt and arrows", "what a drag does"],
  ["?", "this help"],
  ["Esc", "lets go: the wheel scrolls the page again"],
];
/** @type {Help} */
const MEASURING = [
  ["Enter", "measures, with one of these tools, in the middle of what is seen; in the list of measurements: the next of its ends"],
  ["Arrows in that list", "move its end, with Shift ten pixels"],
  ["Delete", "takes away the measurement that is selected"],
  ["Ctrl and Z", "undoes what was measured last"],
];
/** @type {Help} */
export const VOLUME_HELP = [
  ["↓ ↑, wheel", "slices: down is towards the feet, the back, the left"],
  ...STEPPING, ...LOOKING, ...MEASURING,
  ["Shift and drag", "move"],
  ["Ctrl and wheel", "zoom about the pointer"],
  ["Double click", "point: the other planes go there"],
  ["Tap", "takes the picture in hand: a finger then drags, and no longer scrolls the page"],
  ["Two fingers", "zoom and move"],
];
/** @type {Help} */
export const MEMBER_HELP = [["[ and ], Shift and arrows", "the other volumes"]];
/** @type {Help} */
export const IMAGE_HELP = [
  ["↓ ↑, wheel", "images"],
  ...STEPPING, ...LOOKING, ...MEASURING,
  ["Shift and drag", "move"],
  ["Ctrl and wheel", "zoom about the pointer"],
  ["Double click", "zoom in, and back"],
  ["Tap", "takes the picture in hand: a finger then drags, and no longer scrolls the page"],
  ["Two fingers", "zoom and move"],
];

// What the keys of tools do.
/** @param {Tool[]} tools @returns {Help} */
export const toolHelp = (tools) => [[tools.map(([, , key]) => key.toUpperCase()).join(", "), `drag: ${tools.map(([, text]) => text).join(", ")}`]];
