// @ts-check
// Tools that measure on a picture, what was measured drawn on it, and the list of it below. See measures.js for its numbers.
//
// `host` is what they act on:
//   geometry()            {rows, columns, spacing} of the picture that is shown, null without one
//   plane(), index()      which picture is shown
//   goTo(item)            shows the picture that was measured on
//   draw(), tell()        draws anew; writes what lies under the pointer

import { make, makeButton, makeRow } from "./controls.js";
import { MEASURE_TOOLS } from "./keys.js";
import { MEASURES, isArea, lineOf, measureLines, sharedArea, wordsBeside } from "./measures.js";
import { penOf, sizeOf } from "./painting.js";
import { inside, pixelAt, placeOf, placement } from "./places.js";
import { capture, done, isInHand, placeIn } from "./pointer.js";
import { clipped, lineHeight, write } from "./words.js";

const LINE_COLOUR = "#5dffa9", SELECTED_COLOUR = "#fff"; // on a black ground line, which makes it readable on every grey
const GRIP = 7, FINGER_GRIP = 20; // CSS pixels around an end at which it is taken
const MIN_DRAG = 3; // CSS pixels; a shorter one is a click
const WORDS_SIZE = 12;
const WIDEST_WORDS = 0.65; // of the picture
/** @type {Record<string, Vector>} */
const NUDGES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** @typedef {CanvasRenderingContext2D} Pen */
/** @typedef {Zoomed & {tool: string, pointed: Vector | null}} Pointed */
/** @typedef {{geometry(): Geometry | null, plane(): string, index(): number, goTo(item: Measure): void, draw(): void, tell(): void}} MeasureHost */
/** What is being drawn: `moves` is the number of the end that follows the pointer, `of` that of the item it replaces or -1. */
/** @typedef {{kind: string, pixels: Vector[], moves: number, of: number, place: string, from: Vector, isLoose: boolean}} Draft */

/** @param {string} tool */
const isMeasuring = (tool) => MEASURE_TOOLS.some(([name]) => name === tool);

/**
 * @param {Element} root @param {HTMLCanvasElement} canvas @param {Pointed} state
 * @param {Pick<Shared<VolumeState | ImageState>, "get" | "set" | "save" | "on">} source @param {Measured} measured @param {MeasureHost} host
 */
export function measuring(root, canvas, state, source, measured, host) {
  /** @type {Measure[][]} */
  const before = []; // what undo goes back to
  /** @type {Draft | null} */
  let draft = null;
  let selected = -1, end = 0; // and which of its ends the keys move
  const items = () => source.get("measured") || [];
  const placeNow = () => `${host.plane()} ${host.index()}`;
  // Whether another picture or tool has been chosen since it was begun.
  const isLeft = (/** @type {Draft} */ { place, of, kind }) => place !== placeNow() || of < 0 && kind !== state.tool;
  const madeOf = (/** @type {Draft} */ { kind, pixels }) => measured.make(kind, pixels, host.plane(), host.index());
  // Those that are there, with the one that is being drawn.
  const seen = () => {
    if (!draft) return items();
    const drawn = madeOf(draft), { of } = draft;
    return of < 0 ? [...items(), drawn] : replaced(items(), of, drawn);
  };
  /** @param {Measure[]} wanted */
  function change(wanted) {
    before.push(items());
    put(wanted);
  }
  /** @param {Measure[]} wanted */
  function put(wanted) {
    if (selected >= wanted.length || end >= MEASURES[wanted[selected]?.kind]) [selected, end] = [-1, 0];
    source.set("measured", wanted);
    source.save();
    host.draw();
  }
  // What is being drawn is the last of the list, and of those that are there only when one of its ends is held.
  function remove(/** @type {number} */ number) {
    cancel();
    selected = -1;
    if (items()[number]) change(items().filter((_, other) => other !== number));
  }
  function undo() {
    if (cancel()) return;
    const last = before.pop();
    if (last) put(last);
  }
  function clear() {
    cancel();
    if (items().length) change([]);
  }
  const select = (/** @type {number} */ number) => {
    if (!items()[number]) return; // it is being drawn
    cancel();
    end = number === selected ? (end + 1) % MEASURES[items()[number].kind] : 0;
    selected = number;
    host.goTo(items()[number]);
    host.draw();
  };
  const textOf = (/** @type {Measure} */ item) => measureLines(measured.figures(item), valuesOf(item), measured.units(item));
  const valuesOf = (/** @type {Measure} */ item) => isArea(item.kind) ? measured.statistics(item) : undefined;
  const list = measureList(root, { remove, undo, select, nudge, clear, copy: () => copied(items().map(copyOf).join("\n")) });
  const copyOf = (/** @type {Measure} */ item, /** @type {number} */ number) =>
    [number + 1, item.kind, measured.where(item), ...(measured.isHere(item) ? textOf(item) : [])].join("\t");

  // Moves an end of one by keys, in pixels of its own picture.
  /** @param {number} number @param {Vector} by */
  function nudge(number, by) {
    const item = items()[number];
    if (!item) return; // it is being drawn
    cancel();
    if (number !== selected) select(number); else host.goTo(item);
    const geometry = host.geometry(), pixels = measured.pixelsOn(item, host.plane(), host.index());
    if (!geometry || !pixels) return;
    const moved = inside(geometry, pixels[end].map((place, axis) => place + by[axis]));
    change(replaced(items(), number, measured.make(item.kind, replaced(pixels, end, moved), host.plane(), host.index())));
  }

  // The number of the item, and of its end, at a place of the canvas: of those that the tools would take.
  /** @param {Vector} place @param {number} grip */
  function endAt(place, grip) {
    const geometry = host.geometry();
    if (!geometry) return null;
    const at = placement(sizeOf(canvas), geometry, state);
    for (const [number, item] of items().entries()) {
      const pixels = (isMeasuring(state.tool) || number === selected) && measured.pixelsOn(item, host.plane(), host.index());
      const one = pixels ? pixels.findIndex((pixel) => apart(placeOf(at, geometry, pixel), place) <= grip) : -1;
      if (pixels && one >= 0) return { number, one, pixels };
    }
    return null;
  }
  const pixelOf = (/** @type {Vector} */ place) => {
    const geometry = /** @type {Geometry} */ (host.geometry());
    return inside(geometry, pixelAt(sizeOf(canvas), geometry, state, place));
  };
  // Whether the hand takes an end or begins something new; what it begins follows the pointer.
  /** @param {PointerEvent} event */
  function begin(event) {
    const place = placeIn(canvas, event), pixel = pixelOf(place);
    const found = endAt(place, event.pointerType === "touch" ? FINGER_GRIP : GRIP);
    const rest = { place: placeNow(), from: place, isLoose: false };
    if (draft && isLeft(draft)) draft = null;
    if (draft?.isLoose) Object.assign(draft, { from: place, pixels: replaced(draft.pixels, draft.moves, pixel) });
    else if (found) {
      [selected, end] = [found.number, found.one];
      draft = { kind: items()[found.number].kind, pixels: found.pixels, moves: found.one, of: found.number, ...rest };
    } else if (isMeasuring(state.tool)) draft = { kind: state.tool, pixels: [pixel, pixel], moves: 1, of: -1, ...rest };
    return draft !== null;
  }
  /** @param {Vector} place */
  function follow(place) {
    if (!draft) return;
    draft.pixels = replaced(draft.pixels, draft.moves, pixelOf(place));
    host.draw();
  }
  // Where the pointer is let go: after a drag the end stays there, after a click it follows until the next one.
  /** @param {Vector} place */
  function letGo(place) {
    if (!draft) return;
    const { pixels, moves, kind, isLoose, from, of } = draft, isDragged = apart(from, place) > MIN_DRAG;
    if (of < 0 && !isDragged && !(isLoose && apart(pixels[moves], pixels[moves - 1]) > 0)) draft.isLoose = true;
    else if (of < 0 && moves + 1 < MEASURES[kind]) Object.assign(draft, { pixels: [...pixels, pixels[moves]], moves: moves + 1, isLoose: true });
    else finish(draft);
    host.draw();
  }
  /** @param {Draft} drawn */
  function finish(drawn) {
    if (drawn.pixels.every((pixel) => apart(pixel, drawn.pixels[0]) === 0)) { cancel(); return; } // as of a drag beside the picture
    const wanted = seen();
    [draft, selected] = [null, drawn.of < 0 ? wanted.length - 1 : drawn.of];
    if (drawn.of < 0) end = MEASURES[drawn.kind] - 1;
    list.say(selected);
    change(wanted);
  }
  // Something of the chosen kind in the middle of what is seen, for those who have no pointer.
  function measureMiddle() {
    const { width, height } = sizeOf(canvas), kind = state.tool, reach = Math.min(width, height) / 8, down = isArea(kind) ? reach : 0;
    const ways = kind === "angle" ? [[-reach, 0], [0, 0], [0, -reach]] : [[-reach, -down], [reach, down]];
    const pixels = ways.map(([x, y]) => pixelOf([width / 2 + x, height / 2 + y]));
    draft = { kind, pixels, moves: 0, of: -1, place: placeNow(), from: [0, 0], isLoose: false };
    list.focus(items().length);
    finish(draft);
  }
  const cancel = () => { const was = draft !== null; draft = null; if (was) host.draw(); return was; };

  wireMeasuring(canvas, state, { begin, follow, letGo, cancel, isDrawing: () => draft !== null, isReady: () => host.geometry() !== null });
  canvas.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && isMeasuring(state.tool) && host.geometry()) measureMiddle();
    else if ((event.key === "Delete" || event.key === "Backspace") && selected >= 0) remove(selected);
    else if (event.key === "z" && (event.ctrlKey || event.metaKey)) undo();
    else if (event.key !== "Escape" || !cancel()) return;
    done(event);
    event.stopImmediatePropagation();
  }, true);
  source.on("measured", host.draw);
  root.addEventListener("change", () => { if (draft && isLeft(draft)) cancel(); }); // as by the menu of tools

  // Draws what was measured on a canvas that shows a picture, and where it is cut by that; words keep clear of those that
  // stand there.
  /** @param {HTMLCanvasElement} drawn @param {Geometry} geometry @param {Zoomed} zoomed @param {string} plane @param {number} index @param {Box[]} written */
  function drawOn(drawn, geometry, zoomed, plane, index, written) {
    if (draft && isLeft(draft)) draft = null;
    const pen = penOf(drawn), size = sizeOf(drawn), at = placement(size, geometry, zoomed), toPlace = (/** @type {Vector} */ pixel) => placeOf(at, geometry, pixel);
    /** @type {{lines: string[], box: Box}[]} */
    const words = [];
    for (const [number, item] of seen().entries()) {
      const pixels = measured.pixelsOn(item, plane, index), colour = number === selected && drawn === canvas ? SELECTED_COLOUR : LINE_COLOUR;
      if (!pixels) { drawPieces(pen, measured.piecesOn(item, plane, index).map((piece) => piece.map(toPlace))); continue; }
      const line = lineOf(item.kind, pixels.map((pixel) => [0, ...pixel])).map(([, ...pixel]) => toPlace(pixel));
      drawLine(pen, line, colour);
      if (drawn !== canvas) continue;
      drawEnds(pen, pixels.map(toPlace), colour);
      const [first, ...lines] = textOf(item);
      if (first) words.push({ lines: [`${number + 1}: ${first}`, ...lines], box: boundsOf(line) });
    }
    drawWordsBeside(pen, words, size, written);
  }
  const show = () => list.show(seen().map((item, number) => ({
    text: [`${number + 1}: ${item.kind}`, ...(measured.isHere(item) ? textOf(item) : []), measured.where(item)].join(", "), isChosen: number === selected,
  })), before.length > 0 || draft !== null, end);
  return { drawOn, show };
}

/** @template One @param {One[]} list @param {number} at @param {One} wanted */
const replaced = (list, at, wanted) => list.map((one, number) => number === at ? wanted : one);

/** @param {Vector} one @param {Vector} other */
const apart = (one, other) => Math.hypot(one[0] - other[0], one[1] - other[1]);

/** @typedef {{begin(event: PointerEvent): boolean, follow(place: Vector): void, letGo(place: Vector): void, cancel(): boolean, isDrawing(): boolean, isReady(): boolean}} Hand */

// What is measured is taken from the hands of the viewer before they see it; two fingers are theirs.
/** @param {HTMLCanvasElement} canvas @param {Pointed} state @param {Hand} hand */
function wireMeasuring(canvas, state, hand) {
  /** @type {PointerEvent | null} */
  let held = null; // the pointer that is down
  let isGiven = false; // to the hands of the viewer
  canvas.addEventListener("pointerdown", (event) => {
    if (isGiven || event.pointerType === "touch" && !isInHand(canvas)) return;
    if (held) { // a second finger
      const first = held;
      held = null;
      hand.cancel();
      isGiven = true;
      canvas.dispatchEvent(new PointerEvent("pointerdown", first));
      isGiven = false;
    } else if (hand.isReady() && event.button === 0 && !event.shiftKey && hand.begin(event)) {
      held = event;
      capture(canvas, event);
      canvas.focus({ preventScroll: true });
      event.stopImmediatePropagation();
    }
  }, true);
  canvas.addEventListener("pointermove", (event) => {
    if (hand.isDrawing() && (!held || held.pointerId === event.pointerId)) hand.follow(placeIn(canvas, event));
  }, true);
  const stop = (/** @type {PointerEvent} */ event) => {
    if (held?.pointerId !== event.pointerId) return;
    held = null;
    if (event.type === "pointercancel") hand.cancel(); else hand.letGo(placeIn(canvas, event));
  };
  canvas.addEventListener("pointerup", stop, true);
  canvas.addEventListener("pointercancel", stop, true);
  canvas.addEventListener("dblclick", (event) => { if (isMeasuring(state.tool)) event.stopImmediatePropagation(); }, true);
}

// On the picture

/** @param {Pen} pen @param {Vector[]} line  places @param {string} colour */
function drawLine(pen, line, colour, dashes = /** @type {number[]} */ ([])) {
  const path = new Path2D();
  for (const [x, y] of line) path.lineTo(x, y); // the first one begins
  pen.lineJoin = "round";
  for (const [strokeStyle, lineWidth] of /** @type {const} */ ([["#000", 3.5], [colour, 1.5]])) {
    Object.assign(pen, { strokeStyle, lineWidth });
    pen.setLineDash(strokeStyle === colour ? dashes : []);
    pen.stroke(path);
  }
  pen.setLineDash([]);
}

// Ends are open, so that what lies below them is seen.
/** @param {Pen} pen @param {Vector[]} places @param {string} colour */
function drawEnds(pen, places, colour) {
  for (const [x, y] of places) drawLine(pen, [[x - 4, y - 4], [x + 4, y - 4], [x + 4, y + 4], [x - 4, y + 4], [x - 4, y - 4]], colour);
}

// Where a shape of another plane cuts this picture; between two such places it lies under the picture's line.
/** @param {Pen} pen @param {Vector[][]} pieces  places */
function drawPieces(pen, pieces) {
  for (const piece of pieces) {
    drawLine(pen, piece, LINE_COLOUR);
    const [x, y] = [0, 1].map((axis) => (piece[0][axis] + piece[1][axis]) / 2);
    drawLine(pen, [[x, y - 3], [x + 3, y], [x, y + 3], [x - 3, y], [x, y - 3]], LINE_COLOUR);
  }
  if (pieces.length < 2) return;
  const [first] = pieces[0], ends = pieces.flat(), far = ends.reduce((best, one) => apart(one, first) > apart(best, first) ? one : best);
  drawLine(pen, [ends.reduce((best, one) => apart(one, far) > apart(best, far) ? one : best), far], LINE_COLOUR, [3, 4]);
}

/** @param {Vector[]} line  places @returns {Box} */
function boundsOf(line) {
  const [low, high] = [Math.min, Math.max].map((most) => [0, 1].map((axis) => most(...line.map((place) => place[axis]))));
  return { low, high };
}

// Words of several measurements, each beside its own; only the first line of them, which the list goes on with, where all
// would cover others.
/** @param {Pen} pen @param {{lines: string[], box: Box}[]} words @param {Size} canvas @param {Box[]} written */
function drawWordsBeside(pen, words, canvas, written) {
  const kept = [...written], shapes = words.map(({ box }) => box), tall = lineHeight(WORDS_SIZE);
  const placed = (/** @type {string[]} */ lines, /** @type {Box} */ box) => {
    const wide = Math.max(...lines.map((text) => pen.measureText(text).width));
    return { lines, own: wordsBeside(box, [wide, lines.length * tall], canvas, [...kept, ...shapes]) };
  };
  for (const { lines: all, box } of words) {
    const lines = all.map((text) => clipped(pen, text, WORDS_SIZE, WIDEST_WORDS * canvas.width));
    const whole = placed(lines, box), isFree = kept.every((other) => !sharedArea(whole.own, other));
    const { lines: shown, own } = isFree ? whole : placed(lines.slice(0, 1), box);
    kept.push(own);
    shown.forEach((text, row) => write(pen, text, own.low[0], own.low[1] + row * tall, "left", "top", WORDS_SIZE, LINE_COLOUR));
  }
}

// Below the picture

/** @typedef {{remove(number: number): void, undo(): void, clear(): void, select(number: number): void, nudge(number: number, by: Vector): void, copy(): Promise<string>}} ListHost */

/** @param {Element} root @param {ListHost} host */
function measureList(root, host) {
  const box = make("details", { className: "dv-measures", open: true, hidden: true }, root);
  const title = make("summary", { textContent: "Measurements" }, box), row = makeRow(box);
  const undo = makeButton(row, "Undo"), clear = makeButton(row, "Clear"), copy = makeButton(row, "Copy as text");
  const said = make("span", { role: "status", className: "dv-status" }, row), list = make("div", { className: "dv-label-list" }, box);
  list.style.padding = "4px"; // for the ring of what has the focus
  /** @type {{line: HTMLElement, text: HTMLButtonElement}[]} */
  const lines = [];
  let toSay = -1, toFocus = -1; // once it is in the list, with its values
  undo.onclick = host.undo;
  clear.onclick = host.clear;
  copy.onclick = async () => { said.textContent = await host.copy(); };
  function addLine() {
    const number = lines.length, line = makeRow(list), text = makeButton(line, "");
    line.style.flexWrap = "nowrap"; // its button stays beside it
    text.style.maxWidth = "none";
    text.style.textAlign = "left";
    text.title = "Shows it. Arrow keys move an end, Enter goes to the next one, Delete takes it away.";
    text.onclick = () => host.select(number);
    text.onkeydown = (event) => {
      const by = NUDGES[event.key];
      if (by) host.nudge(number, by.map((step) => step * (event.shiftKey ? 10 : 1)));
      else if (event.key === "Delete" || event.key === "Backspace") {
        host.remove(number);
        (lines[Math.max(0, number - 1)]?.text || undo).focus();
      } else if (event.key === "z" && (event.ctrlKey || event.metaKey)) host.undo();
      else return;
      done(event);
    };
    makeButton(line, "✕", { ariaLabel: `Take away measurement ${number + 1}` }).onclick = () => host.remove(number);
    lines.push({ line, text });
  }
  /** @param {{text: string, isChosen: boolean}[]} entries @param {boolean} canUndo @param {number} end  that keys move */
  function show(entries, canUndo, end) {
    box.hidden = !entries.length && !canUndo;
    if (box.hidden) return;
    while (lines.length < entries.length) addLine();
    if (lines.length > entries.length) said.textContent = "";
    lines.splice(entries.length).forEach(({ line }) => line.remove());
    title.textContent = `Measurements: ${entries.length}`;
    [undo.disabled, clear.disabled, copy.disabled] = [!canUndo, !entries.length, !entries.length];
    entries.forEach(({ text, isChosen }, number) => {
      const button = lines[number].text, words = isChosen ? `${text} (end ${end + 1})` : text;
      if (button.textContent !== words) button.textContent = words;
      button.setAttribute("aria-pressed", String(isChosen));
    });
    if (entries[toFocus]) { lines[toFocus].text.focus(); toFocus = -1; }
    if (entries[toSay] && !entries[toSay].text.includes("…")) { said.textContent = entries[toSay].text; toSay = -1; }
  }
  return { show, say: (/** @type {number} */ number) => { toSay = number; }, focus: (/** @type {number} */ number) => { toFocus = number; } };
}

// Puts a text on the clipboard, where a page may; says how that went.
/** @param {string} text */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return "Copied.";
  } catch { return copiedBySelection(text); }
}

/** @param {string} text */
function copiedBySelection(text) {
  const area = make("textarea", { value: text, className: "", ariaLabel: "Measurements as text" }, document.body);
  area.select();
  const isCopied = document.execCommand("copy");
  if (isCopied) { area.remove(); return "Copied."; }
  area.onblur = () => area.remove();
  return "Press Ctrl and C: the text is selected.";
}
